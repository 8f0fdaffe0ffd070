"""One entry for every event type: which function folds it."""

from collections.abc import Callable
from typing import Any, Final

from msgspec.structs import replace

from engine.core.evolve import actions, executions, fanout, forks, holds, waits
from engine.core.evolve.frames import Changes
from engine.model.event import Event
from engine.model.state import ExecutionState
from schemas.events import bodies

EVOLVE_VERSION: Final = 2
"""Part of a snapshot's identity: a snapshot of another version is not read."""


def _unchanged(state: ExecutionState, event: Event, body: Any) -> Changes:
    return {}


_FOLDS: Final[dict[type[bodies.EventBody], Callable[[ExecutionState, Event, Any], Changes]]] = {
    bodies.ExecutionStarted: executions.execution_started,
    bodies.ExecutionCompleted: executions.execution_completed,
    bodies.ExecutionFailed: executions.execution_failed,
    bodies.ExecutionCancelled: executions.execution_cancelled,
    bodies.StateEntered: executions.state_entered,
    bodies.StateExited: executions.state_exited,
    bodies.VariablesAssigned: executions.variables_assigned,
    bodies.ErrorCaught: executions.error_caught,
    bodies.ChoiceTaken: _unchanged,
    bodies.EventEmitted: _unchanged,
    bodies.ActionSkipped: _unchanged,
    bodies.ActionScheduled: actions.action_scheduled,
    bodies.ActionCompleted: actions.action_completed,
    bodies.ActionFailed: actions.action_failed,
    bodies.ActionCancelled: actions.action_cancelled,
    bodies.RetryScheduled: actions.retry_scheduled,
    bodies.TimerSet: actions.timer_set,
    bodies.TimerCancelled: actions.timer_cancelled,
    bodies.TimerFired: actions.timer_fired,
    bodies.ExecutionSuspended: holds.execution_suspended,
    bodies.NodeHeld: holds.node_held,
    bodies.ExecutionResumed: holds.execution_resumed,
    bodies.ExecutionForked: forks.execution_forked,
    bodies.ForkTaken: _unchanged,
    bodies.ExecutionImported: _unchanged,
    bodies.EventAwaited: waits.event_awaited,
    bodies.EventReceived: waits.event_received,
    bodies.EventWaitClosed: waits.event_wait_closed,
    bodies.CallbackReceived: waits.callback_received,
    bodies.GatheringOpened: waits.gathering_opened,
    bodies.GatheringExpired: waits.gathering_expired,
    bodies.BranchStarted: fanout.branch_started,
    bodies.BranchCompleted: fanout.branch_completed,
    bodies.BranchCancelled: fanout.child_cancelled,
    bodies.BranchJoined: fanout.branch_joined,
    bodies.IterationsOpened: fanout.iterations_opened,
    bodies.IterationStarted: fanout.iteration_started,
    bodies.IterationCompleted: fanout.iteration_completed,
    bodies.IterationCancelled: fanout.child_cancelled,
    bodies.IterationsJoined: fanout.iterations_joined,
}


def evolve(state: ExecutionState, event: Event) -> ExecutionState:
    """The state after one more event. The state given stays as it is."""
    changes = _FOLDS[type(event.body)](state, event, event.body)
    return replace(state, seq=event.seq, at=event.at, **changes)


def folded_types() -> frozenset[str]:
    """Names of the event types that have a fold: all of them, or a test fails."""
    return frozenset(cls.__name__ for cls in _FOLDS)
