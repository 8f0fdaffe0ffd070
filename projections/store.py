"""Rows of the read side in Postgres: applied with their position in one transaction, and queried.

The connections come from the composition root; this room knows only what it needs of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol
from uuid import UUID

import msgspec

from projections.statements import live_table, schema_of, statements, tables
from projections.views.changes import Changes


class Connection(Protocol):
    """What is asked of a database connection."""

    async def execute(self, query: str, *args: Any) -> Any:
        """Run a statement, or a script without arguments."""

    async def executemany(self, command: str, args: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each row of arguments."""

    async def fetch(self, query: str, *args: Any) -> Sequence[Mapping[str, Any]]:
        """All rows."""

    async def fetchval(self, query: str, *args: Any) -> Any:
        """The first value of the first row."""

    def transaction(self) -> AbstractAsyncContextManager[Any]:
        """A transaction."""


class Database(Protocol):
    """Gives connections."""

    def acquire(self) -> AbstractAsyncContextManager[Connection]:
        """A connection for the time of the context."""


class Span(msgspec.Struct, frozen=True):
    """A stretch of a shard: what is after one position, up to another."""

    shard: int
    after: int
    upto: int


class ReadStore:
    """The read tables. `generation` None: the live one, looked up at every `open`."""

    def __init__(self, database: Database, generation: int | None = None) -> None:
        self._database = database
        self._pinned = generation is not None
        self._generation = generation or 0

    @property
    def generation(self) -> int:
        """Which generation of the tables this store reads and writes."""
        return self._generation

    async def open(self) -> None:
        """Make the tables if they are missing; find out which generation is live."""
        async with self._database.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock(727469)")
            await connection.execute(live_table())
            await self._find_live(connection)
            await connection.execute(tables(self._generation))

    async def join(self) -> bool:
        """Find out which generation is live, of tables that their owner makes. False: there are
        none yet that this login may read."""
        async with self._database.acquire() as connection:
            if not await connection.fetchval(statements("read.sql", 0)["is_made"]):
                return False
            await self._find_live(connection)
        return True

    async def _find_live(self, connection: Connection) -> None:
        if not self._pinned:
            self._generation = await connection.fetchval("SELECT live FROM read.generations")

    async def positions(self) -> dict[int, int]:
        """How far each shard was read; a shard that was never read is missing."""
        rows = await self._fetch("apply.sql", "positions")
        return {row["shard"]: row["position"] for row in rows}

    async def apply(self, spans: Sequence[Span], changes: Changes) -> bool:
        """Apply the changes of these spans of the log in one transaction. False: somebody else has
        moved a position, nothing was changed."""
        known = statements("apply.sql", self._generation)
        shards = [span.shard for span in spans]
        async with self._database.acquire() as connection, connection.transaction():
            found = await connection.fetch(known["lock_positions"], shards)
            if len(found) < len(shards):
                await connection.execute(known["add_positions"], shards)
                found = await connection.fetch(known["lock_positions"], shards)
            held = {row["shard"]: row["position"] for row in found}
            if any(held[span.shard] != span.after for span in spans):
                return False
            for name, rows in _rows_of(changes):
                if rows:
                    await connection.executemany(known[name], rows)
            await connection.execute(known["move_positions"], shards, [span.upto for span in spans])
        return True

    async def list_executions(
        self,
        namespace: str,
        *,
        workflow: str | None = None,
        version: str | None = None,
        status: str | None = None,
        started_from: int | None = None,
        started_before: int | None = None,
        before: UUID | None = None,
        limit: int = 50,
    ) -> Sequence[Mapping[str, Any]]:
        """A page of executions, newest first; `before` is the last id of the page before. Times in
        ms since 1970, from inclusive, before exclusive."""
        return await self._fetch(
            "read.sql", "list_executions",
            namespace, workflow, version, status, started_from, started_before, before, limit,
        )  # fmt: skip

    async def find_execution(self, namespace: str, execution_id: UUID) -> Mapping[str, Any] | None:
        """The row of one execution, None while it is not projected."""
        rows = await self._fetch("read.sql", "find_execution", namespace, execution_id)
        return rows[0] if rows else None

    async def list_scopes(
        self, namespace: str, execution_id: UUID, limit: int = 10_000
    ) -> Sequence[Mapping[str, Any]]:
        """States, branches and iterations of one execution in order of entry."""
        return await self._fetch("read.sql", "list_scopes", namespace, execution_id, limit)

    async def list_attempts(
        self, namespace: str, execution_id: UUID, limit: int = 10_000
    ) -> Sequence[Mapping[str, Any]]:
        """Attempts of one execution's actions in order of scheduling."""
        return await self._fetch("read.sql", "list_attempts", namespace, execution_id, limit)

    async def fingerprint(self) -> str:
        """A hash over all rows: equal tables have equal hashes."""
        rows = await self._fetch("read.sql", "fingerprint")
        return str(rows[0]["md5"])

    async def make_live(self) -> None:
        """Swap: readers take this generation from their next `open` on; the others are dropped."""
        async with self._database.acquire() as connection, connection.transaction():
            before = await connection.fetchval("SELECT live FROM read.generations FOR UPDATE")
            await connection.execute("UPDATE read.generations SET live = $1", self._generation)
            if before != self._generation:
                await connection.execute(f"DROP SCHEMA IF EXISTS {schema_of(before)} CASCADE")

    async def _fetch(self, file: str, name: str, *args: Any) -> Sequence[Mapping[str, Any]]:
        known = self._generation
        try:
            return await self._query(file, name, *args)
        except Exception:
            await self.open()  # after a rebuild the tables are elsewhere
            if self._generation == known:
                raise
            return await self._query(file, name, *args)

    async def _query(self, file: str, name: str, *args: Any) -> Sequence[Mapping[str, Any]]:
        async with self._database.acquire() as connection:
            return await connection.fetch(statements(file, self._generation)[name], *args)


def _rows_of(changes: Changes) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """The statements of a batch with their rows, rows that others refer to first."""
    astuple = msgspec.structs.astuple
    return [
        ("open_execution", [astuple(one) for one in changes.executions_opened.values()]),
        ("change_execution", [(key, *astuple(one)) for key, one in changes.executions.items()]),
        ("open_scope", [astuple(one) for one in changes.scopes_opened.values()]),
        ("close_scope", [(*key, *astuple(one)) for key, one in changes.scopes.items()]),
        ("open_attempt", [astuple(one) for one in changes.attempts_opened.values()]),
        ("end_attempt", [(*key, *astuple(one)) for key, one in changes.attempts.items()]),
    ]
