"""The read tables in Postgres: written with their position in one transaction, and asked.

The connections come from the composition root; this room knows only what it needs of them.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from projections import generations
from projections.database import Connection, Database, Row
from projections.generations import ReadSideBuilding, Shape
from projections.statements import statements
from projections.views.changes import Changes
from projections.writing import statements_of


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
        self._shape: Shape = "current"

    @property
    def generation(self) -> int:
        """Which generation of the tables this store reads and writes."""
        return self._generation

    @property
    def shape(self) -> Shape:
        """How its tables stand to this release, as of the last look."""
        return self._shape

    def beside(self) -> "ReadStore":
        """A store of the generation that follows, to be built."""
        return ReadStore(self._database, self._generation + 1)

    async def open(self) -> None:
        """Make the tables if they are missing; find out which generation is live. Live tables of
        another version are left as they are (`shape` tells)."""
        async with self._database.acquire() as connection, connection.transaction():
            await generations.make_first(connection)
            if not self._pinned:
                await self._find_live(connection)
            if self._pinned or self._shape == "current":
                await generations.make(connection, self._generation)

    async def join(self) -> bool:
        """Find out which generation is live, of tables that their owner makes. False: there are
        none yet that this login may read."""
        async with self._database.acquire() as connection, connection.transaction():
            if not await connection.fetchval(statements("generations.sql", 0)["is_made"]):
                return False
            await self._find_live(connection)
        return True

    async def _find_live(self, connection: Connection) -> None:
        await generations.hold_still(connection)
        self._generation = await generations.live_generation(connection)
        self._shape = await generations.shape_of(connection, self._generation)

    async def positions(self) -> dict[int, int]:
        """How far each shard was read; a shard that was never read is missing."""
        rows = await self.ask("apply.sql", "positions")
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
            for name, columns in statements_of(changes):
                await connection.execute(known[name], *columns)
            await connection.execute(known["move_positions"], shards, [span.upto for span in spans])
        return True

    async def drop_erased(self) -> int:
        """Drop all rows of executions whose data was erased from the log; how many were here."""
        known = statements("erasure.sql", self._generation)
        async with self._database.acquire() as connection, connection.transaction():
            await connection.execute(statements("reading.sql", 0)["scanning"])
            rows = await connection.fetch(known["due"])
            ids = [row["execution_id"] for row in rows]
            for name in known if ids else ():
                if name != "due":
                    await connection.execute(known[name], ids)
        return len(ids)

    async def fingerprint(self) -> str:
        """A hash over all rows: equal tables have equal hashes."""
        rows = await self.ask("generations.sql", "fingerprint", scans=True)
        return str(rows[0]["fingerprint"])

    async def make_live(self) -> None:
        """Swap: readers take this generation from their next `open` on; the others are dropped."""
        async with self._database.acquire() as connection, connection.transaction():
            await generations.make_live(connection, self._generation)

    async def ask(self, file: str, name: str, *args: Any, scans: bool = False) -> Sequence[Row]:
        """The rows of a named statement. `scans`: it reads much of the tables, so that it is
        planned for that. Raises ReadSideBuilding, Unavailable."""
        return await self.ask_text(lambda known: known[name], file, *args, scans=scans)

    async def ask_text(
        self, compose: Any, file: str, *args: Any, scans: bool = False
    ) -> Sequence[Row]:
        """The rows of the statement that `compose` makes of the blocks of a file."""
        while True:
            await self._check_shape()
            known = self._generation
            try:
                return await self._query(compose, file, args, scans)
            except Exception:
                await self._look_again()  # after a rebuild the tables are elsewhere
                if self._generation == known:
                    raise

    async def _check_shape(self) -> None:
        if self._shape != "current":
            await self._look_again()
        if self._shape != "current":
            raise ReadSideBuilding(self._shape)

    async def _look_again(self) -> None:
        if not self._pinned:
            async with self._database.acquire() as connection, connection.transaction():
                await self._find_live(connection)

    async def _query(
        self, compose: Any, file: str, args: tuple[Any, ...], scans: bool
    ) -> Sequence[Row]:
        statement = compose(statements(file, self._generation))
        async with self._database.acquire() as connection:
            if not scans:
                return await connection.fetch(statement, *args)
            async with connection.transaction():
                await connection.execute(statements("reading.sql", 0)["scanning"])
                return await connection.fetch(statement, *args)
