"""The moves that all node kinds share: proceed, leave a state, fail, close what is open."""

from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from engine.core.decide.turn import Raised, Turn, raise_error
from engine.core.evolve.frames import descendants
from engine.core.matching import text_of
from engine.core.merge import DataFault
from engine.expr import ExpressionFault, JsonFault, dumps
from engine.model.limits import MAX_DATA_BYTES, MAX_STATE_DEPTH
from engine.model.program import AnyNode, Catch, Emission, Exit, Scope
from engine.model.state import Frame
from schemas.events import bodies
from schemas.events.parts import Error, Write

END_OF_BODY = ""
"""Stands for a node id: the body of the frame is done."""

Faults = (Raised, ExpressionFault, DataFault)
"""Exceptions that are errors of the workflow."""


def expression_error(fault: ExpressionFault) -> Error:
    """The error of an expression that has no value."""
    return Error(
        code=fault.code, message=fault.message, aliases=("expression",), expression=fault.source
    )


def error_of(fault: Exception) -> Error:
    """The workflow's error that a fault stands for."""
    if isinstance(fault, Raised):
        return fault.error
    if isinstance(fault, ExpressionFault):
        return expression_error(fault)
    if isinstance(fault, DataFault):
        return Error(code=fault.code, message=str(fault), aliases=("data",))
    raise TypeError(fault)


def proceed(turn: Turn, frame_id: int, node: AnyNode) -> None:
    """The node is done: enter the next one, or reach the end of the frame's body."""
    turn.go(frame_id, node.next if node.next is not None else END_OF_BODY)


def state_frame(turn: Turn, frame_id: int) -> Frame | None:
    """The frame of the state that this frame lies in (or is)."""
    frame = turn.state.frames.get(frame_id)
    while frame is not None and frame.kind != "state":
        frame = turn.state.frames.get(frame.parent)
    return frame


def leave(
    turn: Turn, frame_id: int, way: Exit, *, caught: bool = False, emitted_already: int = 0
) -> None:
    """Leave the state whose frame is given: filter its output, emit what the way asks for, close
    the frame, go to the target or end. After a caught error the output filter does not apply.
    `emitted_already`: so many of the way's emissions are in the log."""
    frame = turn.frame(frame_id)
    scope = turn.program.nodes[frame.node]
    assert isinstance(scope, Scope)
    output, write = frame.data, Write(mode="replace", of="child", source=scope.id)
    if scope.output is not None and not caught:
        turn.place = pointer = f"{scope.id}/stateDataFilter/output"
        selected = turn.evaluate(scope.output, frame, frame.data)
        if selected is not None:
            output, write = selected, Write(mode="replace", value=selected, source=pointer)
    check_size(output, scope.name)
    left = way.emissions[emitted_already:]
    produced = [emitted(turn, frame, one, output) for one in left]  # all of them or none
    for emission, body in zip(left, produced, strict=True):
        turn.record(body, frame=frame.id, node=emission.pointer, name=emission.ref)
    target = turn.program.nodes[way.target].name if way.target is not None else None
    turn.record(
        bodies.StateExited(next=target, writes=(write,)),
        frame=frame_id, node=scope.id, name=scope.name,
    )  # fmt: skip
    if way.target is not None:
        turn.go(frame.parent, way.target)
    else:
        complete(turn, way)


def complete(turn: Turn, way: Exit) -> None:
    """End the execution well; nothing else is entered."""
    turn.todo.clear()
    turn.record(bodies.ExecutionCompleted(terminated=way.terminate), frame=turn.state.root)


def emitted(turn: Turn, frame: Frame, emission: Emission, data: Any) -> bodies.EventEmitted:
    """The CloudEvent to publish. Raises ExpressionFault, Pending."""
    payload: Any = UNSET
    turn.place = emission.pointer
    if emission.data is not None:
        payload = turn.fill(emission.data, frame, data)
    extensions = {}
    for name, template in emission.extensions:
        value = turn.fill(template, frame, data)
        extensions[name] = text_of(value)
    return bodies.EventEmitted(
        ref=emission.ref, type=emission.type, source=emission.source, data=payload,
        extensions=extensions,
    )  # fmt: skip


