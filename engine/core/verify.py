"""Verification: recompute what `engine.core.chain` wrote, and name the first thing that differs.

Three walls, each finding what the one before cannot. The chain of an execution shows a changed,
missing or reordered event. The commits of its shard show a tail that was cut off, an execution that
was removed, an event that was rewritten together with its chain. A head that was kept elsewhere
shows commits that were cut off or rewritten too.
"""

from collections.abc import Sequence
from typing import Any, Literal, Protocol
from uuid import UUID

import msgspec

from engine.core.chain import (
    SEALED_CODEC,
    commit_hash,
    event_hash,
    is_canonical,
    merkle_root,
    part_digest,
    sealed_digest,
)

Kind = Literal[
    "changed",
    "missing",
    "reordered",
    "cut_off",
    "removed",
    "commit_changed",
    "commit_missing",
    "head_differs",
]


class StoredEvent(Protocol):
    """A row of the log, as stored."""

    @property
    def position(self) -> int: ...
    @property
    def execution_id(self) -> UUID: ...
    @property
    def seq(self) -> int: ...
    @property
    def namespace(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def version(self) -> int: ...
    @property
    def at(self) -> int: ...
    @property
    def actor(self) -> str: ...
    @property
    def causation(self) -> int: ...
    @property
    def traceparent(self) -> str | None: ...
    @property
    def frame(self) -> int: ...
    @property
    def node(self) -> str: ...
    @property
    def name(self) -> str: ...
    @property
    def branch(self) -> int | None: ...
    @property
    def iteration(self) -> int | None: ...
    @property
    def attempt(self) -> int | None: ...
    @property
    def codec(self) -> int: ...
    @property
    def key_id(self) -> str | None: ...
    @property
    def epoch(self) -> int: ...
    @property
    def salt(self) -> bytes: ...
    @property
    def data(self) -> bytes: ...
    @property
    def digest(self) -> bytes: ...
    @property
    def hash(self) -> bytes: ...


class Finding(msgspec.Struct, frozen=True):
    """What does not fit. `seq`: of the event; None where it is about commits."""

    kind: Kind
    seq: int | None
    detail: str


class ChainEnd(msgspec.Struct, frozen=True):
    """How far an execution's chain was found right. Before its first event: all empty."""

    seq: int = 0
    position: int = 0
    hash: bytes = b""


class Commit(msgspec.Struct, frozen=True):
    """A commit record, as stored. `first` is its first position, `parts` JSON of
    [birth period, count, digest as hex] lists."""

    shard: int
    number: int
    first: int
    count: int
    epoch: int
    at: int
    writer: str
    lowest: UUID
    highest: UUID
    parts: bytes
    hash: bytes


class CommitEnd(msgspec.Struct, frozen=True):
    """How far a shard's chain of commits was found right."""

    number: int
    position: int
    hash: bytes


def check_events(end: ChainEnd, events: Sequence[StoredEvent]) -> ChainEnd | Finding:
    """Follow the chain through these events, which are in order of seq and begin behind `end`."""
    for index, event in enumerate(events):
        seq = end.seq + 1
        if event.seq != seq:
            return Finding("missing", seq, f"event {seq} is missing; the next one is {event.seq}")
        if not _fits(end.hash, event, seq):
            return _named(end, event, events[index + 1 :])
        if event.position <= end.position:
            return Finding(
                "reordered", seq, f"event {seq} stands before event {end.seq} in its shard"
            )
        end = ChainEnd(seq, event.position, event.hash)
    return end


def _fits(previous: bytes, event: StoredEvent, seq: int) -> bool:
    """Whether the event's data, columns and hash are those written as number `seq`."""
    return _digest_fits(event) and event_hash(previous, _columns(event, seq), event.digest) == (
        event.hash
    )


def _digest_fits(event: StoredEvent) -> bool:
    """Sealed data is checked as it is sealed: that takes no key."""
    try:
        if event.codec == SEALED_CODEC:
            return sealed_digest(event.data) == event.digest
        return merkle_root(event.data, event.salt) == event.digest and is_canonical(event.data)
    except (msgspec.DecodeError, ValueError):
        return False


def _columns(event: StoredEvent, seq: int) -> tuple[Any, ...]:
    """The columns that the hash covers, in the order in which `engine.ports.codec` hashes them."""
    return (
        event.execution_id, seq, event.namespace, event.type, event.version, event.at, event.actor,
        event.causation, event.traceparent, event.frame, event.node, event.name, event.branch,
        event.iteration, event.attempt, event.codec, event.key_id,
    )  # fmt: skip


def _named(end: ChainEnd, event: StoredEvent, later: Sequence[StoredEvent]) -> Finding:
    """What happened to an event that does not fit: reordered if a later one fits in its place."""
    seq = end.seq + 1
    for other in later:
        if _fits(end.hash, other, seq):
            return Finding(
                "reordered", seq, f"event {other.seq} is the one that was written as event {seq}"
            )
    what = "its columns or its hash" if _digest_fits(event) else "its data"
    return Finding("changed", seq, f"event {seq} was changed: {what} are not as written")


def check_copies(copies: Sequence[StoredEvent], originals: Sequence[StoredEvent]) -> Finding | None:
    """Whether the events that a fork begins with are those of its source, as far as the source's
    are there: all columns but the id, and the digest, unless the copy was sealed on the way."""
    known = {event.seq: event for event in originals}
    for copy in copies:
        original = known.get(copy.seq)
        if original is not None and not _is_copy(copy, original):
            return Finding(
                "changed",
                copy.seq,
                f"event {copy.seq} was copied from its source, and is another one there: one of"
                " the two was rewritten together with its chain",
            )
    return None


def _is_copy(copy: StoredEvent, original: StoredEvent) -> bool:
    (_, *columns), (_, *wanted) = _columns(copy, copy.seq), _columns(original, original.seq)
    if (copy.codec, copy.key_id) != (original.codec, original.key_id):
        return columns[:-2] == wanted[:-2]  # without codec and key, which the digest goes with
    return columns == wanted and copy.digest == original.digest


def check_commits(end: CommitEnd, commits: Sequence[Commit]) -> CommitEnd | Finding:
    """Follow a shard's chain through these commit records, in order of number, behind `end`."""
    for commit in commits:
        number = end.number + 1
        if commit.number != number:
            return Finding(
                "commit_missing", None, f"commit {number} of shard {commit.shard} is missing"
            )
        columns = (
            commit.shard, number, commit.first, commit.count, commit.epoch, commit.at,
            commit.writer, commit.lowest, commit.highest,
        )  # fmt: skip
        expected = commit_hash(end.hash, columns, commit.parts)
        if commit.first != end.position + 1 or expected != commit.hash:
            return Finding(
                "commit_changed", None, f"commit {number} of shard {commit.shard} was changed"
            )
        end = CommitEnd(number, commit.first + commit.count - 1, commit.hash)
    return end


class Witness(msgspec.Struct, frozen=True):
    """The execution that commits are asked about. `period`: its birth period; `closed`: its last
    event is a terminal one, so nothing can be missing behind it."""

    end: ChainEnd
    period: str
    closed: bool


def check_part(
    witness: Witness, commit: Commit, present: Sequence[StoredEvent], own: Sequence[StoredEvent]
) -> Finding | None:
    """Whether the events that are `present` in a commit, all of the execution's birth period, are
    those it recorded. `own`: those of the execution among them."""
    count, digest = _recorded(commit, witness.period)
    if len(present) < count:
        return _lost(witness, commit, count - len(present))
    strange = next((event for event in own if event.epoch != commit.epoch), None)
    if strange is not None:
        return Finding(
            "changed",
            strange.seq,
            f"event {strange.seq} was changed: commit {commit.number} was made in epoch"
            f" {commit.epoch}, not {strange.epoch}",
        )
    found = part_digest((event.position, event.hash) for event in present)
    if own and (len(present) > count or found.hex() != digest):
        return Finding(
            "changed",
            own[0].seq,
            f"commit {commit.number} recorded other events than it holds: event {own[0].seq} or"
            " another one of that commit was rewritten together with its hash",
        )
    return None


def _recorded(commit: Commit, period: str) -> tuple[int, str]:
    parts: list[tuple[str, int, str]] = msgspec.json.decode(
        commit.parts, type=list[tuple[str, int, str]]
    )
    return next(((count, digest) for name, count, digest in parts if name == period), (0, ""))


def _lost(witness: Witness, commit: Commit, lost: int) -> Finding | None:
    """Events that a commit recorded are gone: whether they can be the execution's."""
    if witness.end.seq == 0:
        return Finding(
            "removed",
            None,
            f"the log holds no event of it, and commit {commit.number} lacks {lost} of its events",
        )
    if witness.closed or commit.first + commit.count - 1 <= witness.end.position:
        return None
    seq = witness.end.seq + 1
    return Finding(
        "cut_off",
        seq,
        f"commit {commit.number} lacks {lost} of its events: the log was cut off before event"
        f" {seq}, unless all of them were another execution's",
    )


class Anchor(msgspec.Struct, frozen=True):
    """A head that was kept elsewhere. With `seq` and `event_hash`: also an execution's own end."""

    shard: int
    commit_no: int
    hash: bytes
    seq: int | None = None
    event_hash: bytes | None = None


def check_anchor(anchor: Anchor, commits: Sequence[Commit]) -> Finding | None:
    """Whether the commit that was the head is there and the same, among these `commits`."""
    for commit in commits:
        if commit.number == anchor.commit_no:
            if commit.hash == anchor.hash:
                return None
            return Finding(
                "head_differs",
                None,
                f"commit {anchor.commit_no} of shard {anchor.shard} is not the one that was kept:"
                " the log was rewritten",
            )
    return Finding(
        "head_differs",
        None,
        f"commit {anchor.commit_no} of shard {anchor.shard}, kept elsewhere, is gone: the log was"
        " cut off or replaced by an older one",
    )


def check_anchored_event(
    anchor: Anchor, last_seq: int, at_anchor: StoredEvent | None
) -> Finding | None:
    """Whether the event that was the execution's last when the anchor was made is the same.
    `at_anchor`: the event with that seq now."""
    if anchor.seq is None:
        return None
    if last_seq == 0:
        return Finding("removed", None, f"the execution had {anchor.seq} events and has none now")
    if at_anchor is None:
        return Finding(
            "cut_off",
            last_seq + 1,
            f"the execution had {anchor.seq} events and has {last_seq} now",
        )
    if at_anchor.hash != anchor.event_hash:
        return Finding(
            "changed", anchor.seq, f"event {anchor.seq} or one before it is not the one kept"
        )
    return None
