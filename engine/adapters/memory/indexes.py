"""Operational indexes in memory."""

from collections.abc import Sequence
from uuid import UUID

from engine.adapters.memory.store import MemoryStore
from engine.ports.rows import GatheringRow, SubscriptionRow, TimerRow


class MemoryIndexes:
    """Twin of `engine.ports.storage.Indexes`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def due_timers(self, shards: Sequence[int], now: int, limit: int) -> list[TimerRow]:
        await self._store.turn()
        mine = set(shards)
        due = [row for row in self._store.timers.values() if row.shard in mine and row.due <= now]
        due.sort(key=lambda row: (row.due, row.shard, row.execution_id, row.timer))
        return due[:limit]

    async def open_subscriptions(self, shards: Sequence[int]) -> list[SubscriptionRow]:
        await self._store.turn()
        mine = set(shards)
        return [row for key, row in sorted(self._store.subscriptions.items()) if key[0] in mine]

    async def open_actions(self, shards: Sequence[int]) -> list[UUID]:
        await self._store.turn()
        mine = set(shards)
        return [one for shard, one in sorted(self._store.open_actions) if shard in mine]

    async def gatherings(self, shard: int, trigger: str, key: bytes) -> list[GatheringRow]:
        await self._store.turn()
        return [
            row
            for (place, _), row in sorted(self._store.gatherings.items())
            if place == shard and row.trigger == trigger and row.key == key
        ]
