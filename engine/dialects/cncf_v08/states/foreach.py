"""ForEach state -> each (DSL 0.8, "ForEach State")."""

import re
from typing import Final

from engine.dialects.cncf_v08.actions import ActionLowering
from engine.dialects.cncf_v08.compilation import Compilation
from engine.dialects.cncf_v08.expressions import Path
from engine.dialects.cncf_v08.retries import number_of
from engine.dialects.cncf_v08.timeouts import action_limits
from engine.model.limits import MAX_FAN_OUT
from engine.model.program import Each, Text
from schemas.dsl.cncf_v08 import ForEachState

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_WRAPPED: Final = re.compile(r"\$\{\s*\.([A-Za-z_][A-Za-z0-9_]*)\s*\}")


def lower(compilation: Compilation, state: ForEachState, pointer: str) -> str:
    """The state's first node."""
    collection = compilation.expressions.text(state.input_collection, f"{pointer}/inputCollection")
    each = f"{pointer}#each"
    parameter = _parameter(compilation, state, pointer)
    node = Each(
        id=each, name=state.name, scope=pointer, collection=collection or Text("[]"),
        parameter=parameter, body=_body(compilation, state, pointer, each, parameter),
        mode=state.mode,
        batch=_batch(compilation, state, pointer),
        output=_output(compilation, state, pointer), output_pointer=f"{pointer}/outputCollection",
    )  # fmt: skip
    return compilation.add(node)


def _body(
    compilation: Compilation, state: ForEachState, pointer: str, scope: str, parameter: str | None
) -> str | None:
    limits = action_limits(compilation, state, pointer)
    compilation.expressions.inside_iteration(parameter)
    actions = ActionLowering(compilation, limits, in_iteration=True)
    body = actions.chain(state.actions, f"{pointer}/actions", scope)
    compilation.expressions.inside_iteration(None)
    return body


def _parameter(compilation: Compilation, state: ForEachState, pointer: str) -> str | None:
    """The parameter's name; some write it as an expression that would read it, `${ .order }`."""
    given, place = state.iteration_param, f"{pointer}/iterationParam"
    if given is None:
        return None
    wrapped = _WRAPPED.fullmatch(given)
    name = wrapped[1] if wrapped else given
    if not _NAME.fullmatch(name) or name in ("CONST", "SECRETS"):
        message = f"{given!r:.60} cannot be a variable; use letters, digits and _, as in `order`"
        compilation.findings.error("definition.foreach.parameter", place, message)
        return None
    if wrapped:
        message = f"the parameter is called {name!r}; write the name alone"
        compilation.findings.warn("definition.relaxed.iteration_param", place, message)
    return name


def _output(compilation: Compilation, state: ForEachState, pointer: str) -> Path | None:
    if state.output_collection is None:
        return None
    place = f"{pointer}/outputCollection"
    path = compilation.expressions.path(state.output_collection, place)
    if path == ():
        message = "the results need a place of their own in the data; write one, such as `.results`"
        compilation.findings.error("definition.expression.path", place, message)
    return path


def _batch(compilation: Compilation, state: ForEachState, pointer: str) -> int | None:
    if state.batch_size is None:
        return None
    place = f"{pointer}/batchSize"
    value = number_of(state.batch_size)
    if value is None or value != int(value) or not 1 <= value <= MAX_FAN_OUT:
        message = f"`batchSize` must be a whole number from 1 to {MAX_FAN_OUT}"
        compilation.findings.error("definition.foreach.batch_size", place, message)
        return None
    if state.mode == "sequential":
        message = "`batchSize` counts only with `mode: parallel`"
        compilation.findings.warn("definition.foreach.batch_size_unused", place, message)
    return int(value)
