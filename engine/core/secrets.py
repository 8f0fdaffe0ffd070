"""Secrets: arguments that name one are completed just before the call; nothing of it is stored."""

from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote

from engine.core.decide.turn import workflow_variable
from engine.core.merge import put_at
from engine.core.values import Pending, Values
from engine.expr import ExpressionFault
from engine.model.effect import NeedsValues
from engine.model.evaluation import EvalAnswer, EvalRequest
from engine.model.program import Act, Program
from engine.model.state import Action, ExecutionState
from schemas.events.parts import Error

_MIN_SECRET: Final = 4


def fill(
    program: Program,
    state: ExecutionState,
    action: Action,
    secrets: Mapping[str, str],
    answers: Mapping[EvalRequest, EvalAnswer],
) -> Any | NeedsValues | Error:
    """The complete arguments of the action's call, or what must be evaluated first, or the error
    that a deferred expression ended in. `secrets`: values of the names the program declares."""
    call, frame = action.call, state.frames[action.frame]
    variables = {
        "CONST": program.constants,
        "WORKFLOW": workflow_variable(program, state),
        **frame.variables,
        "SECRETS": dict(secrets),
    }
    values, arguments = Values(answers), call.arguments
    node = program.nodes[action.node]
    try:
        data = frame.data
        if isinstance(node, Act) and node.input is not None:
            data = values.one(node.input.source, data, variables)
        for path, source in call.deferred:
            arguments = put_at(arguments, tuple(path), values.one(source, data, variables))
    except Pending as pending:
        return NeedsValues((pending.request,))
    except ExpressionFault as fault:
        message = (
            f"an argument of {action.name!r} that names a secret cannot be computed; why may tell"
            " the secret and is not kept"
        )
        return Error(code=fault.code, message=message, aliases=("expression",))
    return arguments


def masked(value: Any, secrets: Iterable[str]) -> Any:
    """A copy of what a call said of itself (an error, what it printed), without secrets: their
    values, as they are or as a part of a URL, become ***. Values below four characters stay: they
    are no secret, and stand everywhere."""
    forms = {form for one in secrets if len(one) >= _MIN_SECRET for form in (one, quote(one, ""))}
    return _without(value, sorted(forms, key=len, reverse=True))


def _without(value: Any, forms: list[str]) -> Any:
    if isinstance(value, str):
        for form in forms:
            value = value.replace(form, "***")
        return value
    if isinstance(value, dict):
        return {_without(key, forms): _without(item, forms) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_without(item, forms) for item in value)
    return value
