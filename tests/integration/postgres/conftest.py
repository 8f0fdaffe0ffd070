"""A database with the log's schema, and storages of engines on it."""

from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest_asyncio

from engine.adapters.postgres.migrate import migrate
from engine.adapters.postgres.storage import PostgresStorage, open_storage

OpenEngine = Callable[..., Awaitable[PostgresStorage]]


@pytest_asyncio.fixture
async def log_database(database: str) -> str:
    """The URL of a migrated database, as its owner."""
    await migrate(database)
    return database


@pytest_asyncio.fixture
async def owner(log_database: str) -> AsyncIterator[asyncpg.Connection]:
    """A session of the owner of the schema."""
    session = await asyncpg.connect(log_database)
    yield session
    await session.close(timeout=5)


@pytest_asyncio.fixture
async def open_engine(log_database: str) -> AsyncIterator[OpenEngine]:
    """Opens the storage of one more engine, by the database's own address or through another."""
    opened: list[PostgresStorage] = []

    async def open_one(engine: str, dsn: str = log_database) -> PostgresStorage:
        opened.append(await open_storage(dsn, engine, size=4))
        return opened[-1]

    yield open_one
    for storage in opened:
        await storage.close()
