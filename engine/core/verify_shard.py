"""Verification of whole shards and audit streams: what `engine.core.verify` does for one execution,
for everything, with a place for each fault, going on behind it.

Two walks over a shard, each with one thing in memory: its commits with the marks of their events,
in order of position; its executions with their events, in order of id.
"""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from engine.core.chain import audit_hash, is_canonical, merkle_root, part_digest
from engine.core.verify import (
    ChainEnd,
    Commit,
    CommitEnd,
    Finding,
    StoredEvent,
    check_commits,
    check_events,
)

FaultKind = Literal[
    "changed",
    "missing",
    "reordered",
    "cut_off",
    "removed",
    "foreign",
    "head_differs",
]


class Fault(msgspec.Struct, frozen=True):
    """What is not as it was written, and where: a shard and its commit, an execution and its event,
    an entry of an audit stream or a CloudEvent (namespace and position), a definition (target)."""

    kind: FaultKind
    what: Literal["event", "commit", "execution", "audit", "definition", "cloudevent", "head"]
    detail: str
    shard: int | None = None
    commit: int | None = None
    execution: UUID | None = None
    seq: int | None = None
    namespace: str | None = None
    position: int | None = None
    target: str | None = None


class Mark(Protocol):
    """What a commit records of an event."""

    @property
    def position(self) -> int: ...
    @property
    def execution_id(self) -> UUID: ...
    @property
    def seq(self) -> int: ...
    @property
    def epoch(self) -> int: ...
    @property
    def hash(self) -> bytes: ...


def follow_commit(end: CommitEnd, commit: Commit) -> tuple[CommitEnd, list[Fault]]:
    """The end of the chain behind a commit, whether it fits or not."""
    checked = check_commits(end, [commit])
    following = CommitEnd(commit.number, commit.first + commit.count - 1, commit.hash)
    if isinstance(checked, CommitEnd):
        return following, []
    if commit.number == end.number + 1:
        return following, [
            Fault("changed", "commit", checked.detail, shard=commit.shard, commit=commit.number)
        ]
    return following, [
        Fault("missing", "commit", f"commit {number} is not there", commit.shard, number)
        for number in range(end.number + 1, min(commit.number, end.number + 101))
    ]


def check_marks(
    commit: Commit, marks: Sequence[Mark], period_of: Callable[[UUID], str]
) -> list[Fault]:
    """Whether the events at the positions of a commit are those that it recorded."""
    faults = [
        _of_event(commit, mark, f"its epoch is {mark.epoch}, that of its commit {commit.epoch}")
        for mark in marks
        if mark.epoch != commit.epoch
    ]
    there = {mark.position for mark in marks}
    lost = [one for one in range(commit.first, commit.first + commit.count) if one not in there]
    if lost:
        detail = f"commit {commit.number} lacks {len(lost)} of its {commit.count} events"
        faults.append(
            Fault("missing", "commit", detail, commit.shard, commit.number, position=lost[0])
        )
    elif not faults and _parts_of(marks, period_of) != msgspec.json.decode(commit.parts):
        detail = f"commit {commit.number} recorded other events: one was rewritten with its hash"
        only = {mark.execution_id for mark in marks}
        if len(only) == 1:
            return [_of_event(commit, marks[0], detail)]
        return [Fault("changed", "commit", detail, commit.shard, commit.number)]
    return faults


def _of_event(commit: Commit, mark: Mark, detail: str) -> Fault:
    return Fault(
        "changed", "event", detail, commit.shard, commit.number, mark.execution_id, mark.seq
    )


def _parts_of(marks: Sequence[Mark], period_of: Callable[[UUID], str]) -> list[list[object]]:
    grouped: dict[str, list[tuple[int, bytes]]] = {}
    for mark in marks:
        grouped.setdefault(period_of(mark.execution_id), []).append((mark.position, mark.hash))
    return [
        [period, len(part), part_digest(part).hex()] for period, part in sorted(grouped.items())
    ]


def follow_execution(
    execution_id: UUID, end: ChainEnd, events: Sequence[StoredEvent]
) -> tuple[ChainEnd, list[Fault]]:
    """Follow the chain of an execution through events behind `end`, in order of seq; behind a fault
    it goes on with the next event."""
    faults = list[Fault]()
    while events:
        checked = check_events(end, events)
        if isinstance(checked, ChainEnd):
            return checked, faults
        faults.append(execution_fault(execution_id, checked))
        at = next(n for n, event in enumerate(events) if event.seq >= (checked.seq or 0))
        end = ChainEnd(events[at].seq, events[at].position, events[at].hash)
        events = events[at + 1 :]
    return end, faults


def execution_fault(execution_id: UUID, finding: Finding) -> Fault:
    """A finding about an execution's events, with its place."""
    kind: FaultKind = "changed"
    if finding.kind in ("missing", "reordered"):
        kind = finding.kind
    return Fault(kind, "event", finding.detail, execution=execution_id, seq=finding.seq)


class AuditEnd(msgspec.Struct, frozen=True):
    """How far an audit stream was followed."""

    position: int
    hash: bytes


class StoredEntry(Protocol):
    """An entry of an audit stream, as stored."""

    @property
    def namespace(self) -> str: ...
    @property
    def position(self) -> int: ...
    @property
    def at(self) -> int: ...
    @property
    def actor(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def target(self) -> str: ...
    @property
    def salt(self) -> bytes: ...
    @property
    def data(self) -> bytes: ...
    @property
    def digest(self) -> bytes: ...
    @property
    def hash(self) -> bytes: ...


def follow_entry(end: AuditEnd, entry: StoredEntry) -> tuple[AuditEnd, Fault | None]:
    """The end of a stream behind an entry, whether it fits or not."""
    following, due = AuditEnd(entry.position, entry.hash), end.position + 1
    name = entry.namespace
    if entry.position != due:
        detail = f"entry {due} of the audit is not there"
        return following, Fault("missing", "audit", detail, namespace=name, position=due)
    texts = (name, entry.actor, entry.action, entry.target)
    expected = audit_hash(end.hash, entry.position, entry.at, texts, entry.digest)
    if expected != entry.hash or not _digest_fits(entry):
        detail = f"entry {due} of the audit was changed"
        return following, Fault("changed", "audit", detail, namespace=name, position=due)
    return following, None


def _digest_fits(entry: StoredEntry) -> bool:
    try:
        return merkle_root(entry.data, entry.salt) == entry.digest and is_canonical(entry.data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
