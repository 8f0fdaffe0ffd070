"""Verification of a whole installation: every shard, every audit stream, every definition.

The heads are read first, and nothing behind them is looked at. In memory is a page at a time.
"""

from bisect import bisect_left
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from itertools import groupby
from operator import attrgetter
from typing import TypeAlias
from uuid import UUID

import msgspec

from engine.core.chain import audit_genesis, content_hash, genesis
from engine.core.verify import ChainEnd, Commit, CommitEnd
from engine.core.verify_shard import (
    AuditEnd,
    Fault,
    FaultKind,
    check_marks,
    follow_commit,
    follow_entry,
    follow_execution,
)
from engine.model.cloudevents import CloudEventFault, CloudEventLimits
from engine.model.cloudevents.attributes import canonical_text
from engine.model.cloudevents.json_format import decode_structured
from engine.ports.audit import STORED, AuditRow
from engine.ports.commits import birth_period
from engine.ports.export import root_of
from engine.ports.rows import DefinitionRow, EventRow, StreamEvent
from engine.ports.survey import MarkRow, StoredDigest
from engine.runtime.arrivals import attributes_of
from schemas.export import records
from server.api.door.exchange import Services
from server.api.door.pace import Pace
from server.api.proof.births import Births
from server.api.proof.verifying import commit_of

_ROWS = 500
_MARKS = 5_000
_NIL = UUID(int=0)
_SLACK_MS = 60_000
_position = attrgetter("position")
ERASED = "refold.erased"
"""The type that is left of an erased CloudEvent."""


class Tally(msgspec.Struct):
    """How far a verification is."""

    shards: int = 0
    commits: int = 0
    executions: int = 0
    events: int = 0
    entries: int = 0
    definitions: int = 0
    cloudevents: int = 0


Step: TypeAlias = Fault | None
"""A fault, or None: some more was looked at (the tally has grown)."""


