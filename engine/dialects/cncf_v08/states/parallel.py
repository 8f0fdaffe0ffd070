"""Parallel state -> fork (DSL 0.8, "Parallel State")."""

from engine.dialects.cncf_v08.actions import ActionLowering
from engine.dialects.cncf_v08.compilation import Compilation
from engine.dialects.cncf_v08.retries import number_of
from engine.dialects.cncf_v08.timeouts import action_limits
from engine.model.limits import MAX_FAN_OUT
from engine.model.program import Branch, Fork, Text
from schemas.dsl.cncf_v08 import BranchDefinition, ParallelState


def lower(compilation: Compilation, state: ParallelState, pointer: str) -> str:
    """The state's first node."""
    place = f"{pointer}/branches"
    if len(state.branches) > MAX_FAN_OUT:
        message = f"{len(state.branches)} branches are too many, allowed are {MAX_FAN_OUT}"
        compilation.findings.error("definition.limit.fan_out", place, message)
    _check_names(compilation, state, place)
    branches = tuple(
        _branch(compilation, state, branch, pointer, number)
        for number, branch in enumerate(state.branches)
    )
    node = Fork(
        id=place, name=state.name, scope=pointer, branches=branches,
        needed=_needed(compilation, state, pointer),
    )  # fmt: skip
    return compilation.add(node)


def _check_names(compilation: Compilation, state: ParallelState, pointer: str) -> None:
    seen: set[str] = set()
    for number, branch in enumerate(state.branches):
        if branch.name in seen:
            message = f"two branches are called {branch.name!r}; rename one of them"
            place = f"{pointer}/{number}/name"
            compilation.findings.error("definition.name.duplicate", place, message)
        seen.add(branch.name)


def _branch(
    compilation: Compilation, state: ParallelState, given: BranchDefinition, pointer: str,
    number: int,
) -> Branch:  # fmt: skip
    place = f"{pointer}/branches/{number}"
    limits = [(f"{place}/timeouts", given.timeouts), *action_limits(compilation, state, pointer)]
    actions = ActionLowering(compilation, limits)
    return Branch(place, given.name, actions.chain(given.actions, f"{place}/actions", place))


def _needed(compilation: Compilation, state: ParallelState, pointer: str) -> int | Text | None:
    place = f"{pointer}/numCompleted"
    if state.completion_type == "allOf":
        if state.num_completed is not None:
            message = "`numCompleted` counts only with `completionType: atLeast`"
            compilation.findings.warn("definition.parallel.num_completed_unused", place, message)
        return None
    if state.num_completed is None:
        message = "`completionType: atLeast` needs `numCompleted`; say how many branches suffice"
        compilation.findings.error("definition.parallel.num_completed", pointer, message)
        return None
    value = number_of(state.num_completed)
    if value is None:
        return compilation.expressions.text(str(state.num_completed), place)
    if value != int(value) or not 1 <= value <= len(state.branches):
        message = f"`numCompleted` must be a whole number from 1 to {len(state.branches)}"
        compilation.findings.error("definition.parallel.num_completed", place, message)
        return None
    return int(value)
