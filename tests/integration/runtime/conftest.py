"""A world over a Postgres database of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest_asyncio

from engine.adapters.postgres.migrate import ensure_partitions, migrate
from engine.adapters.postgres.storage import PostgresStorage, open_storage
from tests.runtime_harness import World

Door = Callable[[str], Awaitable[PostgresStorage]]


@pytest_asyncio.fixture
async def migrated(database: str) -> str:
    """A database with the log's tables, 8 shards."""
    await migrate(database, shards=8)
    await ensure_partitions(database)
    return database


@pytest_asyncio.fixture
async def door(migrated: str) -> AsyncIterator[Door]:
    """Opens the storage as another engine would."""
    opened: list[PostgresStorage] = []

    async def open_for(engine: str) -> PostgresStorage:
        storage = await open_storage(migrated, engine, size=6)
        opened.append(storage)
        return storage

    yield open_for
    for storage in opened:
        await storage.close()


@pytest_asyncio.fixture
async def world(door: Door) -> AsyncIterator[World]:
    """Engines over the database; all of them dead afterwards."""
    given = World(await door("tests"))
    yield given
    await given.close()