class Proof:
    """The verification of what stood up to `head`, against `kept`, a head of an earlier time."""

    def __init__(
        self, services: Services, head: records.Head, kept: records.Head | None = None
    ) -> None:
        self._services, self._head = services, head
        self._kept_shards = {one.shard: one for one in kept.shards} if kept else {}
        self._kept_audit = {one.namespace: one for one in kept.audit} if kept else {}
        self._kept = kept
        self._applied: dict[tuple[str, str], AuditRow] = {}
        self.tally = Tally()

    async def steps(self) -> AsyncGenerator[Step]:
        """All of it. Raises Unavailable."""
        pace = Pace()
        for fault in self._compared():
            yield fault
        for walk in (self._audit, self._shards, self._definitions, self._cloudevents):
            async for step in walk():
                yield step
                await pace.breathe()

    def _compared(self) -> list[Fault]:
        """Faults of the kept head itself, and what it names beyond the heads of now."""
        kept, head = self._kept, self._head
        if kept is None:
            return []
        faults = []
        if root_of(kept.cluster, kept.at, kept.shards, kept.audit) != kept.root:
            faults.append(_differs("the head that was kept does not fit its own root"))
        if kept.cluster != head.cluster:
            return [*faults, _differs("the head that was kept is of another installation")]
        numbers = {one.shard: one.commit_no for one in head.shards}
        for end in kept.shards:
            if numbers.get(end.shard, 0) < end.commit_no:
                detail = f"commit {end.commit_no} was kept and is gone: cut off, or an older log"
                faults.append(_differs(detail, shard=end.shard, commit=end.commit_no))
        positions = {one.namespace: one.position for one in head.audit}
        for entry in kept.audit:
            if positions.get(entry.namespace, 0) < entry.position:
                detail = f"entry {entry.position} of the audit was kept and is gone"
                faults.append(_differs(detail, namespace=entry.namespace, position=entry.position))
        return faults

    # Audit streams

    async def _audit(self) -> AsyncIterator[Step]:
        for stream in self._head.audit:
            end = AuditEnd(0, audit_genesis(self._head.cluster, stream.namespace))
            kept = self._kept_audit.get(stream.namespace)
            while rows := await self._services.audit.read(
                stream.namespace, end.position, stream.position, _ROWS
            ):
                for row in rows:
                    end, fault = follow_entry(end, row)
                    if row.action in STORED:
                        self._applied.setdefault((row.namespace, row.target), row)
                    if kept and kept.position == row.position and kept.hash != row.hash.hex():
                        detail = f"entry {row.position} of the audit is not the one that was kept"
                        yield _differs(detail, namespace=row.namespace, position=row.position)
                    self.tally.entries += 1
                    yield fault
            if (end.position, end.hash.hex()) != (stream.position, stream.hash):
                detail = f"the audit does not lead to its head, entry {stream.position}"
                yield Fault(
                    "cut_off", "audit", detail, namespace=stream.namespace,
                    position=end.position + 1,
                )  # fmt: skip

    # Shards

    async def _shards(self) -> AsyncIterator[Step]:
        for end in self._head.shards:
            async for step in self._commits(end):
                yield step
            async for step in self._executions(end):
                yield step
            self.tally.shards += 1

    async def _commits(self, head: records.ShardEnd) -> AsyncIterator[Step]:
        """The chain of commits, and what each recorded."""
        end = CommitEnd(0, 0, genesis(self._head.cluster, head.shard))
        kept = self._kept_shards.get(head.shard)
        while end.number < head.commit_no:
            found = await self._services.log.read_commits(head.shard, end.number, _ROWS)
            commits = [commit_of(row) for row in found]
            commits = [one for one in commits if one.number <= head.commit_no]
            if not commits:
                break
            for commit in commits:
                end, faults = follow_commit(end, commit)
                for fault in faults:
                    yield fault
                if kept and kept.commit_no == commit.number and kept.hash != commit.hash.hex():
                    detail = f"commit {commit.number} is not the one that was kept: rewritten"
                    yield _differs(detail, shard=head.shard, commit=commit.number)
                self.tally.commits += 1
            async for step in self._recorded(head.shard, commits):
                yield step
        if (end.number, end.position, end.hash.hex()) != (head.commit_no, head.position, head.hash):
            detail = f"the commits do not lead to the head, commit {head.commit_no}"
            yield Fault("cut_off", "commit", detail, head.shard, end.number + 1)

    async def _recorded(self, shard: int, commits: Sequence[Commit]) -> AsyncIterator[Step]:
        """What commits recorded, against the events at their positions: some commits at a time."""
        batch = list[Commit]()
        for commit in commits:
            batch.append(commit)
            if commit is commits[-1] or sum(one.count for one in batch) >= _MARKS:
                first, last = batch[0].first, batch[-1].first + batch[-1].count - 1
                marks = await self._services.survey.marks(shard, first - 1, last)
                for one in batch:
                    for fault in check_marks(one, _within(one, marks), birth_period):
                        yield fault
                    yield None
                batch = []

    async def _executions(self, head: records.ShardEnd) -> AsyncIterator[Step]:
        """Every execution's chain, in order of id, beside the rows of their births."""
        births = Births(self._services.survey, head)
        end, current, place = ChainEnd(), _NIL, (_NIL, 0)
        while rows := await self._services.survey.events(head.shard, place, head.position, _ROWS):
            for group in _grouped(rows):
                execution = group[0].execution_id
                if execution != current:
                    async for fault in births.upto(execution):
                        yield fault
                    end, current = ChainEnd(), execution
                    self.tally.executions += 1
                births.learn(group)
                end, faults = follow_execution(execution, end, group)
                self.tally.events += len(group)
                for fault in faults:
                    yield fault
                yield None
            place = (rows[-1].execution_id, rows[-1].seq)
        async for fault in births.upto(None):
            yield fault

    # What was applied and what came in

    async def _definitions(self) -> AsyncIterator[Step]:
        after = ("", "", "")
        while rows := await self._services.survey.definitions(after, _ROWS):
            for row in rows:
                yield self._definition(row)
                self.tally.definitions += 1
            after = (rows[-1].namespace, rows[-1].workflow, rows[-1].version)
        for namespace, target in self._applied:
            detail = "it was applied and is not there"
            yield Fault("missing", "definition", detail, namespace=namespace, target=target)

    def _definition(self, row: DefinitionRow) -> Step:
        target = f"{row.workflow}@{row.version}"
        entry = self._applied.pop((row.namespace, target), None)
        if entry is None:
            if row.created_at > self._head.at - _SLACK_MS:
                return None  # applied behind the head, perhaps
            detail = "no entry of the audit says that it was applied"
            return Fault("foreign", "definition", detail, namespace=row.namespace, target=target)
        told = _told(entry)
        content = content_hash(row.media_type, row.source, row.resources).hex()
        stored = row.definition_hash, row.dialect, content
        if (told.hash, told.dialect, told.content) == stored:
            return None
        detail = "it is not what was applied"
        return Fault("changed", "definition", detail, namespace=row.namespace, target=target)

    async def _cloudevents(self) -> AsyncIterator[Step]:
        """CloudEvents against their digests. Their stream has no chain: what executions took of it
        is in their logs."""
        after = ("", 0)
        while rows := await self._services.survey.digests(after, _ROWS):
            for namespace, found in groupby(rows, attrgetter("namespace")):
                digests = list(found)
                before = after[1] if namespace == after[0] else 0
                for fault in await self._digests(namespace, before, digests):
                    yield fault
                self.tally.cloudevents += len(digests)
                after = (namespace, digests[-1].position)
                yield None

    async def _digests(
        self, namespace: str, before: int, digests: Sequence[StoredDigest]
    ) -> list[Fault]:
        """Faults of CloudEvents of one namespace, which stand behind a position."""
        last = digests[-1].position
        streams, limits = self._services.streams, self._services.limits.cloudevents
        found = await streams.read(namespace, (), before, last, limit=len(digests))
        stored = {one.position: one for one in found}
        faults = []
        for one in digests:
            for lost in range(before + 1, min(one.position, before + _ROWS)):
                detail = f"CloudEvent {lost} is not there"
                faults.append(_of_cloudevent("missing", detail, namespace, lost))
            if not _is_as_stored(stored.get(one.position), one.digest, limits):
                detail = f"CloudEvent {one.position} was changed"
                faults.append(_of_cloudevent("changed", detail, namespace, one.position))
            before = one.position
        return faults


