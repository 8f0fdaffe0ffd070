"""Operational indexes in Postgres: written by append, read here."""

from collections.abc import Sequence
from uuid import UUID

from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.statements import load
from engine.ports.rows import GatheringRow, SubscriptionRow, TimerRow

_SQL = load("indexes")


class PostgresIndexes:
    """Implements `engine.ports.storage.Indexes`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def due_timers(self, shards: Sequence[int], now: int, limit: int) -> list[TimerRow]:
        rows = await self._database.rows(_SQL["due_timers"], list(set(shards)), now, limit)
        return [TimerRow(*row) for row in rows]

    async def open_subscriptions(self, shards: Sequence[int]) -> list[SubscriptionRow]:
        rows = await self._database.rows(_SQL["open_subscriptions"], list(shards))
        return [SubscriptionRow(*row) for row in rows]

    async def open_actions(self, shards: Sequence[int]) -> list[UUID]:
        rows = await self._database.rows(_SQL["open_actions"], list(shards))
        return [row["execution_id"] for row in rows]

    async def gatherings(self, shard: int, trigger: str, key: bytes) -> list[GatheringRow]:
        rows = await self._database.rows(_SQL["gatherings"], shard, trigger, key)
        return [GatheringRow(*row) for row in rows]
