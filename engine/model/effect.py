"""What the world must do after a step was committed: the difference between two states."""

import msgspec

from engine.model.breakpoint import BreakpointRemark
from engine.model.evaluation import EvalRequest
from engine.model.event import Event
from engine.model.state import Action, ExecutionState, RunningTimer, Wait


class Effects(msgspec.Struct, frozen=True, gc=False):
    """Effects of going from one state to another. Timers and waits are written by the statement
    that appends the events; calls start only after it committed.

    `calls`: actions to run; `recalls`: ids of actions whose answer is no longer wanted;
    `timers_set` / `timers_cleared`, `waits_opened` / `waits_closed`: changes of the operational
    indexes (waits whose filters changed appear as opened again); `closed`: the execution ended."""

    calls: tuple[Action, ...] = ()
    recalls: tuple[int, ...] = ()
    timers_set: tuple[RunningTimer, ...] = ()
    timers_cleared: tuple[int, ...] = ()
    waits_opened: tuple[Wait, ...] = ()
    waits_closed: tuple[int, ...] = ()
    closed: bool = False


class Step(msgspec.Struct, frozen=True, gc=False):
    """The outcome of one command. `remarks`: breakpoints whose condition had no boolean value."""

    events: tuple[Event, ...]
    state: ExecutionState
    effects: Effects
    remarks: tuple[BreakpointRemark, ...] = ()


class NeedsValues(msgspec.Struct, frozen=True, gc=False):
    """The step needs these expressions evaluated; call it again with the answers added."""

    requests: tuple[EvalRequest, ...]
