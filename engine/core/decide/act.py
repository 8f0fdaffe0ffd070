"""Act nodes: calls are asked for, answered, failed, retried."""

from typing import Any

from msgspec.structs import replace

from engine.core.decide import answering
from engine.core.decide.flow import check_size, expression_error, fail, proceed
from engine.core.decide.retry import retry_delay_ms
from engine.core.decide.select import check_writes, selected
from engine.core.decide.turn import Raised, Turn
from engine.core.merge import DataFault
from engine.expr import ExpressionFault, compile_expression
from engine.model.command import CompleteAction, FailAction
from engine.model.program import Act
from engine.model.state import Action, Frame, Held, RunningTimer
from schemas.events import bodies
from schemas.events.parts import Error


def enter(turn: Turn, frame_id: int, node: Act) -> None:
    """Skip the action, sleep before it, or ask for it."""
    frame = turn.frame(frame_id)
    if node.when is not None and not turn.condition(node.when, frame):
        turn.record(
            bodies.ActionSkipped(condition=node.when.source),
            frame=frame_id, node=node.id, name=node.name,
        )  # fmt: skip
        proceed(turn, frame_id, node)
    elif node.sleep_before_ms:
        _sleep(turn, frame_id, node, "before_action", node.sleep_before_ms)
    else:
        schedule(turn, frame_id, node)


def schedule(turn: Turn, frame_id: int, node: Act) -> None:
    """Record the intent to call; the call starts when it is committed."""
    frame = turn.frame(frame_id)
    data = frame.data if node.input is None else turn.evaluate(node.input, frame, frame.data)
    arguments, deferred = _arguments(turn, frame, node, data)
    counted = answering.count(turn, frame_id, node.name, node.handler)
    call = bodies.ActionScheduled(
        function=node.function, handler=node.handler, operation=node.operation,
        timeout_ms=node.timeout_ms, arguments=arguments, deferred=deferred,
        answered_by=counted.answered_by, path=counted.path, occurrence=counted.occurrence,
    )  # fmt: skip
    action = turn.record(call, frame=frame_id, node=node.id, name=node.name, attempt=1)
    answer_at_once(turn, turn.state.actions[action])


def answer_at_once(turn: Turn, action: Action) -> None:
    """What is not called at all: an expression function (its call is this evaluation), and in a
    fork what has an answer made up."""
    node = turn.program.nodes[action.node]
    assert isinstance(node, Act)
    if answering.answerer_of(turn.state, action) == "mock":
        answer = answering.mocked(turn.state, action)
        if answer.error is not None:
            failed(turn, FailAction(action.id, answer.error))
        else:
            completed(turn, CompleteAction(action.id, answer.result))
    elif node.handler == "expression":
        frame = turn.frame(action.frame)
        data = frame.data if node.input is None else turn.evaluate(node.input, frame, frame.data)
        _compute(turn, action, node, data)


def _arguments(
    turn: Turn, frame: Frame, node: Act, data: Any
) -> tuple[Any, tuple[tuple[tuple[str | int, ...], str], ...]]:
    """The arguments, and those expressions that name a secret, left for the moment of the call."""
    template = node.arguments
    deferred = tuple(
        (path, source)
        for path, source in template.expressions
        if "SECRETS" in compile_expression(source).variables
    )
    if deferred:
        kept = tuple(one for one in template.expressions if one not in deferred)
        template = replace(template, expressions=kept)
    arguments = turn.fill(template, frame, data)
    check_size(arguments, node.name)
    return arguments, deferred


def _compute(turn: Turn, action: Action, node: Act, data: Any) -> None:
    """An expression function: its call is this evaluation."""
    frame = turn.frame(action.frame)
    try:
        result = turn.values.one(node.operation, data, turn.variables(frame))
        check_size(result, node.name)
    except ExpressionFault as fault:
        failed(turn, FailAction(action.id, expression_error(fault)))
    except Raised as raised:
        failed(turn, FailAction(action.id, raised.error))
    else:
        completed(turn, CompleteAction(action.id, result))


