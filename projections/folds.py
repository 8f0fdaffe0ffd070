"""States of the executions that are under way, folded along as their events are read.

They stand for what an event does not say by itself. Within the limit an execution's events are read
once; beyond it, and after a start, its state is folded from its snapshot or its first event.
"""

from collections import OrderedDict
from typing import Protocol
from uuid import UUID

from engine.core.evolve import EVOLVE_VERSION
from engine.core.replay import fold
from engine.model.event import Event
from engine.model.state import ExecutionState
from engine.ports.codec import event_of
from engine.ports.rows import EventRow, SnapshotRow
from engine.ports.snapshots import state_of

_PAGE = 500
_STATE_BYTES = 4 * 1024 * 1024
_OBJECT_BYTES = 4 * 1024
MAX_BYTES = 64 * 1024 * 1024
"""So much of the events of executions under way is held as states, at most; each counts for its
objects too, and none for more than its data may be."""


class Logs(Protocol):
    """Where the events of one execution are read."""

    async def read_execution(
        self, execution_id: UUID, after: int = 0, limit: int = 10_000, upto: int | None = None
    ) -> list[EventRow]:
        """Events with seq > after (and <= upto), in order."""

    async def kept_snapshot(
        self, execution_id: UUID, after: int, upto: int | None, evolve_version: int
    ) -> SnapshotRow | None:
        """The last snapshot of the past with after < seq <= upto, of this version of the fold."""


class Folds:
    """States by execution, the one that was used last at the end."""

    def __init__(self, log: Logs, max_bytes: int = MAX_BYTES) -> None:
        self._log = log
        self._max_bytes = max_bytes
        self._states: OrderedDict[UUID, tuple[ExecutionState, int]] = OrderedDict()
        self._bytes = 0

    def take(self, row: EventRow, event: Event) -> None:
        """Fold one more event into its execution's state, if that is at hand or begins here."""
        held = self._states.get(row.execution_id)
        if held is None:
            if row.seq == 1:
                self._keep(fold(row.execution_id, (event,)), _OBJECT_BYTES + len(row.data))
            return
        state, size = held
        if row.seq == state.seq + 1:
            self._keep(fold(row.execution_id, (event,), state), size + len(row.data))
        elif row.seq > state.seq:
            self.forget(row.execution_id)  # somebody else has read what is between

    async def at(self, execution_id: UUID, seq: int) -> ExecutionState:
        """The state after this event."""
        held = self._states.get(execution_id)
        if held is not None and held[0].seq == seq:
            return held[0]
        state = await self._snapshot(execution_id, seq)
        after = 0 if state is None else state.seq
        while after < seq:
            rows = await self._log.read_execution(execution_id, after, _PAGE, seq)
            if not rows:
                break
            state, after = fold(execution_id, map(event_of, rows), state), rows[-1].seq
        return state if state is not None else ExecutionState(id=execution_id)

    async def _snapshot(self, execution_id: UUID, seq: int) -> ExecutionState | None:
        row = await self._log.kept_snapshot(execution_id, 0, seq, EVOLVE_VERSION)
        return None if row is None else state_of(row)

    def forget(self, execution_id: UUID) -> None:
        """Its state is not needed any more."""
        _, size = self._states.pop(execution_id, (None, 0))
        self._bytes -= size

    def clear(self) -> None:
        """Forget all."""
        self._states.clear()
        self._bytes = 0

    def _keep(self, state: ExecutionState, size: int) -> None:
        self.forget(state.id)
        size = min(size, _STATE_BYTES)
        self._states[state.id] = (state, size)
        self._bytes += size
        while self._bytes > self._max_bytes:
            self.forget(next(iter(self._states)))
