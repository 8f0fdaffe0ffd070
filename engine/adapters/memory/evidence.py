"""What is looked up in memory when somebody asks why."""

from collections.abc import Sequence
from uuid import UUID

from engine.adapters.memory.store import MemoryStore
from engine.ports.evidence import Standing, StoredCloudEvent, TypeSeen
from engine.ports.rows import (
    DeadLetter,
    InboxRow,
    StreamEvent,
    SubscriptionRow,
    TriggerRow,
)


class MemoryEvidence:
    """Twin of `engine.ports.evidence.Evidence`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def standing(self, shard: int) -> Standing | None:
        await self._store.turn()
        head = self._store.heads.get(shard)
        if head is None:
            return None
        now = self._store.now_ms()
        living = sorted(name for name, until in self._store.engines.items() if until > now)
        times = [row.at for row in self._store.inbox.values() if row.shard == shard]
        return Standing(
            shard, head.owner, head.expires_at, now, tuple(living), len(times),
            min(times, default=None),
        )  # fmt: skip

    async def waiting_for(self, execution_id: UUID, limit: int) -> list[InboxRow]:
        await self._store.turn()
        rows = [row for row in self._store.inbox.values() if row.execution_id == execution_id]
        return rows[:limit]

    async def waiting_at(self, namespace: str, position: int, limit: int) -> list[InboxRow]:
        await self._store.turn()
        rows = [
            row
            for row in self._store.inbox.values()
            if (row.namespace, row.position) == (namespace, position)
            and row.kind in ("hint", "offer")
        ]
        return rows[:limit]

    async def latest(
        self,
        namespace: str,
        types: Sequence[str],
        after: int,
        upto: int,
        limit: int,
        key: bytes | None = None,
    ) -> list[StreamEvent]:
        await self._store.turn()
        assert types or key is None, "a key is found by type"
        stream = self._store.streams.get(namespace)
        if stream is None:
            return []
        found = [
            event
            for event in reversed(stream.events[after:upto])
            if (not types or event.type in types)
            and (key is None or key in stream.keys[event.position])
        ]
        return found[:limit]

    async def types_seen(self, namespace: str, limit: int) -> list[TypeSeen]:
        await self._store.turn()
        stream = self._store.streams.get(namespace)
        last = {} if stream is None else {one.type: one.position for one in stream.events}
        return [TypeSeen(*pair) for pair in sorted(last.items())][:limit]

    async def stored(self, namespace: str, position: int) -> StoredCloudEvent | None:
        await self._store.turn()
        stream = self._store.streams.get(namespace)
        if stream is None or not 1 <= position <= len(stream.events):
            return None
        return StoredCloudEvent(stream.events[position - 1], stream.actors[position])

    async def position_of(self, namespace: str, source: str, event_id: str) -> int | None:
        await self._store.turn()
        stream = self._store.streams.get(namespace)
        found = None if stream is None else stream.stored.get((source, event_id))
        return None if found is None else found[1]

    async def triggers(
        self, namespace: str, event_type: str, position: int, limit: int
    ) -> list[TriggerRow]:
        await self._store.turn()
        rows = [
            row
            for row in reversed(self._store.triggers)
            if row.namespace == namespace and (_covers(row, position) or event_type in row.types)
        ]
        return sorted(rows, key=lambda row: not _covers(row, position))[:limit]

    async def subscriptions(
        self, namespace: str, types: Sequence[str], limit: int
    ) -> list[SubscriptionRow]:
        await self._store.turn()
        rows = [
            row
            for row in self._store.subscriptions.values()
            if row.namespace == namespace and row.type in types
        ]
        rows.sort(key=lambda row: (-row.execution_id.int, row.wait, row.ref))
        return rows[:limit]

    async def subscribed_types(self, namespace: str, limit: int) -> list[str]:
        await self._store.turn()
        rows = self._store.subscriptions.values()
        return sorted({row.type for row in rows if row.namespace == namespace})[:limit]

    async def letter(self, namespace: str, number: int) -> DeadLetter | None:
        await self._store.turn()
        letters = self._store.dead_letters
        return next((x for x in letters if (x.namespace, x.id) == (namespace, number)), None)

    async def latest_letters(self, namespace: str, limit: int) -> list[DeadLetter]:
        await self._store.turn()
        return [one for one in reversed(self._store.dead_letters) if one.namespace == namespace][
            :limit
        ]


def _covers(row: TriggerRow, position: int) -> bool:
    to = row.to_position
    return row.from_position < position and (to is None or position <= to)
