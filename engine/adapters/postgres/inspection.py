"""What `refold doctor` asks of a database."""

from typing import Any

import asyncpg

from engine.adapters.postgres.migrate import migrations
from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.statements import load

_SQL = load("inspection")
_NOT_THERE = (
    asyncpg.InvalidSchemaNameError,
    asyncpg.UndefinedTableError,
    asyncpg.InsufficientPrivilegeError,  # the migration that grants has not run
)


async def settings(database: Database) -> dict[str, str]:
    """Version and what decides whether a commit survives a crash. Raises Unavailable."""
    row = await database.row(_SQL["settings"])
    assert row is not None, "a SELECT without FROM gives a row"
    return dict(row)


async def now_ms(database: Database) -> int:
    """The clock of the database, milliseconds since 1970."""
    return int(await database.value(_SQL["now_ms"]))


async def missing_migrations(database: Database) -> list[str]:
    """Files of this release that did not run here: all of them where there is no log, or none that
    this login may read. Raises Unavailable."""
    try:
        done = {row["name"] for row in await database.rows(_SQL["migrations"])}
    except _NOT_THERE:
        done = set()
    return [one.name for one in migrations("log") if one.name not in done]


async def may_migrate(database: Database) -> bool:
    """Whether this login is the owner of the log, or could become it. Raises Unavailable."""
    return bool(await database.value(_SQL["may_migrate"]))


async def may_change_events(database: Database) -> tuple[str, bool]:
    """The role that this pool works as, and whether it could change or remove an event."""
    row = await database.row(_SQL["may_change_events"])
    assert row is not None, "a SELECT without FROM gives a row"
    return str(row["role"]), bool(row["superuser"] or row["may"])


async def counts(database: Database) -> dict[str, Any]:
    """Shards, those owned now, and partitions of the events."""
    row = await database.row(_SQL["shards"])
    assert row is not None, "an aggregate gives a row"
    return {**dict(row), "partitions": await database.value(_SQL["partitions"])}
