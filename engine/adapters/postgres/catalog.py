"""What the API asks about executions before their log is read."""

from uuid import UUID

import asyncpg

from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.statements import load
from engine.model.errors import Unavailable
from engine.model.ids import shard_of
from engine.ports.rows import BirthRow, Installation

_SQL = load("catalog")


class PostgresCatalog:
    """Implements `engine.ports.storage.Catalog`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def installation(self) -> Installation:
        try:
            row = await self._database.row(_SQL["installation"])
        except (asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError) as error:
            raise Unavailable(
                f"this is no log that this login may use ({error}): migrate the database as its "
                "owner, and grant the role refold_engine to the login"
            ) from error
        assert row is not None, "the first migration writes the one row of log.meta"
        return Installation(*row)

    async def find_birth(self, namespace: str, execution_id: UUID) -> BirthRow | None:
        row = await self._database.row(
            _SQL["find_birth"], shard_of(execution_id), execution_id, namespace
        )
        return None if row is None else BirthRow(*row)

    async def find_by_key(self, namespace: str, workflow: str, key: str) -> UUID | None:
        found: UUID | None = await self._database.value(
            _SQL["find_by_key"], namespace, workflow, key
        )
        return found
