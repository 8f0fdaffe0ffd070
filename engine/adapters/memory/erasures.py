"""Erasures in memory."""

from collections.abc import Sequence
from uuid import UUID

from msgspec.structs import replace

from engine.adapters.memory.audit import record
from engine.adapters.memory.store import MemoryStore
from engine.model.errors import NotFound
from engine.model.ids import shard_of
from engine.ports.audit import Deed
from engine.ports.erasures import ERASED_TYPE, Erasure
from engine.ports.rows import StreamEvent
from schemas.json_text import dumps


class MemoryErasures:
    """Twin of `engine.ports.erasures.Erasures`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def ask(self, key_id: str, cancel: bool, deed: Deed) -> Erasure:
        await self._store.turn()
        known = [one for one in self._store.erasures.values() if one.key_id == key_id]
        if known:
            return min(known, key=lambda one: (one.done_at is not None, -one.id))
        row = self._store.keys.get(key_id)
        usable = row is not None and row.namespace == deed.namespace and row.wrapped is not None
        if row is None or not usable or row.kind == "namespace":
            raise NotFound(f"namespace {deed.namespace} has no data under such a key")
        number = len(self._store.erasures) + 1
        erasure = Erasure(
            number, deed.namespace, key_id, deed.target, cancel, deed.actor, deed.asked.origin,
            deed.asked.reason, self._store.now_ms(),
        )  # fmt: skip
        self._store.erasures[number] = erasure
        record(self._store, deed)
        return erasure

    async def get(self, namespace: str, number: int) -> Erasure | None:
        await self._store.turn()
        found = self._store.erasures.get(number)
        return found if found is not None and found.namespace == namespace else None

    async def latest(self, namespace: str, before: int | None, limit: int) -> list[Erasure]:
        await self._store.turn()
        found = [one for one in self._store.erasures.values() if one.namespace == namespace]
        return [one for one in reversed(found) if before is None or one.id < before][:limit]

    async def under_way(self, limit: int) -> list[Erasure]:
        await self._store.turn()
        return [one for one in self._store.erasures.values() if one.done_at is None][:limit]

    async def snapshots(self, executions: Sequence[UUID]) -> int:
        await self._store.turn()
        places = [(shard_of(one), one) for one in executions]
        newest = sum(place in self._store.snapshots for place in places)
        return newest + sum(len(self._store.kept_snapshots.get(place, ())) for place in places)

    async def erase_cloudevents(
        self, namespace: str, positions: Sequence[int], keys: Sequence[bytes]
    ) -> int:
        await self._store.turn()
        stream = self._store.streams.get(namespace)
        if stream is None:
            return 0
        count = 0
        for position in positions:
            event = stream.events[position - 1]
            stream.keys[position] = stream.keys[position] - frozenset(keys)
            if event.type != ERASED_TYPE:
                stream.events[position - 1] = _left_of(event)
                stream.stored[event.source, event.id] = (b"", position)
                count += 1
        return count

    async def finish(
        self, erasure: Erasure, executions: Sequence[UUID], cloudevents: int, deed: Deed
    ) -> bool:
        await self._store.turn()
        store = self._store
        if store.erasures[erasure.id].done_at is not None:
            return True
        uses = {one for one, key in store.key_uses.items() if key == erasure.key_id}
        if uses != set(executions):
            return False
        for one in executions:
            store.snapshots.pop((shard_of(one), one), None)
            store.kept_snapshots.pop((shard_of(one), one), None)
        store.inbox = {
            number: row for number, row in store.inbox.items() if row.execution_id not in uses
        }
        now = store.now_ms()
        store.keys[erasure.key_id] = replace(
            store.keys[erasure.key_id], wrapped=None, erased_at=now
        )
        store.erasures[erasure.id] = replace(
            erasure, done_at=now, executions=len(executions), cloudevents=cloudevents
        )
        record(store, deed)
        return True


def _left_of(event: StreamEvent) -> StreamEvent:
    """What is left of an erased CloudEvent: body and attributes alike."""
    left = dumps(
        {"specversion": "1.0", "id": event.id, "source": event.source, "type": ERASED_TYPE}
    )
    return replace(event, type=ERASED_TYPE, attributes=left, body=left)
