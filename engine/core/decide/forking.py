"""Executions that begin with a part of another one's history, and what that one notes of it."""

from msgspec.structs import replace

from engine.core.decide import act, answering, resumption, start
from engine.core.decide.flow import fail_execution, state_frame
from engine.core.decide.nodes import guarded
from engine.core.decide.turn import Turn
from engine.model.command import (
    Arrived,
    FailExecution,
    ForkExecution,
    NoteFork,
    OfferEvent,
    StartExecution,
)
from engine.model.rejection import Rejection
from engine.model.state import ExecutionState, RunningTimer
from schemas.events import bodies
from schemas.events.parts import EditedCloudEvent

_SKIPPED = ("sleep", "retry", "before_action", "after_action")
"""Purposes of timers that `skip_timers` is about: delays, no limits."""


def fork(turn: Turn, command: ForkExecution) -> Rejection | None:
    """Say where this execution comes from, then go on as if nothing had been."""
    if command.start is not None:
        return _start(turn, command, command.start)
    if command.offers:
        return _gather(turn, command)
    if turn.state.phase != "running" or turn.state.seq != command.body.at:
        return Rejection("fork.not_here", "a fork goes on from the last event of its prefix")
    turn.record(command.body, frame=turn.state.root)
    pending, timers = list(turn.state.actions), list(turn.state.timers.values())
    if command.broken_off is not None:
        resumption.resume(turn, command.broken_off)
    for action in pending:
        _answer_pending(turn, action)
    if answering.skips_timers(turn.state):
        for timer in timers:
            _skip(turn, timer)
    return None


def _start(turn: Turn, command: ForkExecution, begun: StartExecution) -> Rejection | None:
    if turn.state.phase != "new":
        return Rejection("execution.exists", "the execution has already started")
    if begun.trigger is not None:
        begun = replace(begun, trigger=_seen(command.body, begun.trigger))
    guarded(turn, 0, lambda: start.start(turn, begun, command.body))
    return None


def _gather(turn: Turn, command: ForkExecution) -> Rejection | None:
    """All CloudEvents that started the source, one after the other."""
    for arrived in command.offers:
        if turn.state.phase not in ("new", "gathering"):
            return Rejection("fork.not_here", "fewer CloudEvents than the source took start it")
        rejection = _offer(turn, _seen(command.body, arrived), command.body)
        if rejection is not None:
            return rejection
    if turn.state.phase == "gathering" and not turn.pending:
        return Rejection("fork.not_here", "the CloudEvents of the source do not start it")
    return None


def _seen(body: bodies.ExecutionForked, arrived: Arrived) -> Arrived:
    edits = {one.position: one for one in body.events}
    return _edited_by(edits.get(arrived.event.position), arrived)


def _offer(turn: Turn, arrived: Arrived, body: bodies.ExecutionForked) -> Rejection | None:
    rejection: list[Rejection | None] = [None]

    def move() -> None:
        rejection[0] = start.offer(turn, OfferEvent(arrived), body)

    guarded(turn, 0, move)
    return rejection[0]


def _answer_pending(turn: Turn, action_id: int) -> None:
    """A call that was open in the prefix has its answer made up, if the policy says so."""
    action = turn.state.actions.get(action_id)
    if action is not None and answering.answerer_of(turn.state, action) == "mock":
        turn.place = action.node
        guarded(turn, action.frame, lambda: act.answer_at_once(turn, action))


def _skip(turn: Turn, timer: RunningTimer) -> None:
    if timer.id in turn.state.timers and timer.purpose in _SKIPPED:
        turn.place = timer.node
        resumption.fire(turn, timer)


def note(turn: Turn, command: NoteFork) -> Rejection | None:
    """Another execution began with a part of this one's history."""
    if turn.state.phase == "new":
        return Rejection("execution.not_started", "there is no execution to note a fork of")
    turn.record(command.body, frame=turn.state.root if not turn.state.closed else 0)
    return None


def fail_for_want(turn: Turn, command: FailExecution) -> Rejection | None:
    """A call of a fork has no answer: no handler of the definition is asked."""
    action = turn.state.actions.get(command.action)
    if action is None:
        return Rejection("action.not_pending", f"no action {command.action} waits for an answer")
    turn.cause, state = action.id, state_frame(turn, action.frame)
    error = replace(
        command.error, state="" if state is None else state.name, action=action.name,
        node=action.node,
    )  # fmt: skip
    fail_execution(turn, error)
    return None


def edited(state: ExecutionState, arrived: Arrived) -> Arrived:
    """The CloudEvent as this execution is to see it."""
    if state.fork is None:
        return arrived
    return _edited_by(state.fork.events.get(arrived.event.position), arrived)


def _edited_by(edit: EditedCloudEvent | None, arrived: Arrived) -> Arrived:
    return arrived if edit is None else replace(arrived, payload=edit.payload, whole=edit.whole)
