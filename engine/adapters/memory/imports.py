"""Imports in memory."""

from uuid import UUID

from engine.adapters.memory.store import MemoryStore
from engine.model.errors import Conflict
from engine.model.ids import shard_of
from engine.ports.imports import AcceptedImport

_DAY_MS = 86_400_000


class MemoryImports:
    """Twin of `engine.ports.imports.Imports`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def stage(self, namespace: str, execution_id: UUID, first: int, page: bytes) -> None:  # noqa: ARG002
        await self._store.turn()
        now = self._store.now_ms()
        waited = {row.execution_id for row in self._store.inbox.values() if row.kind == "import"}
        for place, (at, _) in list(self._store.staged.items()):
            if at < now - _DAY_MS and place[0] not in waited:
                del self._store.staged[place]
        self._store.staged.setdefault((execution_id, first), (now, page))

    async def page(self, execution_id: UUID, seq: int) -> bytes | None:
        await self._store.turn()
        found = self._store.staged.get((execution_id, seq))
        return None if found is None else found[1]

    async def accept(self, wanted: AcceptedImport) -> tuple[UUID, bool]:
        await self._store.turn()
        place = (wanted.namespace, wanted.workflow, wanted.key)
        known = self._store.start_keys.get(place)
        if known is not None:
            if known[1] != wanted.request_hash:
                raise Conflict(f"the start key {wanted.key} was used for another request")
            return known[0], True
        self._store.start_keys[place] = (wanted.execution, wanted.request_hash)
        self._store.put_inbox(
            shard=shard_of(wanted.execution), kind="import", execution_id=wanted.execution,
            namespace=wanted.namespace, position=0, body=wanted.body, actor=wanted.actor,
            traceparent=wanted.traceparent,
        )  # fmt: skip
        return wanted.execution, False

    async def drop(self, execution_id: UUID) -> None:
        await self._store.turn()
        for place in [one for one in self._store.staged if one[0] == execution_id]:
            del self._store.staged[place]
