"""The log in Postgres: one fenced call to append, plain reads."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from msgspec.structs import astuple

from engine.adapters.postgres import failures
from engine.adapters.postgres.pool import Database, discard
from engine.adapters.postgres.statements import load
from engine.model.errors import NotFound, OutcomeUnknown
from engine.model.ids import shard_of
from engine.ports.rows import EVENT_COLUMNS, Append, EventRow, ShardHead, SnapshotRow

_SQL = load("log")
_LAST_SEQ = 2**31 - 1


class PostgresLog:
    """Implements `engine.ports.storage.Log`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, batch: Append) -> None:
        arguments = _encoded(batch)
        async with self._database.connection() as session:
            try:
                await session.execute(_SQL["append"], *arguments)
            except failures.DRIVER_FAILURES as error:
                meaning = failures.of_append(error)
                if isinstance(meaning, OutcomeUnknown):
                    # A session in an unknown state is not given to anybody else.
                    discard(session)
                raise meaning from error

    async def locked_head(self, shard: int) -> ShardHead:
        return _head(await self._database.row(_SQL["locked_head"], shard), shard)

    async def heads(self) -> list[ShardHead]:
        return [ShardHead(*row) for row in await self._database.rows(_SQL["heads"])]

    async def read_execution(
        self, execution_id: UUID, after: int = 0, limit: int = 10_000, upto: int | None = None
    ) -> list[EventRow]:
        last = _LAST_SEQ if upto is None else upto
        rows = await self._database.rows(
            _SQL["read_execution"], shard_of(execution_id), execution_id, after, last, limit
        )
        return [EventRow(*row) for row in rows]

    async def last_event(self, execution_id: UUID) -> EventRow | None:
        row = await self._database.row(_SQL["last_event"], shard_of(execution_id), execution_id)
        return None if row is None else EventRow(*row)

    async def forked_at(self, executions: Sequence[UUID]) -> dict[UUID, int]:
        shards = [shard_of(one) for one in executions]
        rows = await self._database.rows(_SQL["forked_at"], shards, list(executions))
        return {row["execution_id"]: row["forked_at"] for row in rows}

    async def read_shard(
        self, shard: int, after: int, upto: int, limit: int = 5_000
    ) -> list[EventRow]:
        rows = await self._database.rows(_SQL["read_shard"], shard, after, upto, limit)
        return [EventRow(*row) for row in rows]

    async def read_commits(
        self, shard: int, after: int, limit: int = 1_000
    ) -> list[dict[str, object]]:
        rows = await self._database.rows(_SQL["read_commits"], shard, after, limit)
        return [dict(row) for row in rows]

    async def save_snapshots(self, rows: Sequence[SnapshotRow]) -> None:
        await self._database.many(_SQL["save_snapshot"], [astuple(row) for row in rows])

    async def load_snapshots(self, ids: Sequence[tuple[int, UUID]]) -> list[SnapshotRow]:
        shards, executions = [shard for shard, _ in ids], [one for _, one in ids]
        rows = await self._database.rows(_SQL["load_snapshots"], shards, executions)
        return [SnapshotRow(*row) for row in rows]

    async def keep_snapshots(self, rows: Sequence[SnapshotRow]) -> None:
        await self._database.many(_SQL["keep_snapshot"], [astuple(row) for row in rows])

    async def kept_snapshot(
        self, execution_id: UUID, after: int, upto: int | None, evolve_version: int
    ) -> SnapshotRow | None:
        last = _LAST_SEQ if upto is None else upto
        row = await self._database.row(
            _SQL["kept_snapshot"],
            shard_of(execution_id), execution_id, after, last, evolve_version,
        )  # fmt: skip
        return None if row is None else SnapshotRow(*row)

    async def seq_at(self, execution_id: UUID, moment: int) -> int:
        found = await self._database.value(
            _SQL["seq_at"], shard_of(execution_id), execution_id, moment
        )
        return int(found)


def _encoded(batch: Append) -> tuple[list[Any], ...]:
    """The arrays of composites that `log.append_v2` takes, in its order."""
    return (
        [astuple(row) for row in batch.commits],
        [astuple(row)[:EVENT_COLUMNS] for row in batch.events],
        [astuple(row) for row in batch.births],
        [astuple(row) for row in batch.timers_set],
        [astuple(row) for row in batch.timers_cleared],
        [astuple(row) for row in batch.subscriptions_opened],
        [astuple(row) for row in batch.subscriptions_closed],
        [astuple(row) for row in batch.gatherings_opened],
        [astuple(row) for row in batch.gatherings_closed],
        batch.actions_opened,
        batch.actions_closed,
        batch.inbox_taken,
    )


def _head(row: Any, shard: int) -> ShardHead:
    if row is None or row["shard"] is None:
        raise NotFound(f"there is no shard {shard} in this installation")
    return ShardHead(*row)
