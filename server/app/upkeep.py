"""Upkeep of the read side: where each projection stands, and building it anew."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from engine.adapters.crypto.log import OpeningLog
from engine.adapters.postgres.log import PostgresLog
from engine.adapters.postgres.pool import Database, open_database
from projections.questions.progress import Progress, progress_of
from projections.runner import rebuild
from projections.store import ReadStore
from server.app.deeds import record
from server.app.sealing import keychain_of
from server.app.server import ReadDatabase
from server.settings import BadSetting, Settings

_STATEMENT_S = 300.0
"""A fingerprint reads all rows."""


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    owner = settings.database_owner_url or settings.database_url
    if not owner:
        raise BadSetting("set REFOLD_DATABASE_URL (or REFOLD_DATABASE_OWNER_URL) to the database")
    database = await open_database(
        owner, "upkeep", size=3, command_timeout_s=_STATEMENT_S, as_engine=False
    )
    try:
        yield database
    finally:
        await database.close()


async def projection_progress(settings: Settings) -> Progress:
    """Where the live read tables stand. Raises RefoldError."""
    async with _database(settings) as database:
        store = ReadStore(ReadDatabase(database))
        await store.open()
        return await progress_of(store, PostgresLog(database))


async def rebuild_projections(settings: Settings, reason: str = "") -> dict[str, Any]:
    """Build the read tables anew beside the live ones and swap. Servers find the new ones by
    themselves. `same_as_before`: null where those before were of another release. Raises
    RefoldError."""
    async with _database(settings) as database:
        live = ReadStore(ReadDatabase(database))
        await live.open()
        before = await live.fingerprint() if live.shape == "current" else None
        log = OpeningLog(PostgresLog(database), await keychain_of(database, settings))
        after = await rebuild(log, live, live.beside())
        told = {"generation": live.generation, "fingerprint": after}
        await record(database, "projection.rebuilt", f"read_{live.generation}", reason, told)
        return {
            "generation": live.generation,
            "fingerprint": after,
            "same_as_before": None if before is None else before == after,
        }
