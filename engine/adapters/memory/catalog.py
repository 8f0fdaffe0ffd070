"""What the API asks about executions, in memory."""

from uuid import UUID

from engine.adapters.memory.store import MemoryStore
from engine.ports.rows import BirthRow, Installation


class MemoryCatalog:
    """Twin of `engine.ports.storage.Catalog`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def installation(self) -> Installation:
        await self._store.turn()
        return self._store.installation

    async def find_birth(self, namespace: str, execution_id: UUID) -> BirthRow | None:
        await self._store.turn()
        birth = self._store.births.get(execution_id)
        return birth if birth is not None and birth.namespace == namespace else None

    async def find_by_key(self, namespace: str, workflow: str, key: str) -> UUID | None:
        await self._store.turn()
        found = self._store.start_keys.get((namespace, workflow, key))
        return found[0] if found else None
