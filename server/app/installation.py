"""Bringing the database up to date: its owner does that, every other server waits for it."""

import asyncio
from collections.abc import Awaitable, Callable

from engine.adapters.postgres import inspection
from engine.adapters.postgres.migrate import ensure_partitions, migrate
from engine.adapters.postgres.pool import open_database
from engine.model.errors import Unavailable
from server.settings import Settings

_WAIT_S = 60.0
_POLL_S = 0.2


async def prepare(settings: Settings) -> str | None:
    """Migrate and make partitions where this server may; else wait until the owner's server has.

    Returns the owner's address, None where this server is not the owner. Raises Unavailable,
    Conflict."""
    owner = settings.database_owner_url or await _own_address(settings)
    if owner is None:
        return None
    await migrate(owner, shards=settings.shards)
    await ensure_partitions(owner)
    return owner


async def wait_for(question: Callable[[], Awaitable[bool]], what: str) -> None:
    """Ask until the answer is yes. Raises Unavailable, saying what is missing."""
    try:
        async with asyncio.timeout(_WAIT_S):
            while True:
                if await question():
                    return
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        raise Unavailable(
            f"{what} did not appear within {_WAIT_S:g} seconds: start the projector, or any server"
            " with REFOLD_DATABASE_OWNER_URL, which makes them"
        ) from None


async def _own_address(settings: Settings) -> str | None:
    """REFOLD_DATABASE_URL if that login may migrate; None once somebody else has."""
    database = await open_database(settings.database_url, "start", size=1, as_engine=False)
    try:
        if await inspection.may_migrate(database):
            return settings.database_url

        async def migrated() -> bool:
            return not await inspection.missing_migrations(database)

        await wait_for(migrated, "the migrations of this release")
        return None
    finally:
        await database.close()
