"""Which CloudEvent an open wait takes, with its timeout: an event wins if it came in time."""

from engine.core.matching import accepting
from engine.model.command import Arrived, DeliverEvent
from engine.model.state import ExecutionState, RunningTimer, Wait

EVENT_TIMEOUT = "event_timeout"


def due_of(state: ExecutionState, wait: Wait) -> int | None:
    """When the wait times out (ms since 1970); None: never."""
    dues = [timer.due for timer in state.timers.values() if _limits(timer, wait)]
    return min(dues, default=None)


def _limits(timer: RunningTimer, wait: Wait) -> bool:
    return timer.purpose == EVENT_TIMEOUT and timer.subject == wait.id


def in_time(state: ExecutionState, wait: Wait, arrived: Arrived) -> bool:
    """Whether the CloudEvent was stored not after the wait's timeout."""
    due = due_of(state, wait)
    return due is None or arrived.at <= due


def takes(state: ExecutionState, wait: Wait, arrived: Arrived) -> bool:
    """Whether the wait takes this CloudEvent."""
    return in_time(state, wait, arrived) and accepting(state, wait, arrived) is not None


def still_wanted(state: ExecutionState, command: DeliverEvent) -> bool:
    """Whether the wait that a CloudEvent was found for is open and still takes it."""
    wait = state.waits.get(command.wait)
    return wait is not None and takes(state, wait, command.arrived)
