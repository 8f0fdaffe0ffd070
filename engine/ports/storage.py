"""Protocols of what Postgres does: log, inbox, leases, streams, definitions, indexes.

All methods may raise Unavailable (a service is away: retry later). None holds a transaction open.
"""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from engine.ports.rows import (
    AcceptedFork,
    Append,
    BirthRow,
    DeadLetter,
    DefinitionRow,
    EventRow,
    GatheringRow,
    InboxRow,
    IngestRow,
    Installation,
    Match,
    Receipt,
    ShardHead,
    SnapshotRow,
    StreamEvent,
    SubscriptionRow,
    TimerRow,
    TriggerRow,
)
from schemas.events.parts import UNASKED, Asked


class Log(Protocol):
    """The append-only log."""

    async def append(self, batch: Append) -> None:
        """Commit the batch in one statement. Raises Fenced (epoch or head differ, or an event of
        this execution and seq is there: nothing was written), OutcomeUnknown (the reply was lost;
        so it is after a cancelled call, too), Unavailable (nothing was written)."""

    async def locked_head(self, shard: int) -> ShardHead:
        """The head read under its lock, so that every append before it has ended. Waits for one in
        flight. Whoever asks after an unknown outcome compares the epoch first: another one is
        another owner's."""

    async def heads(self) -> list[ShardHead]:
        """All head rows, without lock: up to which position each shard can be read."""

    async def read_execution(
        self, execution_id: UUID, after: int = 0, limit: int = 10_000, upto: int | None = None
    ) -> list[EventRow]:
        """Events with seq > after (and <= upto), in order."""

    async def last_event(self, execution_id: UUID) -> EventRow | None:
        """The event with the highest seq; None: the execution has none."""

    async def forked_at(self, executions: Sequence[UUID]) -> dict[UUID, int]:
        """Of those among the executions that are forks: up to which seq their events are copies of
        another execution's."""

    async def read_shard(
        self, shard: int, after: int, upto: int, limit: int = 5_000
    ) -> list[EventRow]:
        """Events with after < position <= upto, in order of position."""

    async def read_commits(
        self, shard: int, after: int, limit: int = 1_000
    ) -> list[dict[str, object]]:
        """Commit records with commit_no > after as dicts of the columns (for verify)."""

    async def save_snapshots(self, rows: Sequence[SnapshotRow]) -> None:
        """Replace the snapshots of these executions."""

    async def load_snapshots(self, ids: Sequence[tuple[int, UUID]]) -> list[SnapshotRow]:
        """Snapshots that exist for these (shard, execution)."""

    async def keep_snapshots(self, rows: Sequence[SnapshotRow]) -> None:
        """Keep these snapshots of the past too; where one is, a newer fold replaces it."""

    async def kept_snapshot(
        self, execution_id: UUID, after: int, upto: int | None, evolve_version: int
    ) -> SnapshotRow | None:
        """The last snapshot kept with after < seq (and <= upto) of a fold of this version."""

    async def seq_at(self, execution_id: UUID, moment: int) -> int:
        """The seq of the last event at or before a time (ms since 1970); 0: there is none."""


class Inbox(Protocol):
    """What came from outside, committed before it was answered."""

    async def accept_start(
        self,
        namespace: str,
        workflow: str,
        keys: Sequence[str],
        shard: int,
        request_hash: bytes,
        body: bytes,
        actor: str,
        traceparent: str | None,
    ) -> tuple[UUID, bool]:
        """Mint an execution and put its start (StartRequest bytes; the database sets
        `from_position` to the stream's head) into the inbox, once for each key. Returns (id,
        whether
        it existed). Raises Conflict when a key came before with another request hash."""

    async def accept_fork(self, fork: AcceptedFork) -> tuple[UUID, bool]:
        """Put a fork into the inbox of its shard and a note of it into that of its source, in one
        statement, once for each key. Returns (id, whether it existed): under a key that came before
        the id of then. Raises Conflict as `accept_start` does."""

    async def put(
        self,
        kind: str,
        execution_id: UUID,
        namespace: str,
        body: bytes,
        actor: str,
        traceparent: str | None,
    ) -> None:
        """Put a callback, cancel, suspend or resume into the inbox of the execution's shard."""

    async def read(
        self, shards: Sequence[int], excluded: Sequence[int], limit: int
    ) -> list[InboxRow]:
        """All rows present for these shards but those with an id in `excluded`, in order of id:
        first come, first served. Ids of the offers of a namespace rise with their positions."""

    async def mint(self, shard: int, count: int) -> list[UUID]:
        """New execution ids of this shard by the database's clock; nothing is written."""

    async def is_accepted(self, namespace: str, execution_id: UUID) -> bool:
        """Whether a start, fork or import with this id was accepted here (its log may still be
        empty)."""


