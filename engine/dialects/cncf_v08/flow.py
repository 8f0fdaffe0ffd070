"""Where executions begin, and whether every state can be reached from there."""

from engine.dialects.cncf_v08.compilation import Compilation
from schemas.dsl.cncf_v08 import StartObject


def start_of(compilation: Compilation) -> str:
    """The id of the first state: the one that `start` names, else the first in the text."""
    given = compilation.workflow.start
    if given is None:
        return "/states/0"
    name, pointer = given, "/start"
    if isinstance(given, StartObject):
        name, pointer = given.state_name, "/start/stateName"
    found = compilation.states.located(str(name), pointer)
    if found is None:
        compilation.lost.add("/states/0")
        return "/states/0"
    return found[0]


def check_reachable(compilation: Compilation, start: str) -> None:
    """Report states that no way leads to; none where a way is lost that might lead to them."""
    todo = [start, *_run_before(compilation)]
    reached = set(todo)
    while todo:
        for target in compilation.ways.get(todo.pop(), ()):
            if target not in reached:
                reached.add(target)
                todo.append(target)
    if reached & compilation.lost:
        return
    for number, state in enumerate(compilation.workflow.states):
        pointer = f"/states/{number}"
        if pointer not in reached and not state.used_for_compensation:
            message = f"no way leads to the state {state.name!r}; add a transition or remove it"
            compilation.findings.error("definition.state.unreachable", pointer, message)


def _run_before(compilation: Compilation) -> list[str]:
    """The state that a workflow timeout names: it needs no way to it."""
    timeout = compilation.sections.timeouts.workflow_exec_timeout
    name = timeout.get("runBefore") if isinstance(timeout, dict) else None
    if not isinstance(name, str):
        return []
    pointer = f"{compilation.sections.pointers['timeouts']}/workflowExecTimeout/runBefore"
    found = compilation.states.located(name, pointer)
    return [] if found is None else [found[0]]
