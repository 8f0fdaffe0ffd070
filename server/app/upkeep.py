"""Upkeep of the read side: where each projection stands, and building it anew."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from engine.adapters.postgres.log import PostgresLog
from engine.adapters.postgres.pool import Database, open_database
from projections.runner import rebuild
from projections.store import ReadStore
from server.app.server import ReadDatabase
from server.settings import BadSetting, Settings


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    owner = settings.database_owner_url or settings.database_url
    if not owner:
        raise BadSetting("set REFOLD_DATABASE_URL (or REFOLD_DATABASE_OWNER_URL) to the database")
    database = await open_database(owner, "upkeep", size=3, as_engine=False)
    try:
        yield database
    finally:
        await database.close()


async def projection_positions(settings: Settings) -> list[dict[str, Any]]:
    """For each shard: how far the live read tables are, and the log's head. Raises RefoldError."""
    async with _database(settings) as database:
        store = ReadStore(ReadDatabase(database))
        await store.open()
        positions = await store.positions()
        heads = await PostgresLog(database).heads()
        return [
            {
                "generation": store.generation,
                "shard": head.shard,
                "position": positions.get(head.shard, 0),
                "head": head.last_position,
            }
            for head in heads
        ]


async def rebuild_projections(settings: Settings) -> dict[str, Any]:
    """Build the read tables anew beside the live ones and swap. Servers find the new ones by
    themselves. Raises RefoldError."""
    async with _database(settings) as database:
        live = ReadStore(ReadDatabase(database))
        await live.open()
        before = await live.fingerprint()
        after = await rebuild(PostgresLog(database), live, live.beside())
        return {
            "generation": live.generation,
            "fingerprint": after,
            "same_as_before": before == after,
        }
