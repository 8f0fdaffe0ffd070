"""Limits in time: the most specific definition wins (DSL 0.8, "Workflow Timeouts")."""

from typing import Final

from engine.dialects.cncf_v08.compilation import Compilation
from schemas.dsl.cncf_v08 import State, Timeouts

_WITH_ACTIONS: Final = frozenset({"event", "operation", "parallel", "foreach", "callback"})
_WITH_EVENTS: Final = frozenset({"event", "switch", "callback"})


def action_limits(
    compilation: Compilation, state: State, pointer: str
) -> list[tuple[str, Timeouts | None]]:
    """Where an actionExecTimeout may stand for the actions of a state, inner first."""
    sections = compilation.sections
    return [
        (f"{pointer}/timeouts", state.timeouts),
        (sections.pointers["timeouts"], sections.timeouts),
    ]


def event_timeout_ms(compilation: Compilation, state: State, pointer: str) -> int | None:
    """How long a state waits for events. None: without limit."""
    for place, given in action_limits(compilation, state, pointer):
        if given is not None and given.event_timeout is not None:
            return compilation.duration_ms(given.event_timeout, f"{place}/eventTimeout")
    return None


def check_places(compilation: Compilation, state: State, kind: str, pointer: str) -> None:
    """A limit that says nothing about its state is pointed out."""
    if state.timeouts is None:
        return
    misplaced = []
    if state.timeouts.action_exec_timeout is not None and kind not in _WITH_ACTIONS:
        misplaced.append("actionExecTimeout")
    waits = kind in _WITH_EVENTS and getattr(state, "data_conditions", None) is None
    if state.timeouts.event_timeout is not None and not waits:
        misplaced.append("eventTimeout")
    for name in misplaced:
        compilation.findings.warn(
            "definition.timeout.unused",
            f"{pointer}/timeouts/{name}",
            f"`{name}` means nothing in a state of type {kind}; remove it",
        )
