"""Going on from any event of a history, also from one in the middle of a step.

A state has no memory of what was to be entered next: within a step that is a queue. It follows from
the program and the events before: a frame in which nothing is pending goes on behind the last event
that moved it, in the order of these events; the last event of all may have broken off a move (one
branch of three is started), which is finished first.
"""

from collections.abc import Callable
from typing import Final

import msgspec

from engine.core.decide import act, each, fork, holds, listen, pause, start
from engine.core.decide.flow import END_OF_BODY, complete, leave, leave_caught, proceed
from engine.core.decide.nodes import guarded
from engine.core.decide.retry import retry_delay_ms
from engine.core.decide.turn import Turn
from engine.core.evolve import evolve
from engine.core.evolve.frames import without
from engine.model import program as ir
from engine.model.event import Event
from engine.model.state import ExecutionState, Held, RunningTimer
from schemas.events import bodies

CLOSING: Final = (
    bodies.ActionCancelled, bodies.TimerCancelled, bodies.BranchCancelled,
    bodies.IterationCancelled,
)  # fmt: skip
"""Events that only follow from the one before them, as do waits that are cancelled: nothing goes on
from the midst of them."""

TERMINAL: Final = (
    bodies.ExecutionCompleted, bodies.ExecutionFailed, bodies.ExecutionCancelled,
    bodies.GatheringExpired,
)  # fmt: skip

OPENING: Final = (bodies.GatheringOpened,)
"""Before there is an execution."""

UNMOVING: Final = (
    bodies.CallbackReceived, bodies.ExecutionSuspended, bodies.ExecutionForked, bodies.ForkTaken,
    bodies.ExecutionImported,
)  # fmt: skip
"""Events that leave what is to be done next as it was."""

_OPENERS: Final = (
    bodies.ExecutionStarted, bodies.StateEntered, bodies.BranchStarted, bodies.IterationStarted,
)  # fmt: skip
_CLOSERS: Final = (bodies.StateExited, bodies.BranchCompleted, bodies.IterationCompleted)


class Interruption(msgspec.Struct, frozen=True):
    """Where a history is broken off. `last`: the last event that moved anything, `before` the state
    it met; `moved`: for each open frame the event that moved it last; `deciding`: the event by
    which the state is left that `emissions` CloudEvents were produced for since."""

    last: Event
    before: ExecutionState
    moved: dict[int, Event]
    deciding: Event
    emissions: int


class Trail:
    """Follows a history from its first event; `broken_off` says how it stands."""

    def __init__(self, state: ExecutionState) -> None:
        self.state = state
        self._last: Event | None = None
        self._before = state
        self._moved: dict[int, Event] = {}
        self._deciding: Event | None = None
        self._emissions = 0

    def note(self, event: Event) -> None:
        """One more event."""
        before = self.state
        self.state = evolve(before, event)
        if isinstance(event.body, UNMOVING) or _is_hold(event):
            return
        self._last, self._before = event, before
        if isinstance(event.body, bodies.EventEmitted):
            self._emissions += 1
        elif not isinstance(event.body, bodies.StateExited):
            self._deciding, self._emissions = event, 0
        self._attribute(event, before)

    def _attribute(self, event: Event, before: ExecutionState) -> None:
        if isinstance(event.body, _OPENERS):
            self._moved[event.seq] = event
        elif isinstance(event.body, _CLOSERS):
            self._moved[before.frames[event.frame].parent] = event
        elif not _fires_hold(event) and not isinstance(event.body, bodies.ExecutionResumed):
            self._moved[event.frame] = event
        if len(self.state.frames) < len(before.frames):
            gone = [frame for frame in self._moved if frame not in self.state.frames]
            self._moved = without(self._moved, gone)

    @property
    def broken_off(self) -> Interruption | None:
        """How the history stands now; None: nothing has happened yet."""
        if self._last is None or self._deciding is None:
            return None
        return Interruption(
            self._last, self._before, dict(self._moved), self._deciding, self._emissions
        )


def _is_hold(event: Event) -> bool:
    return isinstance(event.body, bodies.TimerSet) and event.body.purpose == "hold"


def _fires_hold(event: Event) -> bool:
    return isinstance(event.body, bodies.TimerFired) and event.body.purpose == "hold"


