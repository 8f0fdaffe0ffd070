"""Tables shared by the twins: what Postgres holds, in one event loop.

Every operation gives others a turn first and then does its work without another, so it is atomic
as a statement is, and calls interleave at the same places.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import msgspec

from engine.core.chain import genesis
from engine.ports.audit import AuditRow
from engine.ports.breakpoints import BreakpointRow
from engine.ports.erasures import Erasure
from engine.ports.keys import EncryptionSetting, KeyRow
from engine.ports.rows import (
    BirthRow,
    DeadLetter,
    DefinitionRow,
    EventRow,
    GatheringRow,
    InboxRow,
    Installation,
    ShardHead,
    SnapshotRow,
    StreamEvent,
    SubscriptionRow,
    TimerRow,
    TriggerRow,
)

Reference = tuple[int, UUID]
"""A shard and an execution of it."""


class Stream(msgspec.Struct):
    """The head row of a namespace's stream, its CloudEvents in order, and what finds them.

    `stored` holds digest and position by (source, id); `keys` and `actors` go by position."""

    shard: int
    head: int = 0
    matched: int = 0
    at: int = 0
    events: list[StreamEvent] = []
    keys: dict[int, frozenset[bytes]] = {}
    actors: dict[int, str] = {}
    stored: dict[tuple[str, str], tuple[bytes, int]] = {}


class MemoryStore:
    """The tables. `now_ms`: the clock; `chance`: where the random bits come from (a seeded one
    makes a run repeatable); `turn`: awaited before each operation."""

    def __init__(
        self,
        shards: int = 64,
        now_ms: Callable[[], int] | None = None,
        chance: random.Random | None = None,
        turn: Callable[[], Awaitable[None]] | None = None,
    ) -> None:
        self.now_ms = now_ms or _system_now_ms
        self.chance = chance or random.SystemRandom()
        self.turn = turn or _next_turn
        cluster_id = str(UUID(int=self.chance.getrandbits(128)))
        self.installation = Installation(cluster_id, shards, 1, self.chance.randbytes(32))
        self.heads = {
            shard: ShardHead(shard, None, 0, 0, 0, 0, genesis(cluster_id, shard))
            for shard in range(shards)
        }
        self.engines: dict[str, int] = {}
        self.events: dict[UUID, list[EventRow]] = {}
        self.events_of_shard: dict[int, list[EventRow]] = {shard: [] for shard in range(shards)}
        self.commits: dict[int, list[dict[str, Any]]] = {shard: [] for shard in range(shards)}
        self.births: dict[UUID, BirthRow] = {}
        self.snapshots: dict[Reference, SnapshotRow] = {}
        self.kept_snapshots: dict[Reference, dict[int, SnapshotRow]] = {}
        self.inbox: dict[int, InboxRow] = {}
        self.last_inbox_id = 0
        self.staged: dict[tuple[UUID, int], tuple[int, bytes]] = {}
        self.start_keys: dict[tuple[str, str, str], tuple[UUID, bytes]] = {}
        self.timers: dict[tuple[int, UUID, int], TimerRow] = {}
        self.subscriptions: dict[tuple[int, UUID, int, str], SubscriptionRow] = {}
        self.gatherings: dict[Reference, GatheringRow] = {}
        self.open_actions: set[Reference] = set()
        self.readers: dict[str, dict[int, int]] = {}
        self.streams: dict[str, Stream] = {}
        self.triggers: list[TriggerRow] = []
        self.definitions: dict[tuple[str, str, str], DefinitionRow] = {}
        self.dead_letters: list[DeadLetter] = []
        self.encryption: dict[str, EncryptionSetting] = {}
        self.keys: dict[str, KeyRow] = {}
        self.key_uses: dict[UUID, str] = {}
        self.erasures: dict[int, Erasure] = {}
        self.breakpoints: dict[UUID, BreakpointRow] = {}
        self.audit: dict[str, list[AuditRow]] = {}

    def mint(self, shard: int) -> UUID:
        """A new id of the shard, in the layout of UUIDv7."""
        high = self.now_ms() << 16 | 7 << 12 | shard
        return UUID(int=high << 64 | 2 << 62 | self.chance.getrandbits(62))

    def put_inbox(self, **columns: Any) -> None:
        """Add a row with the next id."""
        self.last_inbox_id += 1
        self.inbox[self.last_inbox_id] = InboxRow(
            id=self.last_inbox_id, at=self.now_ms(), **columns
        )

    def stream(self, namespace: str, shard: int) -> Stream:
        """The stream of a namespace, made if need be."""
        return self.streams.setdefault(namespace, Stream(shard))

    def stream_head(self, namespace: str) -> int:
        """The last position of a namespace's stream; 0 before the first CloudEvent."""
        stream = self.streams.get(namespace)
        return stream.head if stream else 0


def _system_now_ms() -> int:
    return time.time_ns() // 1_000_000


async def _next_turn() -> None:
    await asyncio.sleep(0)
