"""The commits of a shard that hold an execution's events, as a bundle tells them: each with the
hashes of the other events of the same month, and with the commits that lead from one to the next
where these are not too many.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from engine.ports.commits import birth_period
from engine.ports.export import commit_record
from engine.ports.rows import EventRow, ShardHead
from engine.ports.survey import MarkRow
from schemas.export import records
from server.api.door.exchange import Services

MAX_BETWEEN = 10_000
"""Commits told beyond those that hold events of the execution."""

MAX_OTHERS = 1_000_000
"""Hashes of others' events told; behind so many, commits are no longer told."""

_PAGE = 500


@dataclass
class Proof:
    """Told in order of the execution's events: what stands before each in the log."""

    services: Services
    head: ShardHead
    execution_id: UUID
    _commit: dict[str, Any] | None = None
    _others: list[MarkRow] = field(default_factory=list)
    _page: list[dict[str, Any]] = field(default_factory=list)
    _between: int = 0
    _told: int = 0
    _ended: bool = False

    async def before(self, row: EventRow) -> AsyncIterator[records.Record]:
        """What is told before an event: the rest of the commit before, its own commit with those
        that lead to it, others' events up to its position."""
        if self._commit is None or row.position > _last(self._commit):
            async for record in self._entered(row.position):
                yield record
        for other in self._others_upto(row.position):
            yield other

    async def behind(self) -> AsyncIterator[records.Record]:
        """What is told behind the last event: the rest of its commit, the commits to the head."""
        for other in self._others_upto(None):
            yield other
        if self._commit is None or self._ended:
            return
        number = self.head.commit_no + 1
        async for record in self._leading_to(number, strict=True):
            yield record

    async def _entered(self, position: int) -> AsyncIterator[records.Record]:
        for other in self._others_upto(None):
            yield other
        if self._told > MAX_OTHERS:
            self._ended = True
        if self._ended:
            return
        commit = await self._containing(position)
        if commit is None:
            self._ended = True
            return
        async for record in self._leading_to(commit["commit_no"]):
            yield record
        self._commit = commit
        yield commit_record(commit)
        first, last = commit["first_position"], _last(commit)
        marks = await self.services.survey.marks(self.head.shard, first - 1, last)
        period = birth_period(self.execution_id)
        self._others = [
            one
            for one in reversed(marks)
            if one.execution_id != self.execution_id and birth_period(one.execution_id) == period
        ]
        self._told += len(self._others)

    def _others_upto(self, position: int | None) -> list[records.OtherRecord]:
        """Others' events of the commit in hand, before a position."""
        found: list[records.OtherRecord] = []
        while self._others and (position is None or self._others[-1].position < position):
            one = self._others.pop()
            period = birth_period(one.execution_id)
            found.append(records.OtherRecord(self.head.shard, one.position, period, one.hash.hex()))
        return found

    async def _leading_to(
        self, number: int, *, strict: bool = False
    ) -> AsyncIterator[records.CommitRecord | records.LinkRecord]:
        """The commits between the last one told and this one; where they are too many, or none was
        told, what links it to the one before (`strict`: nothing)."""
        since = 0 if self._commit is None else self._commit["commit_no"]
        count = number - since - 1
        if count == 0:
            return
        if self._commit is None or self._between + count > MAX_BETWEEN:
            if not strict:
                for one in await self._read(number - 2, 1):
                    yield _link(one)
            return
        self._between += count
        while since < number - 1:
            rows = await self._read(since, min(_PAGE, number - 1 - since))
            for one in rows:
                yield commit_record(one)
            if not rows:
                return
            since = rows[-1]["commit_no"]

    async def _containing(self, position: int) -> dict[str, Any] | None:
        """The commit at a position: read on where it is near, else sought by halving."""
        near = self._commit is not None or self.head.commit_no <= _PAGE
        if near:
            known = next((one for one in self._page if _last(one) >= position), None)
            if known is not None:
                return known
            since = 0 if self._commit is None else self._commit["commit_no"]
            self._page = await self._read(since, _PAGE)
            known = next((one for one in self._page if _last(one) >= position), None)
            if known is not None:
                return known
        low, high = 1, max(1, self.head.commit_no)
        while low < high:
            middle = (low + high) // 2
            found = await self._read(middle - 1, 1)
            if found and _last(found[0]) < position:
                low = middle + 1
            else:
                high = middle
        self._page = await self._read(low - 1, _PAGE)
        return self._page[0] if self._page else None

    async def _read(self, after: int, limit: int) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = await self.services.log.read_commits(
            self.head.shard, after, limit
        )
        return [one for one in rows if one["commit_no"] <= self.head.commit_no]


def _link(commit: dict[str, Any]) -> records.LinkRecord:
    return records.LinkRecord(
        commit["shard"], commit["commit_no"], _last(commit), commit["hash"].hex()
    )


def _last(commit: dict[str, Any]) -> int:
    return int(commit["first_position"]) + int(commit["count"]) - 1