def check_size(data: Any, name: str) -> None:
    """Refuse data that outgrew the limits."""
    try:
        size = len(dumps(data, MAX_STATE_DEPTH))
    except JsonFault as fault:
        raise_error("data.too_deep", f"the data of {name!r} is too deep: {fault}", "data")
    if size > MAX_DATA_BYTES:
        raise_error(
            "data.too_large",
            f"the data of {name!r} has {size} bytes, the limit is {MAX_DATA_BYTES}; "
            "keep large values outside and pass references",
            "data",
        )


def fail(turn: Turn, frame_id: int, error: Error) -> None:
    """Bring an error to the nearest handler; without one the execution fails."""
    frame = state_frame(turn, frame_id)
    error = replace(error, state=frame.name if frame is not None else "", node=turn.place)
    while frame is not None:
        scope = turn.program.nodes[frame.node]
        assert isinstance(scope, Scope)
        handler = handler_of(scope, error)
        if handler is not None:
            catch(turn, frame, scope, handler, error)
            return
        frame = state_frame(turn, frame.parent)
    fail_execution(turn, error)


def fail_execution(turn: Turn, error: Error) -> None:
    """End the execution with an error; nothing else is entered."""
    turn.todo.clear()
    close_inside(turn, turn.state.root, "error")
    turn.record(bodies.ExecutionFailed(error=error), frame=turn.state.root)


def handler_of(scope: Scope, error: Error) -> Catch | None:
    """The first handler whose code the error has."""
    codes = (error.code, *error.aliases)
    return next((one for one in scope.catches if one.code == "*" or one.code in codes), None)


def catch(turn: Turn, frame: Frame, scope: Scope, handler: Catch, error: Error) -> None:
    """The handler takes the error: what is open in the state closes, the handler's way is taken."""
    close_inside(turn, frame.id, "error")
    way = handler.exit
    target = turn.program.nodes[way.target].name if way.target is not None else None
    turn.record(
        bodies.ErrorCaught(error=error, handler=handler.name, next=target),
        frame=frame.id, node=handler.pointer, name=scope.name,
    )  # fmt: skip
    leave_caught(turn, frame.id, scope, way)


def leave_caught(
    turn: Turn, frame_id: int, scope: Scope, way: Exit, emitted_already: int = 0
) -> None:
    """Leave the state as its handler says; what goes wrong then has no handler any more."""
    try:
        leave(turn, frame_id, way, caught=True, emitted_already=emitted_already)
    except Faults as fault:
        error = replace(error_of(fault), state=scope.name, node=turn.place)
        fail_execution(turn, error)


def close_inside(turn: Turn, frame_id: int, reason: str) -> None:
    """Say of all that is open in the frame that it is cancelled: calls, waits, timers, children."""
    inside = descendants(turn.state, frame_id)
    for action in [one for one in turn.state.actions.values() if one.frame == frame_id]:
        turn.record(
            bodies.ActionCancelled(action=action.id, reason=reason),
            frame=frame_id, node=action.node, name=action.name,
        )  # fmt: skip
    for wait in [one for one in turn.state.waits.values() if one.frame == frame_id]:
        turn.record(
            bodies.EventWaitClosed(wait=wait.id, reason="cancelled"),
            frame=frame_id, node=wait.node, name=wait.name,
        )  # fmt: skip
    for timer in [one for one in turn.state.timers.values() if one.frame == frame_id]:
        turn.record(
            bodies.TimerCancelled(timer=timer.id, reason=reason),
            frame=frame_id, node=timer.node, name=timer.name,
        )  # fmt: skip
    for child in sorted(inside):
        frame = turn.state.frames.get(child)
        if frame is not None and frame.parent == frame_id:
            cancel_child(turn, frame, reason)


def cancel_child(turn: Turn, frame: Frame, reason: str) -> None:
    """Cancel one branch, iteration or state with all that is open in it. A state says nothing of
    itself: what ends it does."""
    close_inside(turn, frame.id, reason)
    if frame.kind == "state":
        return
    body: bodies.EventBody = (
        bodies.BranchCancelled(reason=reason)
        if frame.kind == "branch"
        else bodies.IterationCancelled(reason=reason)
    )
    turn.record(body, frame=frame.id, node=frame.node, name=frame.name)
