"""Replaying is folding: the state at any event is the fold of the events up to it."""

from collections.abc import Iterable, Iterator
from uuid import UUID

from engine.core.evolve import evolve
from engine.model.event import Event
from engine.model.state import ExecutionState


def fold(
    execution_id: UUID, events: Iterable[Event], state: ExecutionState | None = None
) -> ExecutionState:
    """The state after these events; `state` is where to go on from (a snapshot)."""
    folded = state if state is not None else ExecutionState(id=execution_id)
    for event in events:
        folded = evolve(folded, event)
    return folded


def states(
    execution_id: UUID, events: Iterable[Event], state: ExecutionState | None = None
) -> Iterator[tuple[Event, ExecutionState]]:
    """Each event with the state after it; `state` is where to go on from."""
    folded = state if state is not None else ExecutionState(id=execution_id)
    for event in events:
        folded = evolve(folded, event)
        yield event, folded
