"""A bulk fork as the audit stream has it: asked for, begun once for each key, ended.

What it is made of is fixed when it begins: executions born by then that the filter names. That, and
the id of the batch, stand in the entry of its beginning, so that any server goes on with it.
"""

import asyncio
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec

from engine.model.ids import format_id
from engine.ports.audit import AuditFilter, AuditRow, Deed
from projections.database import Row
from projections.questions.executions import ExecutionFilter, count_executions, list_executions
from schemas.api.answers import FaultPlace
from schemas.api.bulk import DEFAULT_LIMIT, BulkFilter, BulkSummary
from schemas.api.forks import Fork
from schemas.json_text import dumps, loads, write_unknown
from server.api.door.exchange import Services
from server.api.door.problem import ProblemRaised
from server.api.door.times import parse_time
from server.api.executions.listing import filter_of
from server.api.forks.forking import Asker

ACTION: Final = "execution.bulk_forked"
"""What is recorded when a batch begins, and when it ends: the member `phase` says which."""

_ENDED = ("completed", "failed", "cancelled", "timed_out")
_CATCH_UP_S = 5.0
_LOOK_S = 0.05
_PAGE = 200
_sorted = msgspec.json.Encoder(enc_hook=write_unknown, order="sorted")


@dataclass(frozen=True)
class BulkOrder:
    """What is asked for. `fork`: of each; `key`: the Idempotency-Key."""

    chosen: BulkFilter
    fork: Fork
    redrive: bool
    again: bool
    limit: int | None
    rate: int | None
    key: str | None = None

    def request_hash(self) -> str:
        """Tells whether a request is the same one again."""
        fork = self.fork.model_dump(exclude={"reason", "dry_run"})
        asked = [self.chosen.model_dump(), fork, self.redrive, self.again, self.limit]
        return hashlib.sha256(b"bulk" + _sorted.encode(asked)).hexdigest()


@dataclass(frozen=True)
class Selection:
    """Executions born before `horizon` (ms since 1970) that the filter names, the newest `limit`.
    `closed`: those that ended behind the horizon were not of them yet."""

    namespace: str
    wanted: ExecutionFilter
    horizon: int
    limit: int | None
    closed: bool

    @classmethod
    def of(cls, namespace: str, order: BulkOrder, horizon: int) -> "Selection":
        """What the request names. Problem: body.invalid."""
        chosen = order.chosen
        closed = (
            chosen.status in _ENDED
            or chosen.error is not None
            or any(one.startswith("output") for one in chosen.where)
        )
        return cls(namespace, _filter(namespace, chosen), horizon, order.limit, closed)

    @property
    def end(self) -> UUID:
        """Every id that was given out before the horizon is lower."""
        return UUID(int=self.horizon << 80)

    async def count(self, services: Services) -> int:
        """How many there are. Problem: bulk.too_many."""
        rows = await count_executions(
            services.executions, self.namespace, self.wanted, before=self.end
        )
        found: int = rows[0]["count"]
        if self.limit is None and found > DEFAULT_LIMIT:
            raise ProblemRaised(
                "bulk.too_many", f"the filter names {found} executions; {DEFAULT_LIMIT} need no"
                " limit",
            )  # fmt: skip
        return found if self.limit is None else min(found, self.limit)

    async def page(self, services: Services, before: UUID | None) -> Sequence[Row]:
        """The next rows behind `before`, the newest first; none: there are no more."""
        place = before or self.end
        while True:
            rows = await list_executions(
                services.executions, self.namespace, self.wanted, before=place, limit=_PAGE
            )
            own = [row for row in rows if not (self.closed and self._ended_behind(row))]
            if own or len(rows) < _PAGE:
                return own
            place = rows[-1]["execution_id"]

    def _ended_behind(self, row: Row) -> bool:
        return row["closed_at"] is None or row["closed_at"] >= self.horizon


def _filter(namespace: str, chosen: BulkFilter) -> ExecutionFilter:
    given: dict[str, Any] = chosen.model_dump()
    try:
        for name in ("started_after", "started_before"):
            given[name] = None if given[name] is None else parse_time(name, given[name])
        return filter_of(namespace, given)
    except ProblemRaised as problem:
        place = FaultPlace(detail=problem.detail, pointer="/filter")
        raise ProblemRaised("body.invalid", problem.detail, [place]) from None


