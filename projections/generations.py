"""Generations of the read tables: which one is live, and whether it has the shape of this release.

A generation is a schema (`read_N`) that holds the version of the views that wrote it. Tables of
another version are neither read nor written: the projector builds others beside them, of this
version, and swaps.
"""

from typing import Literal

from engine.model.errors import Unavailable
from projections.database import Connection
from projections.statements import live_table, schema_of, statements, tables

VIEWS_VERSION = 5
"""Version of the tables and of what the views write into them. Raise it with every change of
either; nothing else is to be done for an upgrade."""

Shape = Literal["current", "older", "newer"]

_LOCK = "SELECT pg_advisory_xact_lock(727469)"
_SHARED_LOCK = "SELECT pg_advisory_xact_lock_shared(727469)"


class ReadSideBuilding(Unavailable):
    """The live read tables are of another release: those of this one are being built."""

    code = "projection.building"

    def __init__(self, shape: Shape) -> None:
        super().__init__(
            "the read tables are being built anew for this release; try again in a while"
            if shape == "older"
            else "the read tables are of a newer release than this server: upgrade it"
        )
        self.shape = shape


async def hold_still(connection: Connection) -> None:
    """Let nobody swap or make a generation until this transaction ends."""
    await connection.execute(_SHARED_LOCK)


async def live_generation(connection: Connection) -> int:
    """Which generation readers take."""
    return int(await connection.fetchval("SELECT live FROM read.generations"))


async def shape_of(connection: Connection, generation: int) -> Shape:
    """How the tables of this generation stand to this release; those that are not there are taken
    for current: they will be when they are made."""
    version = await version_of(connection, generation)
    if version is None or version == VIEWS_VERSION:
        return "current"
    return "older" if version < VIEWS_VERSION else "newer"


async def version_of(connection: Connection, generation: int) -> int | None:
    """The version of the views that wrote this generation; None: there is no such generation."""
    known = statements("generations.sql", generation)
    if not await connection.fetchval(known["is_there"]):
        return None
    if not await connection.fetchval(known["has_version"]):
        return 1  # the first release did not say
    return int(await connection.fetchval(known["version"]))


async def make_first(connection: Connection) -> None:
    """Make the table of the live generation, once; within a transaction."""
    await connection.execute(_LOCK)
    await connection.execute(live_table())


async def make(connection: Connection, generation: int) -> None:
    """Make the tables of this generation where they are missing; within a transaction. What an
    interrupted build of an older version left is dropped first. Raises ReadSideBuilding where a
    newer release builds them."""
    await connection.execute(_LOCK)
    shape = await shape_of(connection, generation)
    if shape == "newer":
        raise ReadSideBuilding(shape)
    if shape == "older":
        await connection.execute(f"DROP SCHEMA {schema_of(generation)} CASCADE")
    await connection.execute(tables(generation, VIEWS_VERSION))


async def make_live(connection: Connection, generation: int) -> None:
    """Swap, within a transaction: readers take this generation from their next look on, the one
    before is dropped. The number only rises: whoever comes second changes nothing."""
    await connection.execute(_LOCK)
    before = await live_generation(connection)
    if generation > before:
        await connection.execute("UPDATE read.generations SET live = $1", generation)
        await connection.execute(f"DROP SCHEMA IF EXISTS {schema_of(before)} CASCADE")
