"""Numbered migrations: `schemas/sql/AREA/NNNN_slug.sql`, run in order, each once, under a lock.

A file that ran is remembered with its checksum; one that changed afterwards is refused.
"""

import hashlib
import re
from importlib.resources import files
from typing import NamedTuple

import asyncpg

from engine.adapters.postgres import failures
from engine.model.errors import Conflict, Unavailable

_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")
_CONNECT_TIMEOUT_S = 10.0
_STATEMENT_TIMEOUT_S = 600.0
_LEAST_SERVER = 150000


class Migration(NamedTuple):
    """A file: its number, its name and its text."""

    number: int
    name: str
    text: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.text.encode()).hexdigest()


def migrations(area: str) -> list[Migration]:
    """The files of an area, in order. Raises ValueError for a name out of form or out of order."""
    found: list[Migration] = []
    for entry in sorted(files("schemas").joinpath("sql", area).iterdir(), key=lambda one: one.name):
        name = _NAME.fullmatch(entry.name)
        if name is None or int(name[1]) != len(found) + 1:
            raise ValueError(
                f"schemas/sql/{area}/{entry.name}: expected {len(found) + 1:04d}_*.sql"
            )
        found.append(Migration(int(name[1]), entry.name, entry.read_text("utf-8")))
    return found


async def migrate(
    owner_dsn: str,
    area: str = "log",
    *,
    shards: int = 64,
    files_to_run: list[Migration] | None = None,
) -> list[str]:
    """Bring the schema `area` up to date; returns the names of the files that ran now.

    `owner_dsn`: a login that may make the schema (REFOLD_DATABASE_OWNER_URL). `shards`: their
    number, used by the first migration of the log alone. Safe to call at the same time from
    anywhere. Raises Conflict when a file that ran has changed, Unavailable."""
    wanted = migrations(area) if files_to_run is None else files_to_run
    session = await _connect(owner_dsn)
    try:
        await session.execute("SELECT pg_advisory_lock(hashtextextended($1, 0))", f"refold.{area}")
        await session.execute("SELECT set_config('refold.shards', $1, false)", str(shards))
        done = await _applied(session, area)
        pending = [one for one in wanted if not _is_done(one, done, area)]
        for migration in pending:
            await _apply(session, area, migration)
        return [migration.name for migration in pending]
    except failures.DRIVER_FAILURES as error:
        raise failures.of_statement(error) from error
    finally:
        await session.close(timeout=5)


async def ensure_partitions(owner_dsn: str, months_ahead: int = 3) -> int:
    """Make the partitions of the log ahead; returns how many were missing. For the owner: at start
    and from time to time. Raises Unavailable."""
    session = await _connect(owner_dsn)
    try:
        return int(await session.fetchval("SELECT log.ensure_partitions_v1($1)", months_ahead))
    except failures.DRIVER_FAILURES as error:
        raise failures.of_statement(error) from error
    finally:
        await session.close(timeout=5)


async def _connect(dsn: str) -> "asyncpg.Connection[asyncpg.Record]":
    try:
        session = await asyncpg.connect(
            dsn,
            timeout=_CONNECT_TIMEOUT_S,
            command_timeout=_STATEMENT_TIMEOUT_S,
            server_settings={"application_name": "refold-owner", "client_min_messages": "warning"},
        )
    except failures.DRIVER_FAILURES as error:
        raise failures.of_statement(error) from error
    version = session.get_server_version()
    if version.major * 10_000 < _LEAST_SERVER:
        await session.close(timeout=5)
        raise Unavailable(f"Postgres {version.major} is too old: Refold needs 15 or newer")
    return session


async def _applied(
    session: "asyncpg.Connection[asyncpg.Record]", area: str
) -> dict[int, tuple[str, str]]:
    """Name and checksum of the files that ran, by number."""
    await session.execute(f"CREATE SCHEMA IF NOT EXISTS {area}")
    await session.execute(
        f"CREATE TABLE IF NOT EXISTS {area}.migrations (number integer PRIMARY KEY,"
        " name text NOT NULL, checksum text NOT NULL,"
        " applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"
    )
    rows = await session.fetch(f"SELECT number, name, checksum FROM {area}.migrations")  # noqa: S608 - one of our own schemas
    return {row["number"]: (row["name"], row["checksum"]) for row in rows}


def _is_done(migration: Migration, done: dict[int, tuple[str, str]], area: str) -> bool:
    ran = done.get(migration.number)
    if ran is None:
        return False
    if ran != (migration.name, migration.checksum):
        raise Conflict(
            f"schemas/sql/{area}/{migration.name} is not the file that ran here as {ran[0]}: put "
            "that one back, and write the change as a migration of its own"
        )
    return True


async def _apply(
    session: "asyncpg.Connection[asyncpg.Record]", area: str, migration: Migration
) -> None:
    async with session.transaction():
        await session.execute(migration.text)
        await session.execute(
            f"INSERT INTO {area}.migrations (number, name, checksum) VALUES ($1, $2, $3)",  # noqa: S608 - one of our own schemas
            migration.number,
            migration.name,
            migration.checksum,
        )
