"""Every test of this suite runs on Postgres and on the memory twin."""

from collections.abc import AsyncIterator, Awaitable, Callable

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


@pytest.fixture(params=["postgres", "memory"])
def empty_database(request: pytest.FixtureRequest) -> str | None:
    """The database to use; None: memory."""
    return request.getfixturevalue("database") if request.param == "postgres" else None


@pytest_asyncio.fixture
async def open_engine(empty_database: str | None) -> AsyncIterator[OpenEngine]:
    """Opens the same log for one more engine."""
    opened: list[Storage] = []
    store = MemoryStore()
    if empty_database is not None:
        await migrate(empty_database)

    async def open_one(engine: str) -> Storage:
        storage = (
            MemoryStorage(store)
            if empty_database is None
            else await open_storage(empty_database, engine)
        )
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