@dataclass(frozen=True)
class Batch:
    """A bulk fork that has begun. `behind`: events that the execution list had not read then."""

    id: str
    selection: Selection
    count: int
    behind: int


async def begun(asker: Asker, order: BulkOrder) -> Batch:
    """The batch of this key: as it began, or begun and recorded now. Problems: body.invalid,
    bulk.too_many, idempotency.mismatch."""
    name = await _name(asker, order)
    first = None if order.key is None else await _first(asker, name)
    if first is None:
        await asker.services.audit.record(await _beginning(asker, name, order))
        first = await _first(asker, name)
        assert first is not None, "it was recorded"
    facts = loads(first.data)
    if facts["request"] != await _veiled(asker, order.request_hash()):
        raise ProblemRaised(
            "idempotency.mismatch", f"the key was used for another bulk request, {name}"
        )
    selection = Selection.of(asker.namespace, order, facts["horizon"])
    return Batch(name, selection, facts["count"], facts["behind"])


async def ended(asker: Asker, batch: Batch, summary: BulkSummary) -> None:
    """Record what became of it."""
    await asker.services.audit.record(
        Deed(
            asker.namespace, asker.actor, ACTION, batch.id, asker.asked,
            {
                "phase": "ended",
                "count": batch.count,
                "forked": summary.forked,
                "before": summary.before,
                "skipped": {one.code: one.count for one in summary.skipped},
                "failed": {one.code: one.count for one in summary.failed},
            },
        )
    )  # fmt: skip


async def _name(asker: Asker, order: BulkOrder) -> str:
    if order.key is None:
        return format_id("ba", uuid4())
    text = f"{asker.namespace}\0{await _veiled(asker, order.key)}"
    return format_id("ba", UUID(bytes=hashlib.sha256(text.encode()).digest()[:16]))


async def _first(asker: Asker, name: str) -> AuditRow | None:
    """The entry of the beginning; where two servers began it at once, it is the earlier one."""
    found: AuditRow | None = None
    wanted, before = AuditFilter(action=ACTION, target=name), None
    while rows := await asker.services.audit.find(asker.namespace, wanted, before):
        begins = [row for row in rows if loads(row.data)["phase"] == "begun"]
        found, before = begins[-1] if begins else found, rows[-1].position
    return found


async def _beginning(asker: Asker, name: str, order: BulkOrder) -> Deed:
    services = asker.services
    horizon = await services.leases.now_ms()
    selection = Selection.of(asker.namespace, order, horizon)
    behind = await caught_up(services)
    facts: Mapping[str, Any] = {
        "phase": "begun",
        "redrive": order.redrive,
        "filter": await _told_filter(asker, order.chosen),
        "limit": order.limit,
        "count": await selection.count(services),
        "horizon": horizon,
        "behind": behind,
        "request": await _veiled(asker, order.request_hash()),
    }
    return Deed(asker.namespace, asker.actor, ACTION, name, asker.asked, facts)


async def _told_filter(asker: Asker, chosen: BulkFilter) -> dict[str, Any]:
    """The filter as it was given; what is data in it is veiled where the namespace encrypts."""
    told: dict[str, Any] = loads(dumps(chosen.model_dump(exclude_defaults=True)))
    for name in ("label", "where"):
        if name in told:
            told[name] = [await _veiled(asker, one) for one in told[name]]
    return told


async def _veiled(asker: Asker, text: str) -> str:
    return await asker.services.key_office.veiled(asker.namespace, text)


async def caught_up(services: Services) -> int:
    """Wait, a few seconds at most, until the execution list has read what the log holds now; how
    many events it is behind all the same."""
    heads = {one.shard: one.last_position for one in await services.log.heads()}
    ends_at = asyncio.get_running_loop().time() + _CATCH_UP_S
    while True:
        read = await services.executions.positions()
        behind = sum(max(0, head - read.get(shard, 0)) for shard, head in heads.items())
        if not behind or asyncio.get_running_loop().time() >= ends_at:
            return behind
        await asyncio.sleep(_LOOK_S)