def is_closing(event: Event) -> bool:
    """Whether nothing goes on from this event, so that the one before counts."""
    body = event.body
    if isinstance(body, bodies.ExecutionSuspended):
        return body.reason == "imported"
    return isinstance(body, (*CLOSING, bodies.ExecutionImported)) or (
        isinstance(body, bodies.EventWaitClosed) and body.reason == "cancelled"
    )


def resume(turn: Turn, broken: Interruption) -> None:
    """Put in motion what followed: `nodes.run` enters it."""
    last = broken.last
    idle = sorted(
        (broken.moved[frame].seq, frame) for frame in idle_frames(turn.state)
        if frame in broken.moved
    )  # fmt: skip
    for _, frame in idle:
        event = broken.moved[frame]
        if event is not last:
            _go_on(turn, frame, event)
    move = _REST.get(type(last.body))
    if move is not None:
        turn.place = last.node
        guarded(turn, _home(broken), lambda: move(turn, broken, last))


def _home(broken: Interruption) -> int:
    """The frame whose handlers an error of the last event's move goes to."""
    last = broken.last
    if isinstance(last.body, bodies.StateEntered):
        return last.seq
    if isinstance(last.body, _CLOSERS):
        return broken.before.frames[last.frame].parent
    return last.frame


def idle_frames(state: ExecutionState) -> list[int]:
    """Open frames in which nothing is pending: something is to be entered in them."""
    pending = {one.frame for one in state.actions.values()}
    pending |= {one.frame for one in state.waits.values()}
    pending |= {one.frame for one in state.timers.values() if one.purpose != "hold"}
    pending |= {one.frame for one in state.held.values()}
    pending |= {one.parent for one in state.frames.values()}
    return [one for one in state.frames if one not in pending]


# -------------------------------------------------------------- moves that were made whole


def _go_on(turn: Turn, frame_id: int, event: Event) -> None:
    """Behind the event that moved a frame last: what it had put into the queue."""
    body = event.body
    if isinstance(body, bodies.NodeHeld):
        turn.released.append(Held(event.seq, frame_id, event.node, event.name, body.stage))
    elif isinstance(body, bodies.ExecutionStarted):
        turn.go(frame_id, turn.program.start)
    elif isinstance(body, bodies.StateExited):
        turn.go(frame_id, _state_called(turn, event.node, body.next).id)
    elif isinstance(body, (bodies.StateEntered, bodies.BranchStarted, bodies.IterationStarted)):
        turn.go(frame_id, _body_of(turn, event))
    elif isinstance(body, bodies.EventReceived):
        node = turn.program.nodes[event.node]
        assert isinstance(node, ir.Listen)
        listen.go_on(turn, turn.frame(frame_id), node, listen.satisfied(node, body.ref))
    elif isinstance(body, bodies.EventWaitClosed):
        turn.go(frame_id, END_OF_BODY)
    elif isinstance(body, bodies.TimerFired) and body.purpose == "yield":
        turn.go(frame_id, event.node)
    else:
        proceed(turn, frame_id, turn.program.nodes[event.node])


def _body_of(turn: Turn, event: Event) -> str:
    node = turn.program.nodes[event.node]
    first: str | None
    if isinstance(node, ir.Fork):
        first = node.branches[event.branch or 0].body
    else:
        assert isinstance(node, (ir.Scope, ir.Each))
        first = node.body
    return END_OF_BODY if first is None else first


def _state_called(turn: Turn, left: str, name: str | None) -> ir.AnyNode:
    """The state of this name beside the one that was left."""
    scope = turn.program.nodes[left].scope
    return next(
        one for one in turn.program.nodes.values()
        if isinstance(one, ir.Scope) and one.scope == scope and one.name == name
    )  # fmt: skip


# -------------------------------------------------------------- the move that may be broken off


def _started(turn: Turn, broken: Interruption, event: Event) -> None:
    turn.go(turn.state.root, turn.program.start)


def _entered(turn: Turn, broken: Interruption, event: Event) -> None:
    """A state whose input filter has no value was entered nevertheless, and fails then."""
    node = turn.program.nodes[event.node]
    assert isinstance(node, ir.Scope)
    if node.input is not None:
        parent = broken.before.frames[event.frame]
        turn.place = f"{node.id}/stateDataFilter/input"
        turn.evaluate(node.input, parent, parent.data)
    turn.go(event.seq, _body_of(turn, event))


