"""From an action of the state to a call, and from what the call gave to a command."""

import asyncio
import time
from typing import Any

from msgspec.structs import replace

from engine.core.secrets import fill, masked
from engine.model.command import CompleteAction, FailAction
from engine.model.effect import NeedsValues
from engine.model.evaluation import EvalAnswer, EvalRequest
from engine.model.ids import callback_token, idempotency_key
from engine.model.program import Act
from engine.model.state import Action, ExecutionState
from engine.ports.world import Answered, Call, Failed
from engine.runtime.context import EngineContext
from engine.runtime.evaluation import ask
from engine.runtime.hot import HotExecution
from schemas.events.parts import Error
from schemas.json_text import dumps


async def perform(
    hot: HotExecution, action: Action, context: EngineContext
) -> CompleteAction | FailAction:
    """Run one attempt of an action: at most its time limit, at most the limit of result bytes."""
    begun = time.monotonic()
    outcome = _without_secrets(await _outcome(hot, action, context), hot, action, context)
    duration_ms = round((time.monotonic() - begun) * 1000)
    if isinstance(outcome, Answered):
        fault = result_fault(outcome.result, context.settings.max_result_bytes)
        if fault is None:
            return CompleteAction(action.id, outcome.result, outcome.printed, duration_ms)
        outcome = Failed(fault, outcome.printed)
    return FailAction(action.id, outcome.error, outcome.printed, duration_ms)


def _without_secrets(
    outcome: Answered | Failed, hot: HotExecution, action: Action, context: EngineContext
) -> Answered | Failed:
    """What a call says of itself is kept; the secrets that it was given are not."""
    if not action.call.deferred or (isinstance(outcome, Answered) and not outcome.printed):
        return outcome
    secrets = context.ports.secrets.get(hot.namespace, hot.loaded.program.secrets).values()
    printed = masked(outcome.printed, secrets)
    if isinstance(outcome, Answered):
        return replace(outcome, printed=printed)
    error = outcome.error
    hidden = replace(
        error,
        message=masked(error.message, secrets),
        aliases=masked(error.aliases, secrets),
        detail=masked(error.detail, secrets),
    )
    return Failed(hidden, printed)


async def _outcome(hot: HotExecution, action: Action, context: EngineContext) -> Answered | Failed:
    handler = context.ports.handlers.get(action.call.handler)
    if handler is None:
        message = f"no handler {action.call.handler!r} runs here; start a role that has it"
        return Failed(Error(code="function.no_handler", message=message))
    timeout_ms = action.call.timeout_ms
    limit = asyncio.timeout(timeout_ms / 1000)
    try:
        async with limit:
            arguments = await complete_arguments(hot, action, context)
            if isinstance(arguments, Error):
                return Failed(arguments)
            return await handler.run(call_of(hot, action, arguments, context))
    except TimeoutError as fault:
        if not limit.expired():
            return Failed(_handler_fault(action, fault))
        message = f"no answer within {timeout_ms} ms; raise actionExecTimeout or make it faster"
        return Failed(Error(code="timeout", message=message))
    except Exception as fault:  # noqa: BLE001 - whatever a handler raises is the action's error
        return Failed(_handler_fault(action, fault))


def _handler_fault(action: Action, fault: Exception) -> Error:
    message = f"handler {action.call.handler!r} failed: {type(fault).__name__}: {fault}"
    return Error(code="function.handler_fault", message=message[:2000])


async def complete_arguments(
    hot: HotExecution, action: Action, context: EngineContext
) -> Any | Error:
    """The arguments with what names a secret filled in, just before the call."""
    if not action.call.deferred:
        return action.call.arguments
    program = hot.loaded.program
    secrets = context.ports.secrets.get(hot.namespace, program.secrets)
    answers: dict[EvalRequest, EvalAnswer] = {}
    for _ in range(len(action.call.deferred) + 2):
        filled = fill(program, hot.state, action, secrets, answers)
        if not isinstance(filled, NeedsValues):
            return filled
        given = await ask(context, filled.requests)
        answers.update(zip(filled.requests, given, strict=True))
    return Error(code="expression.failed", message="the arguments ask for values without end")


def call_of(hot: HotExecution, action: Action, arguments: Any, context: EngineContext) -> Call:
    """The call as a handler gets it."""
    node = hot.loaded.program.nodes.get(action.node)
    token = None
    if isinstance(node, Act) and node.callback:
        token = callback_token(context.ports.callback_secret, hot.id, action.frame)
    return Call(
        namespace=hot.namespace,
        execution_id=hot.id,
        workflow=hot.loaded.program.workflow,
        state=state_name(hot.state, action.frame),
        function=action.call.function,
        handler=action.call.handler,
        operation=action.call.operation,
        arguments=arguments,
        key=idempotency_key(hot.id, action.frame, action.node),
        attempt=action.attempt,
        timeout_ms=action.call.timeout_ms,
        callback_token=token,
        resources=hot.loaded.resources,
    )


def state_name(state: ExecutionState, frame_id: int) -> str:
    """The name of the state of the definition that a frame belongs to."""
    frame = state.frames.get(frame_id)
    while frame is not None and frame.kind != "state":
        frame = state.frames.get(frame.parent)
    return frame.name if frame is not None else ""


def result_fault(result: Any, limit: int) -> Error | None:
    """Why a result cannot be taken into the log."""
    try:
        size = len(dumps(result))
    except (TypeError, ValueError, RecursionError) as fault:
        return Error(code="data.not_json", message=f"the result is not a JSON value: {fault}")
    if size > limit:
        message = f"the result has {size} bytes, at most {limit} are taken; return less of it"
        return Error(code="data.too_large", message=message)
    return None
