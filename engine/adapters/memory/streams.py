"""The CloudEvents of each namespace in memory."""

from collections.abc import Sequence
from hashlib import sha256
from uuid import UUID

from engine.adapters.memory.store import MemoryStore, Stream
from engine.model.errors import Fenced
from engine.model.ids import shard_of_namespace
from engine.ports.rows import (
    DeadLetter,
    IngestRow,
    Match,
    Receipt,
    StreamEvent,
    SubscriptionRow,
    TriggerRow,
)

_NIL = UUID(int=0)


class MemoryStreams:
    """Twin of `engine.ports.storage.Streams`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def ingest(self, namespace: str, rows: Sequence[IngestRow]) -> list[Receipt]:
        await self._store.turn()
        shard = shard_of_namespace(namespace, self._store.installation.shards)
        stream = self._store.stream(namespace, shard)
        now = self._store.now_ms()
        return [_store_one(stream, row, now) for row in rows]

    async def head(self, namespace: str, *, settled: bool = False) -> int:  # noqa: ARG002 - always
        await self._store.turn()
        return self._store.stream_head(namespace)

    async def read(
        self,
        namespace: str,
        types: Sequence[str],
        after: int,
        upto: int,
        key: bytes | None = None,
        limit: int = 200,
    ) -> list[StreamEvent]:
        await self._store.turn()
        stream = self._store.streams.get(namespace)
        if stream is None:
            return []
        found = [
            event
            for event in stream.events[after:upto]
            if (not types or event.type in types)
            and (key is None or key in stream.keys[event.position])
        ]
        return found[:limit]

    async def matched(self, namespace: str) -> int:
        await self._store.turn()
        stream = self._store.streams.get(namespace)
        return stream.matched if stream else 0

    async def namespaces(self, shards: Sequence[int]) -> list[str]:
        await self._store.turn()
        return sorted(
            name
            for name, stream in self._store.streams.items()
            if stream.shard in shards and stream.matched < stream.head
        )

    async def triggers(self, namespace: str) -> list[TriggerRow]:
        await self._store.turn()
        stream = self._store.streams.get(namespace)
        matched = stream.matched if stream else 0
        return [
            row
            for row in self._store.triggers
            if row.namespace == namespace
            and (row.to_position is None or row.to_position > max(matched, row.from_position))
        ]

    async def subscribers(
        self, namespace: str, types: Sequence[str], keys: Sequence[bytes]
    ) -> list[SubscriptionRow]:
        await self._store.turn()
        return [
            row
            for _, row in sorted(self._store.subscriptions.items())
            if row.namespace == namespace
            and row.type in types
            and (row.key is None or row.key in keys)
        ]

    async def advance(
        self,
        shard: int,
        epoch: int,
        namespace: str,
        expected: int,
        to: int,
        matches: Sequence[Match],
    ) -> None:
        await self._store.turn()
        head, stream = self._store.heads.get(shard), self._store.streams.get(namespace)
        if head is None or head.epoch != epoch:
            raise Fenced(f"shard {shard} has another epoch than {epoch}")
        if stream is None or stream.shard != shard or stream.matched != expected:
            raise Fenced(f"the stream of {namespace} is matched elsewhere or further")
        assert expected <= to <= stream.head, "the cursor may not go back or pass the head"
        assert all(expected < match.position <= to for match in matches), "a match out of range"
        for match in matches:
            self._put(namespace, stream, match)
        stream.matched = to

    def _put(self, namespace: str, stream: Stream, match: Match) -> None:
        """Put one match into the inbox: hints and offers once each, starts once for each key."""
        execution_id = match.execution_id or _NIL
        if match.kind == "start":
            place = (namespace, match.workflow, match.start_key)
            if place in self._store.start_keys:
                return
            execution_id = self._store.mint(match.shard)
            self._store.start_keys[place] = (execution_id, sha256(match.body).digest())
        elif any(
            (row.kind, row.shard, row.namespace, row.position, row.execution_id, row.body)
            == (match.kind, match.shard, namespace, match.position, execution_id, match.body)
            for row in self._store.inbox.values()
        ):
            return
        self._store.put_inbox(
            shard=match.shard,
            kind=match.kind,
            execution_id=execution_id,
            namespace=namespace,
            position=match.position,
            body=match.body,
            actor=stream.actors[match.position],
            traceparent=None,
        )

    async def dead_letter(
        self, namespace: str, origin: str, code: str, reason: str, headers: bytes, body: bytes
    ) -> None:
        await self._store.turn()
        number, now = len(self._store.dead_letters) + 1, self._store.now_ms()
        self._store.dead_letters.append(
            DeadLetter(number, namespace, now, origin, code, reason, headers, body)
        )

    async def dead_letters(self, namespace: str, after: int, limit: int) -> list[DeadLetter]:
        await self._store.turn()
        letters = self._store.dead_letters
        return [one for one in letters if one.namespace == namespace and one.id > after][:limit]


def _store_one(stream: Stream, row: IngestRow, now: int) -> Receipt:
    first = stream.stored.get((row.source, row.id))
    if first is not None:
        digest, position = first
        return Receipt(position, "duplicate" if digest in (row.digest, b"") else "conflict")
    stream.head += 1
    stream.at = max(stream.at, now)
    stream.stored[row.source, row.id] = (row.digest, stream.head)
    stream.keys[stream.head] = frozenset(row.keys)
    stream.actors[stream.head] = row.actor
    stream.events.append(
        StreamEvent(stream.head, stream.at, row.id, row.source, row.type, row.attributes, row.body)
    )
    return Receipt(stream.head, "stored")