def _exited(turn: Turn, broken: Interruption, event: Event) -> None:
    assert isinstance(event.body, bodies.StateExited)
    if event.body.next is None:
        complete(turn, _way(turn, broken, event.node))
    else:
        parent = broken.before.frames[event.frame].parent
        turn.go(parent, _state_called(turn, event.node, event.body.next).id)


def _proceeds(turn: Turn, broken: Interruption, event: Event) -> None:
    proceed(turn, event.frame, turn.program.nodes[event.node])


def _leaves(turn: Turn, broken: Interruption, event: Event) -> None:
    """A switch decided, a handler took an error, CloudEvents are being produced."""
    scope = turn.program.nodes[turn.frame(event.frame).node]
    assert isinstance(scope, ir.Scope)
    way = _way(turn, broken, scope.id)
    if isinstance(broken.deciding.body, bodies.ErrorCaught):
        leave_caught(turn, event.frame, scope, way, broken.emissions)
    else:
        leave(turn, event.frame, way, emitted_already=broken.emissions)


def _way(turn: Turn, broken: Interruption, state: str) -> ir.Exit:
    """The way by which the state is (or was) left."""
    scope, event = turn.program.nodes[state], broken.deciding
    assert isinstance(scope, ir.Scope)
    body, node = event.body, turn.program.nodes.get(event.node)
    if isinstance(body, bodies.ErrorCaught):
        return next(one.exit for one in scope.catches if one.pointer == event.node)
    if isinstance(body, bodies.ChoiceTaken):
        return _choice(turn, scope, event.node)
    if isinstance(body, bodies.EventReceived) and isinstance(node, ir.Listen):
        return listen.satisfied(node, body.ref)[0].exit or scope.exit
    if isinstance(body, bodies.EventWaitClosed) and isinstance(node, ir.Listen):
        return node.on_timeout or scope.exit
    return scope.exit


def _choice(turn: Turn, scope: ir.Scope, pointer: str) -> ir.Exit:
    for node in turn.program.nodes.values():
        if isinstance(node, ir.Choose) and node.scope == scope.id:
            for case in node.cases:
                if case.pointer == pointer:
                    return case.exit
            if node.default is not None and node.default.pointer == pointer:
                return node.default
    raise KeyError(pointer)


def _scheduled(turn: Turn, broken: Interruption, event: Event) -> None:
    action = turn.state.actions.get(event.seq)
    if action is not None:
        act.answer_at_once(turn, action)


def _completed(turn: Turn, broken: Interruption, event: Event) -> None:
    node, body = turn.program.nodes[event.node], event.body
    assert isinstance(node, ir.Act)
    assert isinstance(body, bodies.ActionCompleted)
    if not body.writes:
        result = None if body.result is msgspec.UNSET else body.result
        act.check_result(turn, turn.frame(event.frame), node, result)
    act.go_on_completed(turn, event.frame, node)


def _action_failed(turn: Turn, broken: Interruption, event: Event) -> None:
    node, body = turn.program.nodes[event.node], event.body
    assert isinstance(node, ir.Act)
    assert isinstance(body, bodies.ActionFailed)
    action, delay_ms = broken.before.actions[body.action], None
    if body.retrying:
        chance = turn.circumstance.chance
        delay_ms = retry_delay_ms(node.retry, body.error, action.attempt, chance)
    act.go_on_failed(turn, action, body.error, delay_ms)


def _fired(turn: Turn, broken: Interruption, event: Event) -> None:
    assert isinstance(event.body, bodies.TimerFired)
    _came_due(turn, broken.before.timers[event.body.timer])


_TIMERS: Final[dict[str, Callable[[Turn, RunningTimer], None]]] = {
    "sleep": pause.slept,
    "yield": pause.resumed,
    "retry": act.retry,
    "before_action": act.awake,
    "after_action": act.awake,
    "event_timeout": listen.timed_out,
    "hold": holds.expired,
}


def fire(turn: Turn, timer: RunningTimer) -> None:
    """The timer came due."""
    turn.record(
        bodies.TimerFired(timer=timer.id, purpose=timer.purpose),
        frame=timer.frame, node=timer.node, name=timer.name,
    )  # fmt: skip
    if turn.state.phase == "gathering":
        start.expire(turn)
    else:
        guarded(turn, timer.frame, lambda: _came_due(turn, timer))


