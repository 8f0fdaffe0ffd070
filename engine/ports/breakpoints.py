"""Breakpoints as stored: set and removed by people, reached by executions."""

from typing import Literal, Protocol
from uuid import UUID

import msgspec

from engine.model.breakpoint import Breakpoint
from engine.model.ids import format_execution, format_id
from engine.ports.audit import Deed
from schemas.events.parts import Asked

MAX_BREAKPOINTS = 200
"""That may hold something, in a namespace: each is looked at before every state."""

TOPIC = "breakpoints.changed"
"""The hint that breakpoints were set or removed."""

Reached = Literal["held", "late", "released"]


class BreakpointRow(msgspec.Struct, frozen=True):
    """One row of log.breakpoints, its columns in order. Times in ms since 1970."""

    namespace: str
    id: UUID
    workflow: str
    version: str | None
    state: str
    execution_id: UUID | None
    condition: str | None
    once: bool
    share: float
    release_on_expiry: bool
    created_at: int
    expires_at: int
    actor: str
    origin: str
    reason: str
    hits: int = 0
    last_hit_at: int | None = None
    last_hit: UUID | None = None
    last_error_at: int | None = None
    last_error: str | None = None
    removed_at: int | None = None
    release: bool = False

    @property
    def text_id(self) -> str:
        """Its id as people see it."""
        return format_id("bp", self.id)

    def may_hold(self, now_ms: int) -> bool:
        """Whether it is armed still."""
        spent = self.once and self.hits > 0
        return self.removed_at is None and self.expires_at > now_ms and not spent

    def for_core(self) -> Breakpoint:
        """What the core needs of it."""
        return Breakpoint(
            id=self.text_id, state=self.state, condition=self.condition, share=self.share,
            release_at=self.expires_at if self.release_on_expiry else None, reason=self.reason,
        )  # fmt: skip


class Breakpoints(Protocol):
    """All methods may raise Unavailable."""

    async def set(self, row: BreakpointRow, expires_in_ms: int) -> BreakpointRow | None:
        """Store it with its audit entry; the database sets `created_at` and `expires_at`. None: the
        namespace has MAX_BREAKPOINTS that may hold something."""

    async def remove(
        self, namespace: str, breakpoint_id: UUID, actor: str, asked: Asked, *, release: bool
    ) -> BreakpointRow | None:
        """Remove it, with an audit entry; `release`: what it holds is to be let go. None: nothing
        changes, because it is not there or removed already (and released, if that is asked)."""

    async def get(self, namespace: str, breakpoint_id: UUID) -> BreakpointRow | None:
        """The breakpoint, the ended ones too."""

    async def page(
        self, namespace: str, before: UUID | None = None, limit: int = 100, *, ended: bool = False
    ) -> list[BreakpointRow]:
        """Those set before that one, the newest first; `ended`: those too that hold nothing any
        more."""

    async def active(self) -> list[BreakpointRow]:
        """All of the installation that may hold something."""

    async def reached(self, breakpoint_id: UUID, execution_id: UUID, at: int) -> Reached:
        """It holds the execution since `at`; `late` and `released`: the execution is not to stay
        held. Asked again for the same execution, the answer is the same."""

    async def remark(self, breakpoint_id: UUID, at: int, message: str) -> None:
        """Its condition had no boolean value."""


def set_deed(row: BreakpointRow) -> Deed:
    """The deed of setting it."""
    execution = None if row.execution_id is None else format_execution(row.execution_id)
    data = {
        "workflow": row.workflow, "version": row.version, "state": row.state,
        "execution": execution, "condition": row.condition, "once": row.once, "sample": row.share,
    }  # fmt: skip
    asked = Asked(origin=row.origin, reason=row.reason)
    return Deed(row.namespace, row.actor, "breakpoint.set", row.text_id, asked, data)


def remove_deed(
    namespace: str, breakpoint_id: UUID, actor: str, asked: Asked, *, release: bool
) -> Deed:
    """The deed of removing it."""
    target = format_id("bp", breakpoint_id)
    return Deed(namespace, actor, "breakpoint.removed", target, asked, {"release": release})
