"""Breakpoints in an engine's memory: a step looks at them without asking anybody."""

import time
from collections.abc import Iterable
from uuid import UUID

from engine.model.breakpoint import Breakpoint
from engine.model.program import Program
from engine.model.state import ExecutionState
from engine.ports.breakpoints import BreakpointRow

_CLAIM_S = 10.0


class Armed:
    """Breakpoints that may hold something now. Empty nearly always: then nothing is looked at."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str], list[tuple[BreakpointRow, Breakpoint]]] = {}
        self._claims: dict[str, tuple[UUID, float]] = {}

    def __bool__(self) -> bool:
        return bool(self._rows)

    def replace(self, rows: Iterable[BreakpointRow]) -> None:
        """These are all there are."""
        found: dict[tuple[str, str], list[tuple[BreakpointRow, Breakpoint]]] = {}
        for row in rows:
            found.setdefault((row.namespace, row.workflow), []).append((row, row.for_core()))
        self._rows = found
        armed = {one.id for pairs in found.values() for _, one in pairs}
        self._claims = {key: claim for key, claim in self._claims.items() if key in armed}

    def of(
        self, namespace: str, program: Program, execution_id: UUID, now_ms: int
    ) -> tuple[Breakpoint, ...]:
        """Those that may hold this execution."""
        pairs = self._rows.get((namespace, program.workflow), ())
        return tuple(
            one
            for row, one in pairs
            if row.version in (None, program.version)
            and row.execution_id in (None, execution_id)
            and row.may_hold(now_ms)
            and not self._claimed(one.id, execution_id)
        )

    def decided(self, state: ExecutionState) -> None:
        """A step led here: where a breakpoint that holds once holds it, no other is held."""
        suspension = state.suspended
        if suspension is not None and suspension.breakpoint is not None:
            once = {one.id for pairs in self._rows.values() for row, one in pairs if row.once}
            if suspension.breakpoint in once:
                claim = (state.id, time.monotonic() + _CLAIM_S)
                self._claims.setdefault(suspension.breakpoint, claim)

    def _claimed(self, breakpoint_id: str, execution_id: UUID) -> bool:
        """Whether another execution has it. A claim that never came to a commit runs out."""
        claim = self._claims.get(breakpoint_id)
        if claim is not None and claim[1] < time.monotonic():
            del self._claims[breakpoint_id]
            return False
        return claim is not None and claim[0] != execution_id
