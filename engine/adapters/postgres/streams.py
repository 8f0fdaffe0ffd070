"""The CloudEvents of each namespace in Postgres: a stream with gap-free positions."""

import hashlib
from collections.abc import Sequence
from typing import Any

from msgspec.structs import astuple

from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.statements import load
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

_SQL = load("streams")
_ROWS_A_CALL = 500


class PostgresStreams:
    """Implements `engine.ports.storage.Streams`. `shards`: their number."""

    def __init__(self, database: Database, shards: int) -> None:
        self._database = database
        self._shards = shards

    async def ingest(self, namespace: str, rows: Sequence[IngestRow]) -> list[Receipt]:
        shard = shard_of_namespace(namespace, self._shards)
        receipts: list[Receipt] = []
        for first in range(0, len(rows), _ROWS_A_CALL):
            part = [_encoded(row) for row in rows[first : first + _ROWS_A_CALL]]
            answers = await self._database.rows(_SQL["ingest"], namespace, shard, part)
            receipts += [Receipt(*answer) for answer in answers]
        return receipts

    async def head(self, namespace: str, *, settled: bool = False) -> int:
        statement = _SQL["settled_head"] if settled else _SQL["head"]
        return await self._database.value(statement, namespace) or 0

    async def read(
        self,
        namespace: str,
        types: Sequence[str],
        after: int,
        upto: int,
        key: bytes | None = None,
        limit: int = 200,
    ) -> list[StreamEvent]:
        arguments: list[Any] = [namespace, after, upto, limit]
        if types:
            arguments.append(sorted(set(types)))
        if key is not None:
            arguments.append(key)
        statement = _READ[bool(types), key is not None]
        return [StreamEvent(*row) for row in await self._database.rows(statement, *arguments)]

    async def matched(self, namespace: str) -> int:
        return await self._database.value(_SQL["matched"], namespace) or 0

    async def namespaces(self, shards: Sequence[int]) -> list[str]:
        rows = await self._database.rows(_SQL["namespaces"], list(shards))
        return [row["namespace"] for row in rows]

    async def triggers(self, namespace: str) -> list[TriggerRow]:
        rows = await self._database.rows(_SQL["triggers"], namespace)
        return [trigger_row(*row) for row in rows]

    async def subscribers(
        self, namespace: str, types: Sequence[str], keys: Sequence[bytes]
    ) -> list[SubscriptionRow]:
        rows = await self._database.rows(
            _SQL["subscribers"], namespace, list(set(types)), list(set(keys))
        )
        return [SubscriptionRow(*row) for row in rows]

    async def advance(
        self,
        shard: int,
        epoch: int,
        namespace: str,
        expected: int,
        to: int,
        matches: Sequence[Match],
    ) -> None:
        rows = [astuple(match) for match in matches]
        await self._database.value(_SQL["advance"], shard, epoch, namespace, expected, to, rows)

    async def dead_letter(
        self, namespace: str, origin: str, code: str, reason: str, headers: bytes, body: bytes
    ) -> None:
        await self._database.value(
            _SQL["dead_letter"], namespace, origin, code, reason, headers, body
        )

    async def dead_letters(self, namespace: str, after: int, limit: int) -> list[DeadLetter]:
        rows = await self._database.rows(_SQL["dead_letters"], namespace, after, limit)
        return [DeadLetter(*row) for row in rows]


_READ = {
    (False, False): _SQL["read_all"],
    (True, False): _SQL["read_types"],
    (True, True): _SQL["read_keyed_types"],
    (False, True): _SQL["read_keyed"],
}


def name_key(source: str, event_id: str) -> bytes:
    """16 bytes of a hash that name a CloudEvent by source and id."""
    return hashlib.sha256(f"{source}\0{event_id}".encode()).digest()[:16]


def _encoded(row: IngestRow) -> tuple[Any, ...]:
    """The composite that `log.ingest_v1` takes."""
    return (
        name_key(row.source, row.id), row.id, row.source, row.type, row.digest, row.attributes,
        row.body, row.keys, row.actor,
    )  # fmt: skip


def trigger_row(
    namespace: str,
    trigger: str,
    workflow: str,
    version: str,
    definition_hash: str,
    types: list[str],
    *bounds: Any,
) -> TriggerRow:
    """A row of log.triggers."""
    return TriggerRow(namespace, trigger, workflow, version, definition_hash, tuple(types), *bounds)
