"""Every test of this suite runs on Postgres and on the memory twin."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio

from engine.adapters.memory.storage import MemoryStorage
from engine.adapters.memory.store import MemoryStore
from engine.adapters.postgres.migrate import migrate
from engine.adapters.postgres.storage import PostgresStorage, open_storage
from engine.ports.rows import ShardHead
from tests.conformance.storage.builders import SHARD

Storage = MemoryStorage | PostgresStorage
OpenEngine = Callable[[str], Awaitable[Storage]]


EMPTY_AGAIN = """
SET session_replication_role = replica;
DO $$
DECLARE
    v_table regclass;
BEGIN
    FOR v_table IN
        SELECT oid FROM pg_class
        WHERE relnamespace = 'log'::regnamespace AND relkind = 'r'
          AND relname NOT IN ('meta', 'migrations', 'shards')
    LOOP
        EXECUTE format('DELETE FROM %s', v_table);
    END LOOP;
END
$$;
DELETE FROM log.shards;
INSERT INTO log.shards SELECT * FROM pg_temp.fresh_shards;
"""


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def migrated_database(postgres_url: str) -> AsyncIterator[str]:
    """A database with the log's schema, for the whole suite: making one takes a second."""
    name = f"test_{uuid.uuid4().hex}"
    server = await asyncpg.connect(postgres_url)
    await server.execute(f'CREATE DATABASE "{name}"')
    url = urlsplit(postgres_url)._replace(path=f"/{name}").geturl()
    await migrate(url)
    yield url
    await server.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
    await server.close()


@pytest_asyncio.fixture
async def empty_log(migrated_database: str) -> AsyncIterator[str]:
    """The suite's database, as it was after the migration. Only a superuser may empty a log."""
    session = await asyncpg.connect(migrated_database)
    await session.execute("CREATE TEMP TABLE fresh_shards AS SELECT * FROM log.shards")
    yield migrated_database
    await session.execute(EMPTY_AGAIN)
    await session.close()


@pytest.fixture(params=["postgres", "memory"])
def dsn(request: pytest.FixtureRequest) -> str | None:
    """The database to use; None: memory."""
    return request.getfixturevalue("empty_log") if request.param == "postgres" else None


@pytest_asyncio.fixture
async def open_engine(dsn: str | None) -> AsyncIterator[OpenEngine]:
    """Opens the same log for one more engine."""
    opened: list[Storage] = []
    store = MemoryStore()

    async def open_one(engine: str) -> Storage:
        storage = MemoryStorage(store) if dsn is None else await open_storage(dsn, engine)
        opened.append(storage)
        return storage

    yield open_one
    for storage in opened:
        await storage.close()


@pytest_asyncio.fixture
async def storage(open_engine: OpenEngine) -> Storage:
    """The storage of the engine e1."""
    return await open_engine("e1")


@pytest_asyncio.fixture
async def head(storage: Storage) -> ShardHead:
    """The head of SHARD, which e1 owns in epoch 1."""
    claimed = await storage.leases.claim("e1", SHARD, 60_000)
    assert claimed is not None
    return claimed