def _came_due(turn: Turn, timer: RunningTimer) -> None:
    if not holds.holds_call(turn, timer):
        _TIMERS[timer.purpose](turn, timer)


def _awaited(turn: Turn, broken: Interruption, event: Event) -> None:
    node = turn.program.nodes[event.node]
    assert isinstance(node, ir.Listen)
    listen.go_on_waiting(turn, event.seq, node)


def _received(turn: Turn, broken: Interruption, event: Event) -> None:
    node, body = turn.program.nodes[event.node], event.body
    assert isinstance(node, ir.Listen)
    assert isinstance(body, bodies.EventReceived)
    if body.done:
        wait = broken.before.waits.get(body.wait)
        listen.go_on_received(turn, turn.frame(event.frame), node, body, wait)


def _wait_closed(turn: Turn, broken: Interruption, event: Event) -> None:
    node = turn.program.nodes[event.node]
    assert isinstance(node, ir.Listen)
    listen.leave_unsatisfied(turn, event.frame, node)


def _branch_started(turn: Turn, broken: Interruption, event: Event) -> None:
    node, body = turn.program.nodes[event.node], event.body
    assert isinstance(node, ir.Fork)
    assert isinstance(body, bodies.BranchStarted)
    turn.go(event.seq, _body_of(turn, event))
    fork.start_from(turn, event.frame, node, (event.branch or 0) + 1, body.needed)


def _branch_completed(turn: Turn, broken: Interruption, event: Event) -> None:
    fork.join_if_enough(turn, broken.before.frames[event.frame].parent, event.node)


def _iterations_opened(turn: Turn, broken: Interruption, event: Event) -> None:
    node, body = turn.program.nodes[event.node], event.body
    assert isinstance(node, ir.Each)
    assert isinstance(body, bodies.IterationsOpened)
    if body.items:
        each.start_more(turn, turn.frame(event.frame), node)
    else:
        each.join(turn, event.frame, node)


def _iteration_started(turn: Turn, broken: Interruption, event: Event) -> None:
    node = turn.program.nodes[event.node]
    assert isinstance(node, ir.Each)
    turn.go(event.seq, _body_of(turn, event))
    each.start_more(turn, turn.frame(event.frame), node)


def _iteration_completed(turn: Turn, broken: Interruption, event: Event) -> None:
    node = turn.program.nodes[event.node]
    assert isinstance(node, ir.Each)
    each.next_or_join(turn, broken.before.frames[event.frame].parent, node)


def _nothing(turn: Turn, broken: Interruption, event: Event) -> None:
    """Something is pending, and goes on by itself; or frames that were held are idle now, and
    their own last events say what they do."""


_Move = Callable[[Turn, Interruption, Event], None]
_REST: Final[dict[type[bodies.EventBody], _Move]] = {
    bodies.ExecutionStarted: _started,
    bodies.StateEntered: _entered,
    bodies.StateExited: _exited,
    bodies.VariablesAssigned: _proceeds,
    bodies.ChoiceTaken: _leaves,
    bodies.EventEmitted: _leaves,
    bodies.ErrorCaught: _leaves,
    bodies.ActionScheduled: _scheduled,
    bodies.ActionCompleted: _completed,
    bodies.ActionFailed: _action_failed,
    bodies.ActionSkipped: _proceeds,
    bodies.RetryScheduled: _nothing,
    bodies.TimerSet: _nothing,
    bodies.TimerFired: _fired,
    bodies.EventAwaited: _awaited,
    bodies.EventReceived: _received,
    bodies.EventWaitClosed: _wait_closed,
    bodies.BranchStarted: _branch_started,
    bodies.BranchCompleted: _branch_completed,
    bodies.BranchJoined: _proceeds,
    bodies.IterationsOpened: _iterations_opened,
    bodies.IterationStarted: _iteration_started,
    bodies.IterationCompleted: _iteration_completed,
    bodies.IterationsJoined: _proceeds,
    bodies.NodeHeld: _nothing,
    bodies.ExecutionResumed: _nothing,
}


def resumable_types() -> frozenset[str]:
    """Names of the event types that a history can go on from."""
    return frozenset(one.__name__ for one in _REST) | {one.__name__ for one in UNMOVING}
