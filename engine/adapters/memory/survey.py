"""Reads of everything that the log in memory holds."""

from uuid import UUID

from engine.adapters.memory.store import MemoryStore
from engine.model.ids import shard_of
from engine.ports.rows import DefinitionRow, EventRow
from engine.ports.survey import Born, MarkRow, Sender, StoredDigest


class MemorySurvey:
    """Twin of `engine.ports.survey.Survey`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def births(self, shard: int, after: UUID, upto: int, limit: int) -> list[Born]:
        await self._store.turn()
        found = []
        for execution, birth in sorted(self._store.births.items()):
            if shard_of(execution) != shard or execution <= after:
                continue
            rows = self._store.events.get(execution, [])
            told = [row for row in rows if row.position <= upto]
            count = told[-1].seq if told else None if rows else 0
            found.append(Born(birth, count, told[-1].hash if told else b""))
        return found[:limit]

    async def events(
        self, shard: int, after: tuple[UUID, int], upto: int, limit: int
    ) -> list[EventRow]:
        await self._store.turn()
        found = [
            row
            for row in self._store.events_of_shard[shard]
            if (row.execution_id, row.seq) > after and row.position <= upto
        ]
        return sorted(found, key=lambda row: (row.execution_id, row.seq))[:limit]

    async def marks(self, shard: int, after: int, upto: int) -> list[MarkRow]:
        await self._store.turn()
        rows = sorted(self._store.events_of_shard[shard], key=lambda row: row.position)
        return [
            MarkRow(row.position, row.execution_id, row.seq, row.epoch, row.hash)
            for row in rows
            if after < row.position <= upto
        ]

    async def definitions(self, after: tuple[str, str, str], limit: int) -> list[DefinitionRow]:
        await self._store.turn()
        keys = sorted(key for key in self._store.definitions if key > after)
        return [self._store.definitions[key] for key in keys[:limit]]

    async def digests(self, after: tuple[str, int], limit: int) -> list[StoredDigest]:
        await self._store.turn()
        found = []
        for namespace, stream in sorted(self._store.streams.items()):
            for event in stream.events:
                digest, _ = stream.stored[event.source, event.id]
                if (namespace, event.position) > after:
                    found.append(StoredDigest(namespace, event.position, digest))
        return found[:limit]

    async def senders(self, namespace: str, before: int, limit: int) -> list[Sender]:
        await self._store.turn()
        stream = self._store.streams.get(namespace)
        found = [] if stream is None else stream.events[: before - 1][::-1][:limit]
        return [
            Sender(one.position, one.at, stream.actors[one.position], one.id, one.source, one.type)
            for one in found
            if stream is not None
        ]
