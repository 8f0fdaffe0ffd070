"""Definition versions in Postgres."""

import os
from collections.abc import Sequence

import asyncpg
from msgspec.structs import astuple

from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.statements import load
from engine.core.chain import SALT_BYTES
from engine.model.errors import NotFound
from engine.model.ids import shard_of_namespace
from engine.ports.audit import IMPORTED, applied, sealed
from engine.ports.rows import DefinitionRow
from schemas.events.parts import UNASKED, Asked

_SQL = load("definitions")


class PostgresDefinitions:
    """Implements `engine.ports.storage.Definitions`. `shards`: their number."""

    def __init__(self, database: Database, shards: int) -> None:
        self._database = database
        self._shards = shards

    async def apply(
        self,
        row: DefinitionRow,
        types: Sequence[str],
        trigger: str | None,
        asked: Asked = UNASKED,
    ) -> bool:
        entry = sealed(applied(row, asked), os.urandom(SALT_BYTES))
        changed = await self._database.value(
            _SQL["apply"],
            row.namespace, row.workflow, row.version, row.definition_hash, row.dialect,
            row.media_type, row.source, row.actor, sorted(row.resources.items()), list(types),
            trigger, shard_of_namespace(row.namespace, self._shards), astuple(entry),
        )  # fmt: skip
        return bool(changed)

    async def keep(self, row: DefinitionRow, asked: Asked = UNASKED) -> bool:
        entry = sealed(applied(row, asked, IMPORTED), os.urandom(SALT_BYTES))
        kept = await self._database.value(
            _SQL["keep"],
            row.namespace, row.workflow, row.version, row.definition_hash, row.dialect,
            row.media_type, row.source, row.actor, sorted(row.resources.items()),
            shard_of_namespace(row.namespace, self._shards), astuple(entry),
        )  # fmt: skip
        return bool(kept)

    async def get(self, namespace: str, workflow: str, version: str | None) -> DefinitionRow:
        if version is None:
            row = await self._database.row(_SQL["active"], namespace, workflow)
        else:
            row = await self._database.row(_SQL["by_version"], namespace, workflow, version)
        if row is None:
            raise _unknown(namespace, workflow, version)
        return (await self._with_resources(namespace, [row]))[0]

    async def resolve(self, namespace: str, workflow: str, version: str | None) -> tuple[str, str]:
        row = await self._database.row(_SQL["resolve"], namespace, workflow, version)
        if row is None:
            raise _unknown(namespace, workflow, version)
        return row["version"], row["definition_hash"]

    async def by_hash(self, namespace: str, definition_hash: str) -> DefinitionRow:
        row = await self._database.row(_SQL["by_hash"], namespace, definition_hash)
        if row is None:
            raise NotFound(f"no definition {definition_hash} in namespace {namespace}")
        return (await self._with_resources(namespace, [row]))[0]

    async def _with_resources(
        self, namespace: str, rows: Sequence[asyncpg.Record]
    ) -> list[DefinitionRow]:
        """The rows with the documents that are stored with them."""
        kept: dict[tuple[str, str], dict[str, bytes]] = {
            (row["workflow"], row["version"]): {} for row in rows
        }
        found = await self._database.rows(
            _SQL["resources"], namespace, [one for one, _ in kept], [one for _, one in kept]
        )
        for workflow, version, uri, content in found:
            kept[workflow, version][uri] = content
        return [
            DefinitionRow(**dict(row), resources=kept[row["workflow"], row["version"]])
            for row in rows
        ]

    async def list(self, namespace: str, after: str = "", limit: int = 100) -> list[DefinitionRow]:
        workflow, _, version = after.rpartition("@")
        rows = await self._database.rows(_SQL["list"], namespace, workflow, version, limit)
        return await self._with_resources(namespace, rows)


def _unknown(namespace: str, workflow: str, version: str | None) -> NotFound:
    named = workflow if version is None else f"{workflow} in version {version}"
    return NotFound(f"no workflow {named} in namespace {namespace}; apply it first")
