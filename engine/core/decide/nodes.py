"""Which function enters which kind of node, and the loop that enters them one after the other."""

from collections.abc import Callable
from typing import Any, Final

from engine.core.decide import act, assign, choose, each, fork, holds, listen, pause, scope
from engine.core.decide.flow import END_OF_BODY, Faults, error_of, fail, leave, state_frame
from engine.core.decide.turn import Turn
from engine.core.values import Pending
from engine.model import program as ir
from engine.model.limits import MAX_EVENTS_PER_STEP
from engine.model.state import Frame, Held

_ENTER: Final[dict[type[ir.Node], Callable[[Turn, int, Any], None]]] = {
    ir.Scope: scope.enter,
    ir.Act: act.enter,
    ir.Pass: assign.enter,
    ir.Timer: pause.enter,
    ir.Choose: choose.enter,
    ir.Listen: listen.enter,
    ir.Fork: fork.enter,
    ir.Each: each.enter,
}


def _state_finished(turn: Turn, frame: Frame) -> None:
    node = turn.program.nodes[frame.node]
    assert isinstance(node, ir.Scope)
    leave(turn, frame.id, node.exit)


_FINISHED: Final[dict[str, Callable[[Turn, Frame], None]]] = {
    "state": _state_finished,
    "branch": fork.finished,
    "iteration": each.finished,
}


def run(turn: Turn) -> None:
    """Enter what is to be entered until everything waits, or the step has done enough. What was
    held goes first, and is not held again."""
    while turn.released:
        held = turn.released.popleft()
        if held.frame in turn.state.frames:
            guarded(turn, held.frame, lambda: _enter_held(turn, held))  # noqa: B023
    enter = _enter_unless_held if holds.may_hold(turn) else _enter
    while turn.todo:
        if len(turn.events) >= MAX_EVENTS_PER_STEP:
            pause.put_off(turn)
            return
        frame_id, node_id = turn.todo.popleft()
        if frame_id in turn.state.frames:
            guarded(turn, frame_id, lambda: enter(turn, frame_id, node_id))  # noqa: B023


def _enter_unless_held(turn: Turn, frame_id: int, node_id: str) -> None:
    if not holds.holds(turn, frame_id, node_id):
        _enter(turn, frame_id, node_id)


def _enter_held(turn: Turn, held: Held) -> None:
    if held.stage == "entry":
        _enter(turn, held.frame, held.node)
        return
    node = turn.program.nodes[held.node]
    assert isinstance(node, ir.Act)
    turn.place = held.node
    if held.stage == "call":
        act.schedule(turn, held.frame, node)
    else:
        act.retry_held(turn, held)


def _enter(turn: Turn, frame_id: int, node_id: str) -> None:
    if node_id == END_OF_BODY:
        frame = turn.frame(frame_id)
        turn.place = frame.node
        _FINISHED[frame.kind](turn, frame)
    else:
        node = turn.program.nodes[node_id]
        turn.place = node_id
        _ENTER[type(node)](turn, frame_id, node)


def guarded(turn: Turn, frame_id: int, move: Callable[[], None]) -> None:
    """Make a move in a frame: an error of the workflow goes to its handler, an expression without
    an answer is noted while the other frames go on, so that all are asked for at once."""
    state = state_frame(turn, frame_id)
    home = frame_id if state is None else state.id  # the frame itself may close before the fault
    try:
        try:
            move()
        except Faults as fault:
            fail(turn, home, error_of(fault))
    except Pending as pending:
        turn.pending.append(pending)
