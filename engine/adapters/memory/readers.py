"""Registered readers of the log in memory."""

from engine.adapters.memory.store import MemoryStore


class MemoryReaders:
    """Twin of `engine.ports.storage.Readers`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def positions(self, reader: str) -> dict[int, int]:
        await self._store.turn()
        known = self._store.readers.setdefault(reader, {})
        return {shard: known.get(shard, 0) for shard in self._store.heads}

    async def advance(self, reader: str, shard: int, position: int) -> None:
        await self._store.turn()
        known = self._store.readers.setdefault(reader, {})
        known[shard] = max(known.get(shard, 0), position)
