"""Imports in Postgres."""

from uuid import UUID

from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.statements import load
from engine.model.ids import shard_of
from engine.ports.imports import AcceptedImport

_SQL = load("imports")


class PostgresImports:
    """Implements `engine.ports.imports.Imports`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def stage(self, namespace: str, execution_id: UUID, first: int, page: bytes) -> None:
        await self._database.value(_SQL["stage"], namespace, execution_id, first, page)

    async def page(self, execution_id: UUID, seq: int) -> bytes | None:
        found: bytes | None = await self._database.value(_SQL["page"], execution_id, seq)
        return found

    async def accept(self, wanted: AcceptedImport) -> tuple[UUID, bool]:
        row = await self._database.row(
            _SQL["accept"],
            wanted.namespace, wanted.workflow, wanted.key, shard_of(wanted.execution),
            wanted.execution, wanted.body, wanted.request_hash, wanted.actor, wanted.traceparent,
        )  # fmt: skip
        assert row is not None, "a function with OUT parameters gives a row"
        return row["execution_id"], row["existed"]

    async def drop(self, execution_id: UUID) -> None:
        await self._database.value(_SQL["drop"], execution_id)