def completed(turn: Turn, command: CompleteAction) -> None:
    """The call answered: write its result, go on."""
    action = turn.state.actions[command.action]
    node = turn.program.nodes[action.node]
    assert isinstance(node, Act)
    frame = turn.frame(action.frame)
    try:
        writes = selected(turn, frame, node.selection, command.result, "result")
        _record_completed(turn, action, command, writes)
    except (ExpressionFault, DataFault):
        _record_completed(turn, action, command, ())  # it did answer: that stays a fact
        raise
    go_on_completed(turn, frame.id, node)


def go_on_completed(turn: Turn, frame_id: int, node: Act) -> None:
    """The result is written: sleep, or go on."""
    if node.sleep_after_ms:
        _sleep(turn, frame_id, node, "after_action", node.sleep_after_ms)
    else:
        proceed(turn, frame_id, node)


def check_result(turn: Turn, frame: Frame, node: Act, result: Any) -> None:
    """Whether the result can be selected from and written. Raises what `completed` raises."""
    writes = selected(turn, frame, node.selection, result, "result")
    check_writes(frame, writes, {"result": result})


def _record_completed(
    turn: Turn, action: Action, command: CompleteAction, writes: tuple[Any, ...]
) -> None:
    turn.record(
        bodies.ActionCompleted(
            action=action.id, result=command.result, writes=writes, printed=command.printed,
            duration_ms=command.duration_ms,
        ),
        frame=action.frame, node=action.node, name=action.name, attempt=action.attempt,
    )  # fmt: skip


def failed(turn: Turn, command: FailAction) -> None:
    """The call failed: again later, or an error of the state."""
    action = turn.state.actions[command.action]
    node = turn.program.nodes[action.node]
    assert isinstance(node, Act)
    delay_ms = retry_delay_ms(node.retry, command.error, action.attempt, turn.circumstance.chance)
    turn.record(
        bodies.ActionFailed(
            action=action.id, error=command.error, printed=command.printed,
            duration_ms=command.duration_ms, retrying=delay_ms is not None,
        ),
        frame=action.frame, node=action.node, name=action.name, attempt=action.attempt,
    )  # fmt: skip
    go_on_failed(turn, action, command.error, delay_ms)


def go_on_failed(turn: Turn, action: Action, error: Error, delay_ms: int | None) -> None:
    """The attempt failed: it is made again after the delay, or (None) the error is the state's."""
    if delay_ms is None:
        fail(turn, action.frame, replace(error, action=action.name))
        return
    if answering.skips_timers(turn.state):
        delay_ms = 0
    turn.record(
        bodies.RetryScheduled(
            action=action.first, attempt=action.attempt + 1, delay_ms=delay_ms,
            due=turn.at + delay_ms,
        ),
        frame=action.frame, node=action.node, name=action.name,
    )  # fmt: skip


def retry(turn: Turn, timer: RunningTimer) -> None:
    """The delay is over: ask for the same call again."""
    assert timer.action is not None
    _call_again(turn, timer.action)


def retry_held(turn: Turn, held: Held) -> None:
    """The delay was over while the execution was held: ask for the same call again now."""
    place = (held.frame, held.node)
    failed = turn.state.failed.values()
    _call_again(turn, next(one for one in failed if (one.frame, one.node) == place))


def _call_again(turn: Turn, before: Action) -> None:
    call = before.call
    again = bodies.ActionScheduled(
        function=call.function, handler=call.handler, operation=call.operation,
        timeout_ms=call.timeout_ms, retry_of=before.first,
        answered_by=answering.answerer_of(turn.state, before),
    )  # fmt: skip
    action = turn.record(
        again, frame=before.frame, node=before.node, name=before.name, attempt=before.attempt
    )
    answer_at_once(turn, turn.state.actions[action])


def awake(turn: Turn, timer: RunningTimer) -> None:
    """A sleep before or after the action is over."""
    node = turn.program.nodes[timer.node]
    assert isinstance(node, Act)
    if timer.purpose == "before_action":
        schedule(turn, timer.frame, node)
    else:
        proceed(turn, timer.frame, node)


def _sleep(turn: Turn, frame_id: int, node: Act, purpose: Any, duration_ms: int) -> None:
    due = turn.at if answering.skips_timers(turn.state) else turn.at + duration_ms
    turn.record(
        bodies.TimerSet(purpose=purpose, due=due),
        frame=frame_id, node=node.id, name=node.name,
    )  # fmt: skip
