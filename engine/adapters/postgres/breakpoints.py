"""Breakpoints in Postgres."""

import os
from uuid import UUID

from msgspec.structs import astuple

from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.statements import load
from engine.core.chain import SALT_BYTES
from engine.ports.audit import sealed
from engine.ports.breakpoints import (
    MAX_BREAKPOINTS,
    BreakpointRow,
    Reached,
    remove_deed,
    set_deed,
)
from schemas.events.parts import Asked

_SQL = load("breakpoints")
_LAST = UUID(int=2**128 - 1)


class PostgresBreakpoints:
    """Implements `engine.ports.breakpoints.Breakpoints`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def set(self, row: BreakpointRow, expires_in_ms: int) -> BreakpointRow | None:
        entry = sealed(set_deed(row), os.urandom(SALT_BYTES))
        stored = await self._database.row(
            _SQL["set"],
            row.namespace, row.id, row.workflow, row.version, row.state, row.execution_id,
            row.condition, row.once, row.share, row.release_on_expiry, expires_in_ms, row.actor,
            row.origin, row.reason, MAX_BREAKPOINTS, astuple(entry),
        )  # fmt: skip
        return None if stored is None else BreakpointRow(*stored)

    async def remove(
        self, namespace: str, breakpoint_id: UUID, actor: str, asked: Asked, *, release: bool
    ) -> BreakpointRow | None:
        deed = remove_deed(namespace, breakpoint_id, actor, asked, release=release)
        entry = sealed(deed, os.urandom(SALT_BYTES))
        row = await self._database.row(
            _SQL["remove"], namespace, breakpoint_id, release, astuple(entry)
        )
        return None if row is None else BreakpointRow(*row)

    async def get(self, namespace: str, breakpoint_id: UUID) -> BreakpointRow | None:
        row = await self._database.row(_SQL["get"], namespace, breakpoint_id)
        return None if row is None else BreakpointRow(*row)

    async def page(
        self, namespace: str, before: UUID | None = None, limit: int = 100, *, ended: bool = False
    ) -> list[BreakpointRow]:
        rows = await self._database.rows(_SQL["page"], namespace, before or _LAST, limit, ended)
        return [BreakpointRow(*row) for row in rows]

    async def active(self) -> list[BreakpointRow]:
        return [BreakpointRow(*row) for row in await self._database.rows(_SQL["active"])]

    async def reached(self, breakpoint_id: UUID, execution_id: UUID, at: int) -> Reached:
        found: Reached = await self._database.value(
            _SQL["reached"], breakpoint_id, execution_id, at
        )
        return found

    async def remark(self, breakpoint_id: UUID, at: int, message: str) -> None:
        await self._database.value(_SQL["remark"], breakpoint_id, at, message)
