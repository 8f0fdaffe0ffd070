"""Registered readers of the log in Postgres."""

from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.statements import load

_SQL = load("readers")


class PostgresReaders:
    """Implements `engine.ports.storage.Readers`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def positions(self, reader: str) -> dict[int, int]:
        await self._database.value(_SQL["register"], reader)
        rows = await self._database.rows(_SQL["positions"], reader)
        return {row["shard"]: row["position"] for row in rows}

    async def advance(self, reader: str, shard: int, position: int) -> None:
        await self._database.value(_SQL["advance"], reader, shard, position)
