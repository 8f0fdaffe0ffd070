"""What is looked up in Postgres when somebody asks why."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.statements import load
from engine.adapters.postgres.streams import name_key, trigger_row
from engine.model.ids import shard_of
from engine.ports.evidence import Standing, StoredCloudEvent, TypeSeen
from engine.ports.rows import (
    DeadLetter,
    InboxRow,
    StreamEvent,
    SubscriptionRow,
    TriggerRow,
)

_SQL = load("evidence")
_LATEST = {
    (False, False): _SQL["latest_all"],
    (True, False): _SQL["latest_types"],
    (True, True): _SQL["latest_keyed_types"],
}


class PostgresEvidence:
    """Implements `engine.ports.evidence.Evidence`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def standing(self, shard: int) -> Standing | None:
        row = await self._database.row(_SQL["standing"], shard)
        if row is None:
            return None
        return Standing(
            row["shard"], row["owner"], row["expires_at"], row["now"], tuple(row["engines"]),
            row["rows"], row["oldest_at"],
        )  # fmt: skip

    async def waiting_for(self, execution_id: UUID, limit: int) -> list[InboxRow]:
        rows = await self._database.rows(
            _SQL["waiting_for"], shard_of(execution_id), execution_id, limit
        )
        return [InboxRow(*row) for row in rows]

    async def waiting_at(self, namespace: str, position: int, limit: int) -> list[InboxRow]:
        rows = await self._database.rows(_SQL["waiting_at"], namespace, position, limit)
        return [InboxRow(*row) for row in rows]

    async def latest(
        self,
        namespace: str,
        types: Sequence[str],
        after: int,
        upto: int,
        limit: int,
        key: bytes | None = None,
    ) -> list[StreamEvent]:
        arguments: list[Any] = [namespace, after, upto, limit]
        if types:
            arguments.append(sorted(set(types)))
        if key is not None:
            arguments.append(key)
        assert types or key is None, "a key is found by type"
        statement = _LATEST[bool(types), key is not None]
        return [StreamEvent(*row) for row in await self._database.rows(statement, *arguments)]

    async def types_seen(self, namespace: str, limit: int) -> list[TypeSeen]:
        rows = await self._database.rows(_SQL["types_seen"], namespace, limit)
        return [TypeSeen(*row) for row in rows]

    async def stored(self, namespace: str, position: int) -> StoredCloudEvent | None:
        row = await self._database.row(_SQL["stored"], namespace, position)
        if row is None:
            return None
        *event, actor = row
        return StoredCloudEvent(StreamEvent(*event), actor)

    async def position_of(self, namespace: str, source: str, event_id: str) -> int | None:
        found: int | None = await self._database.value(
            _SQL["position_of"], namespace, name_key(source, event_id)
        )
        return found

    async def triggers(
        self, namespace: str, event_type: str, position: int, limit: int
    ) -> list[TriggerRow]:
        rows = await self._database.rows(_SQL["triggers"], namespace, event_type, position, limit)
        return [trigger_row(*row) for row in rows]

    async def subscriptions(
        self, namespace: str, types: Sequence[str], limit: int
    ) -> list[SubscriptionRow]:
        rows = await self._database.rows(_SQL["subscriptions"], namespace, list(types), limit)
        return [SubscriptionRow(*row) for row in rows]

    async def subscribed_types(self, namespace: str, limit: int) -> list[str]:
        rows = await self._database.rows(_SQL["subscribed_types"], namespace, limit)
        return [row["type"] for row in rows]

    async def letter(self, namespace: str, number: int) -> DeadLetter | None:
        row = await self._database.row(_SQL["letter"], namespace, number)
        return None if row is None else DeadLetter(*row)

    async def latest_letters(self, namespace: str, limit: int) -> list[DeadLetter]:
        rows = await self._database.rows(_SQL["latest_letters"], namespace, limit)
        return [DeadLetter(*row) for row in rows]
