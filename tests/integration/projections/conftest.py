"""A world over Postgres with read tables beside it."""

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio

from engine.adapters.postgres.migrate import ensure_partitions, migrate
from engine.adapters.postgres.storage import open_storage
from tests.runtime_harness import World


@pytest_asyncio.fixture
async def migrated(database: str) -> str:
    """A database with the log's tables, 8 shards."""
    await migrate(database, shards=8)
    await ensure_partitions(database)
    return database


@pytest_asyncio.fixture
async def world(migrated: str) -> AsyncIterator[World]:
    """Engines over the database; all of them dead afterwards."""
    storage = await open_storage(migrated, "tests", size=6)
    given = World(storage)
    yield given
    await given.close()
    await storage.close()


@pytest_asyncio.fixture
async def read_database(migrated: str) -> AsyncIterator[asyncpg.Pool]:
    """Connections for the read side."""
    pool = await asyncpg.create_pool(migrated, min_size=1, max_size=4)
    yield pool
    await pool.close()
