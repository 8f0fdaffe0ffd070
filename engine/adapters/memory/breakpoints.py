"""Breakpoints in memory."""

from uuid import UUID

from msgspec.structs import replace

from engine.adapters.memory import audit
from engine.adapters.memory.store import MemoryStore
from engine.ports.breakpoints import (
    MAX_BREAKPOINTS,
    BreakpointRow,
    Reached,
    remove_deed,
    set_deed,
)
from schemas.events.parts import Asked


class MemoryBreakpoints:
    """Twin of `engine.ports.breakpoints.Breakpoints`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def set(self, row: BreakpointRow, expires_in_ms: int) -> BreakpointRow | None:
        await self._store.turn()
        now = self._store.now_ms()
        rows = self._store.breakpoints.values()
        armed = sum(one.namespace == row.namespace and one.may_hold(now) for one in rows)
        if armed >= MAX_BREAKPOINTS:
            return None
        stored = replace(row, created_at=now, expires_at=now + expires_in_ms)
        self._store.breakpoints[row.id] = stored
        audit.record(self._store, set_deed(row))
        return stored

    async def remove(
        self, namespace: str, breakpoint_id: UUID, actor: str, asked: Asked, *, release: bool
    ) -> BreakpointRow | None:
        await self._store.turn()
        row = self._find(namespace, breakpoint_id)
        if row is None or (row.removed_at is not None and (row.release or not release)):
            return None
        removed_at = self._store.now_ms() if row.removed_at is None else row.removed_at
        row = replace(row, removed_at=removed_at, release=row.release or release)
        self._store.breakpoints[row.id] = row
        deed = remove_deed(namespace, breakpoint_id, actor, asked, release=release)
        audit.record(self._store, deed)
        return row

    async def get(self, namespace: str, breakpoint_id: UUID) -> BreakpointRow | None:
        await self._store.turn()
        return self._find(namespace, breakpoint_id)

    async def page(
        self, namespace: str, before: UUID | None = None, limit: int = 100, *, ended: bool = False
    ) -> list[BreakpointRow]:
        await self._store.turn()
        now = self._store.now_ms()
        rows = [
            row for row in self._store.breakpoints.values()
            if row.namespace == namespace and (before is None or row.id < before)
            and (ended or row.may_hold(now))
        ]  # fmt: skip
        return sorted(rows, key=lambda row: row.id, reverse=True)[:limit]

    async def active(self) -> list[BreakpointRow]:
        await self._store.turn()
        now = self._store.now_ms()
        rows = [row for row in self._store.breakpoints.values() if row.may_hold(now)]
        return sorted(rows, key=lambda row: row.id)

    async def reached(self, breakpoint_id: UUID, execution_id: UUID, at: int) -> Reached:
        await self._store.turn()
        row = self._store.breakpoints.get(breakpoint_id)
        if row is None:
            return "held"
        if row.removed_at is not None and row.release:
            return "released"
        if row.once and row.last_hit not in (None, execution_id):
            return "late"
        self._store.breakpoints[row.id] = replace(
            row, hits=row.hits + 1, last_hit_at=at, last_hit=execution_id
        )
        return "held"

    async def remark(self, breakpoint_id: UUID, at: int, message: str) -> None:
        await self._store.turn()
        row = self._store.breakpoints.get(breakpoint_id)
        if row is not None:
            changed = replace(row, last_error_at=at, last_error=message)
            self._store.breakpoints[row.id] = changed

    def _find(self, namespace: str, breakpoint_id: UUID) -> BreakpointRow | None:
        row = self._store.breakpoints.get(breakpoint_id)
        return row if row is not None and row.namespace == namespace else None