class Leases(Protocol):
    """Who owns which shard, by the database's clock."""

    async def announce(self, engine: str, ttl_ms: int) -> list[str]:
        """Say that this engine lives (for `ttl_ms`; 0: no longer); returns all living engines,
        sorted."""

    async def claim(self, engine: str, shard: int, ttl_ms: int) -> ShardHead | None:
        """Take a shard that is free or whose lease ran out: epoch + 1, after ending the old owner's
        database sessions if one of them keeps the head locked. None: somebody holds it. `engine`
        is a name of this run of the program, never used again, of at most 48 bytes."""

    async def renew(self, engine: str, shards: Sequence[int], ttl_ms: int) -> list[int]:
        """Renew leases; returns the shards still held."""

    async def release(self, engine: str, shards: Sequence[int]) -> None:
        """Give shards back."""

    async def now_ms(self) -> int:
        """The database's clock."""


class Indexes(Protocol):
    """Operational indexes, written by append, read here."""

    async def due_timers(self, shards: Sequence[int], now: int, limit: int) -> list[TimerRow]:
        """Timers with due <= now, the earliest first."""

    async def open_subscriptions(self, shards: Sequence[int]) -> list[SubscriptionRow]:
        """All open subscriptions of these shards (after a takeover: look again)."""

    async def open_actions(self, shards: Sequence[int]) -> list[UUID]:
        """Executions of these shards that have a scheduled action without an answer (takeover)."""

    async def gatherings(self, shard: int, trigger: str, key: bytes) -> list[GatheringRow]:
        """Open gatherings of this trigger and key, oldest first."""


class Streams(Protocol):
    """The CloudEvents of a namespace: a stream with gap-free positions."""

    async def ingest(self, namespace: str, rows: Sequence[IngestRow]) -> list[Receipt]:
        """Store; one receipt a row. After the return they are durable."""

    async def head(self, namespace: str, *, settled: bool = False) -> int:
        """The last position; `settled`: waits for ingests in flight (FOR SHARE)."""

    async def read(
        self,
        namespace: str,
        types: Sequence[str],
        after: int,
        upto: int,
        key: bytes | None = None,
        limit: int = 200,
    ) -> list[StreamEvent]:
        """CloudEvents of these types (empty: all) with after < position <= upto, in order; with
        `key`, only those that have this attribute key."""

    async def matched(self, namespace: str) -> int:
        """The matcher's cursor."""

    async def namespaces(self, shards: Sequence[int]) -> list[str]:
        """Namespaces whose stream is matched in these shards and has unmatched events."""

    async def triggers(self, namespace: str) -> list[TriggerRow]:
        """All triggers whose range is not wholly matched yet."""

    async def subscribers(
        self, namespace: str, types: Sequence[str], keys: Sequence[bytes]
    ) -> list[SubscriptionRow]:
        """Open subscriptions of these types whose key is None or among `keys`."""

    async def advance(
        self,
        shard: int,
        epoch: int,
        namespace: str,
        expected: int,
        to: int,
        matches: Sequence[Match],
    ) -> None:
        """Put the matches into the inboxes and move the cursor, in one statement. Raises Fenced."""

    async def dead_letter(
        self, namespace: str, origin: str, code: str, reason: str, headers: bytes, body: bytes
    ) -> None:
        """Keep a message that could not be read."""

    async def dead_letters(self, namespace: str, after: int, limit: int) -> list[DeadLetter]:
        """Dead letters with id > after."""


class Definitions(Protocol):
    """Immutable definition versions."""

    async def apply(
        self,
        row: DefinitionRow,
        types: Sequence[str],
        trigger: str | None,
        asked: Asked = UNASKED,
    ) -> bool:
        """Store and activate: its trigger opens and that of the version before closes at the same
        position of the stream, and the audit stream has an entry. False: the very same version was
        there and active already, nothing is recorded. Raises Conflict when this version holds other
        content."""

    async def keep(self, row: DefinitionRow, asked: Asked = UNASKED) -> bool:
        """Store without activating; the audit stream has an entry. False: the namespace has a
        version with this hash. Raises Conflict when this version holds other content."""

    async def get(self, namespace: str, workflow: str, version: str | None) -> DefinitionRow:
        """A version, or the active one. Raises NotFound."""

    async def resolve(self, namespace: str, workflow: str, version: str | None) -> tuple[str, str]:
        """(version, definition hash) of a version, or of the active one. Raises NotFound."""

    async def by_hash(self, namespace: str, definition_hash: str) -> DefinitionRow:
        """The version with this hash. Raises NotFound."""

    async def list(self, namespace: str, after: str = "", limit: int = 100) -> list[DefinitionRow]:
        """Versions in order of (workflow, created_at); with `after` (`WORKFLOW@VERSION`) those
        behind that one."""


class Readers(Protocol):
    """How far each registered reader of the log has read (projections, the outbox)."""

    async def positions(self, reader: str) -> dict[int, int]:
        """Registers the reader if it is new; its position in each shard (absent: 0)."""

    async def advance(self, reader: str, shard: int, position: int) -> None:
        """Remember that the reader has dealt with everything up to this position; never goes
        back."""


class Catalog(Protocol):
    """What the API asks about executions before their log is read."""

    async def installation(self) -> Installation:
        """What is fixed for the life of the installation."""

    async def find_birth(self, namespace: str, execution_id: UUID) -> BirthRow | None:
        """The birth row, if the execution belongs to the namespace and has begun."""

    async def find_by_key(self, namespace: str, workflow: str, key: str) -> UUID | None:
        """The execution that this start key gave."""
