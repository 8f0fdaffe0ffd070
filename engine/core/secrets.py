"""Arguments that name a secret are completed just before the call and never stored."""

from collections.abc import Mapping
from typing import Any

from engine.core.decide.turn import workflow_variable
from engine.core.merge import put_at
from engine.core.values import Pending, Values
from engine.expr import ExpressionFault
from engine.model.effect import NeedsValues
from engine.model.evaluation import EvalAnswer, EvalRequest
from engine.model.program import Act, Program
from engine.model.state import Action, ExecutionState
from schemas.events.parts import Error


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
        return Error(code=fault.code, message=fault.message, aliases=("expression",))
    return arguments
