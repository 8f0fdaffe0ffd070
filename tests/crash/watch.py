"""Tails the log from outside: what is in flight when a fault strikes, and when all is done."""

import asyncio
from collections import Counter
from contextlib import suppress
from uuid import UUID

import asyncpg

from engine.model.ids import shard_of

TERMINAL = (
    "ExecutionCompleted",
    "ExecutionFailed",
    "ExecutionCancelled",
    "ExecutionTimedOut",
    "GatheringExpired",
)
_BIRTHS = ("ExecutionStarted", "GatheringOpened")
_TAIL = """
    SELECT position, execution_id, type FROM log.events
    WHERE shard = $1 AND position > $2 ORDER BY position LIMIT 5000
"""
_CONNECTION_LOST = (
    OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError,
)  # fmt: skip


class Watch:
    """One connection of its own. Sets only grow: what was seen committed stays."""

    def __init__(self, database: str, interval_s: float = 0.1) -> None:
        self._database = database
        self._interval_s = interval_s
        self._positions: Counter[int] = Counter()
        self._stream = 0
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Condition()
        self.open: set[UUID] = set()
        self.closed: set[UUID] = set()
        self.stored: set[str] = set()
        self.inbox = 0
        self.unmatched = 0
        self.epochs: dict[tuple[int, int], float] = {}
        """(shard, epoch) -> a time, by the database's clock, at which it had begun."""

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def open_in(self, shards: set[int]) -> int:
        """Open executions in these shards."""
        return sum(1 for one in self.open if shard_of(one) in shards)

    async def until_closed(self, execution: UUID) -> None:
        await self._until(lambda: execution in self.closed)

    async def until_stored(self, event_id: str) -> None:
        """The CloudEvent has its position in the stream."""
        await self._until(lambda: event_id in self.stored)

    async def _until(self, condition) -> None:
        async with self._turn:
            await self._turn.wait_for(condition)

    async def _run(self) -> None:
        while True:
            try:
                connection = await asyncpg.connect(self._database, timeout=5, command_timeout=10)
            except _CONNECTION_LOST:
                await asyncio.sleep(self._interval_s)
                continue
            try:
                while True:
                    await self._look(connection)
                    await asyncio.sleep(self._interval_s)
            except _CONNECTION_LOST:
                await asyncio.sleep(self._interval_s)
            finally:
                with suppress(*_CONNECTION_LOST):
                    connection.terminate()

    async def _look(self, connection: asyncpg.Connection) -> None:
        heads = await connection.fetch(
            "SELECT shard, epoch, last_position, clock_timestamp() FROM log.shards"
        )
        for shard, epoch, last, now in heads:
            self.epochs.setdefault((shard, epoch), now.timestamp())
            while self._positions[shard] < last:
                await self._tail(connection, shard)
        rows = await connection.fetch(
            "SELECT position, id FROM log.cloudevents WHERE position > $1 ORDER BY position",
            self._stream,
        )
        for position, event_id in rows:
            self._stream = position
            self.stored.add(event_id)
        self.inbox = await connection.fetchval("SELECT count(*) FROM log.inbox")
        self.unmatched = await connection.fetchval(
            "SELECT coalesce(sum(head - matched), 0)::bigint FROM log.streams"
        )
        async with self._turn:
            self._turn.notify_all()

    async def _tail(self, connection: asyncpg.Connection, shard: int) -> None:
        rows = await connection.fetch(_TAIL, shard, self._positions[shard])
        assert rows, f"shard {shard}: the head is beyond the last event that can be read"
        for position, execution, kind in rows:
            self._positions[shard] = position
            if kind in _BIRTHS and execution not in self.closed:
                self.open.add(execution)
            elif kind in TERMINAL:
                self.open.discard(execution)
                self.closed.add(execution)
