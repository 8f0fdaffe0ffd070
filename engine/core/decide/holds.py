"""Executions that are held: by a person, by a breakpoint, after a step.

A held execution goes on taking facts (answers, CloudEvents, timers, callbacks); what would be
entered next is recorded as held instead, and entered in the same order when it is resumed.
"""

from typing import Final, Literal

from engine.core.decide.flow import END_OF_BODY
from engine.core.decide.turn import Turn
from engine.expr import ExpressionFault
from engine.model.breakpoint import Breakpoint, BreakpointRemark
from engine.model.command import ResumeExecution, SuspendExecution
from engine.model.program import Act, Scope
from engine.model.rejection import Rejection
from engine.model.state import ExecutionState, Frame, RunningTimer
from schemas.events import bodies
from schemas.events.parts import Asked, HeldStage

_CALLS: Final[dict[str, HeldStage]] = {"before_action": "call", "retry": "retry"}
"""Timers after which a call is made that was held up, by purpose."""


def suspend(turn: Turn, _: SuspendExecution) -> Rejection | None:
    """Enter nothing from now on. What would be let go by itself stays held then."""
    state = turn.state
    if state.phase != "running":
        return Rejection("execution.not_started", "there is no running execution to hold")
    if state.suspended is not None and not ends_by_itself(state):
        return Rejection("execution.suspended", "the execution is held already")
    asked = turn.circumstance.asked
    turn.record(bodies.ExecutionSuspended(reason="paused", asked=asked), frame=state.root)
    return None


def resume(turn: Turn, command: ResumeExecution) -> Rejection | None:
    """Enter what is held. A step under way that has not come to its end may be continued."""
    suspension = turn.state.suspended
    going_on = turn.state.stepping and command.mode == "continue"
    if suspension is None and (not going_on or command.breakpoint is not None):
        return Rejection("execution.not_suspended", "the execution is not held")
    if command.breakpoint is not None and (
        suspension is None or suspension.breakpoint != command.breakpoint
    ):
        return Rejection("execution.not_suspended", f"{command.breakpoint} does not hold it")
    _release(turn, command.mode, turn.circumstance.asked)
    return None


def ends_by_itself(state: ExecutionState) -> bool:
    """Whether the hold, also after steps in it, has an end."""
    return any(timer.purpose == "hold" for timer in state.timers.values())


def expired(turn: Turn, _: RunningTimer) -> None:
    """The breakpoint's time is over: what it held is let go, also where somebody stepped since."""
    _release(turn, "continue", Asked(reason="the breakpoint that held it has expired"))


def _release(turn: Turn, mode: Literal["continue", "step"], asked: Asked | None) -> None:
    turn.released.extend(turn.state.held.values())
    turn.record(bodies.ExecutionResumed(mode=mode, asked=asked), frame=turn.state.root)


def may_hold(turn: Turn) -> bool:
    """Whether anything in this turn may be held; nearly never, and then no node is looked at."""
    state = turn.state
    return state.suspended is not None or state.stepping or bool(turn.circumstance.breakpoints)


def holds(turn: Turn, frame_id: int, node_id: str) -> bool:
    """Whether the node is held instead of being entered; then that is recorded. Raises Pending."""
    state = turn.state
    if state.suspended is None:
        node = None if node_id == END_OF_BODY else turn.program.nodes[node_id]
        if state.stepping and isinstance(node, (Scope, Act)):
            turn.record(
                bodies.ExecutionSuspended(reason="step"),
                frame=state.root, node=node.id, name=node.name,
            )  # fmt: skip
        elif not isinstance(node, Scope) or not _breaks(turn, node, turn.frame(frame_id)):
            return False
    _hold(turn, frame_id, node_id, "entry")
    return True


def holds_call(turn: Turn, timer: RunningTimer) -> bool:
    """Whether the call that the timer has put off is held; then that is recorded."""
    stage = _CALLS.get(timer.purpose)
    if stage is None or turn.state.suspended is None:
        return False
    _hold(turn, timer.frame, timer.node, stage)
    return True


def _hold(turn: Turn, frame_id: int, node_id: str, stage: HeldStage) -> None:
    node = turn.program.nodes.get(node_id)
    name = turn.frame(frame_id).name if node is None else node.name
    turn.record(bodies.NodeHeld(stage=stage), frame=frame_id, node=node_id, name=name)


def break_in_first(turn: Turn, opened: int) -> None:
    """A state that begins with the CloudEvent that starts the execution has been entered before
    anything could be asked of its data: a breakpoint on it holds what follows. Raises Pending."""
    state = turn.state
    if state.suspended is not None or state.closed or turn.pending:
        return
    first = turn.program.nodes[turn.program.start]
    assert isinstance(first, Scope)
    _breaks(turn, first, state.frames.get(opened) or turn.frame(state.root))


def _breaks(turn: Turn, node: Scope, frame: Frame) -> bool:
    """Whether a breakpoint holds the execution at this state; then it is suspended."""
    for one in turn.circumstance.breakpoints:
        if one.state == node.name and one.samples(turn.state.id) and _met(turn, one, frame):
            _suspend_by(turn, one, node)
            return True
    return False


def _met(turn: Turn, one: Breakpoint, frame: Frame) -> bool:
    if one.condition is None:
        return True
    try:
        value = turn.values.one(one.condition, frame.data, turn.variables(frame))
    except ExpressionFault as fault:
        turn.remarks.append(BreakpointRemark(one.id, fault.message))
        return False
    if not isinstance(value, bool):
        message = f"the condition gave {type(value).__name__}, not true or false"
        turn.remarks.append(BreakpointRemark(one.id, message))
    return value is True


def _suspend_by(turn: Turn, one: Breakpoint, node: Scope) -> None:
    root = turn.state.root
    turn.record(
        bodies.ExecutionSuspended(
            reason="breakpoint", breakpoint=one.id, condition=one.condition,
            asked=Asked(reason=one.reason) if one.reason else None,
        ),
        frame=root, node=node.id, name=node.name,
    )  # fmt: skip
    if one.release_at is not None:
        subject = turn.state.seq
        turn.record(
            bodies.TimerSet(purpose="hold", due=one.release_at, subject=subject),
            frame=root, node=node.id, name=node.name,
        )  # fmt: skip