def _of_cloudevent(kind: FaultKind, detail: str, namespace: str, position: int) -> Fault:
    return Fault(kind, "cloudevent", detail, namespace=namespace, position=position)


class _Told(msgspec.Struct):
    """What the entry of a definition tells of it."""

    hash: str = ""
    dialect: str = ""
    content: str = ""


def _told(entry: AuditRow) -> _Told:
    try:
        return msgspec.json.decode(entry.data, type=_Told)
    except msgspec.DecodeError:
        return _Told()  # the entry itself is told as changed


def _differs(
    detail: str,
    *,
    shard: int | None = None,
    commit: int | None = None,
    namespace: str | None = None,
    position: int | None = None,
) -> Fault:
    return Fault(
        "head_differs", "head", detail, shard, commit, namespace=namespace, position=position
    )


def _is_as_stored(row: StreamEvent | None, digest: bytes, limits: CloudEventLimits) -> bool:
    """Whether a CloudEvent has the digest that was stored with it, or was erased, and is found
    under what it says."""
    if row is None:
        return False
    try:
        event = decode_structured(row.body, limits)
        found_by = attributes_of(row)
    except (CloudEventFault, msgspec.MsgspecError):
        return False
    told = {name: canonical_text(value) for name, value in event.attributes()}
    if (told, event.id, event.source, event.type) != (found_by, row.id, row.source, row.type):
        return False
    return event.type == ERASED or event.digest() == digest


def _within(commit: Commit, marks: Sequence[MarkRow]) -> list[MarkRow]:
    """The marks at the positions of a commit, of many in order."""
    first = bisect_left(marks, commit.first, key=_position)
    return list(marks[first : bisect_left(marks, commit.first + commit.count, key=_position)])


def _grouped(rows: Sequence[EventRow]) -> list[list[EventRow]]:
    """The events of each execution, which stand together."""
    groups = list[list[EventRow]]()
    for row in rows:
        if not groups or groups[-1][0].execution_id != row.execution_id:
            groups.append([])
        groups[-1].append(row)
    return groups
