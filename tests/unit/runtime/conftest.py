"""A world in memory for each test."""

from collections.abc import AsyncIterator

import pytest_asyncio

from engine.adapters.memory.storage import MemoryStorage
from engine.adapters.memory.store import MemoryStore
from tests.runtime_harness import World


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    """Engines over one store in memory, with 8 shards; all of them dead afterwards."""
    given = World(MemoryStorage(MemoryStore(shards=8)))
    yield given
    await given.close()
