"""Pools of connections: every statement has a time limit, every session says whose it is."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, TypeVar

import asyncpg

from engine.adapters.postgres import failures
from engine.adapters.postgres.statements import load

if TYPE_CHECKING:
    from asyncpg.pool import PoolConnectionProxy

    Session = PoolConnectionProxy[asyncpg.Record]

T = TypeVar("T")

CONNECT_TIMEOUT_S = 5.0
COMMAND_TIMEOUT_S = 15.0
CLOSE_TIMEOUT_S = 5.0

# Tables of ours are planned empty and then fill, so a plan must never rest on their being small;
# a cost that rules out a scan would also set off the just-in-time compiler. And planning one of our
# statements anew for its arguments costs more than running it.
_SETTINGS = {"enable_seqscan": "off", "jit": "off", "plan_cache_mode": "force_generic_plan"}


class _Connection(asyncpg.Connection):
    """A session that keeps nothing between statements, so that nothing has to be reset."""

    def get_reset_query(self) -> str:
        return ""


class Database:
    """A pool of one engine's sessions. Its methods raise Unavailable, Fenced, Conflict, and pass on
    errors that are bugs."""

    def __init__(self, dsn: str, pool: "asyncpg.Pool[asyncpg.Record]", role: str | None) -> None:
        self.dsn = dsn
        self.role = role
        self._pool = pool

    @asynccontextmanager
    async def connection(self) -> AsyncIterator["Session"]:
        """A session of the pool, for the length of one statement."""
        try:
            session = await self._pool.acquire(timeout=COMMAND_TIMEOUT_S)
        except failures.DRIVER_FAILURES as error:
            raise failures.of_statement(error) from error
        try:
            yield session
        finally:
            await self._give_back(session)

    async def _give_back(self, session: "Session") -> None:
        try:
            await self._pool.release(session, timeout=CLOSE_TIMEOUT_S)
        except failures.DRIVER_FAILURES:
            discard(session)

    async def rows(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """All rows of a statement."""
        return await self._run(lambda session: session.fetch(statement, *arguments))

    async def row(self, statement: str, *arguments: Any) -> asyncpg.Record | None:
        """The first row, if any."""
        return await self._run(lambda session: session.fetchrow(statement, *arguments))

    async def value(self, statement: str, *arguments: Any) -> Any:
        """The first column of the first row; None without a row."""
        return await self._run(lambda session: session.fetchval(statement, *arguments))

    async def many(self, statement: str, arguments: list[tuple[Any, ...]]) -> None:
        """Run a statement once for each tuple of arguments, all or none."""
        await self._run(lambda session: session.executemany(statement, arguments))

    async def _run(self, call: "Callable[[Session], Awaitable[T]]") -> T:
        async with self.connection() as session:
            try:
                return await call(session)
            except failures.DRIVER_FAILURES as error:
                raise failures.of_statement(error) from error

    async def close(self) -> None:
        """Close all sessions; those that do not end in time are cut."""
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._pool.close()
        except failures.DRIVER_FAILURES:
            self._pool.terminate()


def discard(session: "Session") -> None:
    """Cut a session whose state is unknown, unless the pool has dropped it already."""
    with suppress(asyncpg.InterfaceError):
        session.terminate()


def application_name(engine: str) -> str:
    """What the sessions of an engine are called in `pg_stat_activity`."""
    return f"refold/{engine}"


async def open_database(
    dsn: str,
    engine: str,
    *,
    size: int = 8,
    command_timeout_s: float = COMMAND_TIMEOUT_S,
    as_engine: bool = True,
) -> Database:
    """Open a pool whose sessions bear the engine's name and, where the login may, its role
    (`as_engine` False: the login's own, for the read tables).

    Raises Unavailable."""
    try:
        role = await _engine_role(dsn) if as_engine else None
        pool = await asyncpg.create_pool(
            dsn,
            min_size=1,
            max_size=size,
            timeout=CONNECT_TIMEOUT_S,
            command_timeout=command_timeout_s,
            connection_class=_Connection,
            server_settings={
                **_SETTINGS,
                "application_name": application_name(engine),
                **({"role": role} if role else {}),
            },
        )
    except failures.DRIVER_FAILURES as error:
        raise failures.of_statement(error) from error
    return Database(dsn, pool, role)


async def _engine_role(dsn: str) -> str | None:
    """The role of the engine if it exists and this login may take it on."""
    session = await asyncpg.connect(dsn, timeout=CONNECT_TIMEOUT_S, command_timeout=5)
    try:
        may = await session.fetchval(load("catalog")["may_act_as_engine"])
    finally:
        await session.close(timeout=CLOSE_TIMEOUT_S)
    return "refold_engine" if may else None
