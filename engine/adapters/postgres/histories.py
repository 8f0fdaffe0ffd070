"""Whole histories of many executions, for who compares them by the ten thousand."""

from collections.abc import Sequence
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING
from uuid import UUID

from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.statements import load
from engine.core.chain import JSON_CODEC
from engine.core.upcast import upcast
from engine.model.event import Event
from engine.model.ids import shard_of
from schemas.events.wire import decode_body

if TYPE_CHECKING:
    import asyncpg

_SQL = load("histories")


class PostgresHistories:
    """Reads in large pieces and takes of an event what a fold needs."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def born(
        self, namespace: str, workflow: str, versions: Sequence[str] | None, since_ms: int,
        before_ms: int, limit: int,
    ) -> bytes:  # fmt: skip
        """Ids of the workflow's executions, 16 bytes each, the newest first. Raises Unavailable."""
        found: bytes | None = await self._database.value(
            _SQL["born"], namespace, workflow, None if versions is None else list(versions),
            UUID(int=since_ms << 80), UUID(int=before_ms << 80), limit,
        )  # fmt: skip
        return found or b""

    async def beginnings(self, ids: Sequence[UUID], limit: int) -> list["History"]:
        """The first events, at most `limit`, of each of these executions that has some, in the
        order of `ids`. Raises Unavailable."""
        shards = [shard_of(one) for one in ids]
        rows = await self._database.rows(_SQL["beginnings"], shards, list(ids), limit)
        grouped = groupby(rows, key=itemgetter(0))
        return [History(execution_id, list(own)) for execution_id, own in grouped]


class History:
    """Events of one execution as they were read; `length` of them."""

    def __init__(self, execution_id: UUID, rows: "list[asyncpg.Record]") -> None:
        self.execution_id = execution_id
        self.length = len(rows)
        self._rows = rows

    @property
    def is_plain(self) -> bool:
        """Whether all of it is stored as JSON in the clear."""
        return all(row[12] == JSON_CODEC for row in self._rows)

    def events(self) -> list[Event]:
        """The events, with what a fold and a comparison need of them. Raises UnknownEventType,
        msgspec.DecodeError."""
        return [
            Event(
                seq, at, upcast(decode_body(kind, version, data)), frame, node, name, branch,
                iteration, attempt, causation=causation,
            )
            for (
                _, seq, kind, version, at, frame, node, name, branch, iteration, attempt,
                causation, _, data,
            ) in self._rows
        ]  # fmt: skip
