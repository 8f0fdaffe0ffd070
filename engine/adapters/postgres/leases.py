"""Leases in Postgres, by its clock. A frozen owner that keeps a head locked loses its sessions."""

from collections.abc import Sequence

import asyncpg

from engine.adapters.postgres import failures
from engine.adapters.postgres.pool import CLOSE_TIMEOUT_S, CONNECT_TIMEOUT_S, Database
from engine.adapters.postgres.pool import application_name as sessions_of
from engine.adapters.postgres.statements import load
from engine.model.errors import Unavailable
from engine.ports.rows import ShardHead

_SQL = load("leases")
_LOCK_TIMEOUT_MS = 200


class PostgresLeases:
    """Implements `engine.ports.storage.Leases`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def announce(self, engine: str, ttl_ms: int) -> list[str]:
        rows = await self._database.rows(_SQL["announce"], engine, ttl_ms)
        return [row["engine"] for row in rows]

    async def claim(self, engine: str, shard: int, ttl_ms: int) -> ShardHead | None:
        try:
            return await self._claim(engine, shard, ttl_ms)
        except failures.HeadLocked:
            await self._end_sessions(engine, shard)
            return await self._claim(engine, shard, ttl_ms)

    async def _claim(self, engine: str, shard: int, ttl_ms: int) -> ShardHead | None:
        row = await self._database.row(_SQL["claim"], engine, shard, ttl_ms, _LOCK_TIMEOUT_MS)
        return None if row is None else ShardHead(*row)

    async def _end_sessions(self, engine: str, shard: int) -> None:
        """End the sessions of the old owner: one is stopped in the middle of an append, which no
        time limit of the server ends. A session of its own, as the login itself: the engine's role
        may not signal others."""
        owner = await self._database.value(_SQL["owner"], shard)
        if owner is None or owner == engine:
            return
        try:
            session = await asyncpg.connect(
                self._database.dsn,
                timeout=CONNECT_TIMEOUT_S,
                command_timeout=30,
                server_settings={"application_name": f"refold-takeover/{engine}"},
            )
            try:
                await session.execute(_SQL["end_sessions"], sessions_of(owner))
            finally:
                await session.close(timeout=CLOSE_TIMEOUT_S)
        except asyncpg.InsufficientPrivilegeError as error:
            raise Unavailable(
                f"the sessions of {owner} keep shard {shard} locked and this login may not end "
                "them: let all engines log in as one role, or grant it pg_signal_backend"
            ) from error
        except failures.DRIVER_FAILURES as error:
            raise failures.of_statement(error) from error

    async def renew(self, engine: str, shards: Sequence[int], ttl_ms: int) -> list[int]:
        rows = await self._database.rows(_SQL["renew"], engine, list(shards), ttl_ms)
        return sorted(row[0] for row in rows)

    async def release(self, engine: str, shards: Sequence[int]) -> None:
        await self._database.value(_SQL["release"], engine, list(shards))

    async def now_ms(self) -> int:
        return int(await self._database.value(_SQL["now"]))
