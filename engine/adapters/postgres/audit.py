"""The audit streams in Postgres."""

import os

from msgspec.structs import astuple

from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.statements import load
from engine.core.chain import SALT_BYTES
from engine.ports.audit import AuditFilter, AuditHead, AuditRow, Deed, sealed

_SQL = load("audit")
_ALL = 2**63 - 1


class PostgresAudit:
    """Implements `engine.ports.audit.Audit`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(self, deed: Deed) -> int:
        entry = sealed(deed, os.urandom(SALT_BYTES))
        return int(await self._database.value(_SQL["record"], astuple(entry)))

    async def read(
        self, namespace: str, after: int, upto: int, limit: int = 1_000
    ) -> list[AuditRow]:
        rows = await self._database.rows(_SQL["read"], namespace, after, upto, limit)
        return [AuditRow(*row) for row in rows]

    async def find(
        self,
        namespace: str,
        wanted: AuditFilter,
        before: int | None = None,
        limit: int = 100,
    ) -> list[AuditRow]:
        rows = await self._database.rows(
            _SQL["find"],
            namespace, _ALL if before is None else before,
            wanted.actor, wanted.action, wanted.target,
            0 if wanted.since is None else wanted.since,
            _ALL if wanted.until is None else wanted.until,
            limit,
        )  # fmt: skip
        return [AuditRow(*row) for row in rows]

    async def heads(self) -> list[AuditHead]:
        return [AuditHead(*row) for row in await self._database.rows(_SQL["heads"])]
