"""Why a switch went the way it went: the condition that made the difference, and what it read."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from engine.core.timetravel.blame_reads import reads_of
from engine.core.timetravel.pointer import shown_path
from engine.model.event import Event
from engine.model.program import Case, Choose, Program
from engine.model.state import ExecutionState
from schemas.events import bodies

_BEHIND_ALL: Final = 2**31


class Decision(msgspec.Struct, frozen=True):
    """A way that a switch took: `case` (`default` for the default), `condition` (None for the
    default), what the condition read, and the state that follows (None: the end)."""

    case: str
    condition: str | None
    next: str | None
    values: Mapping[str, Any]


def decided(
    was: tuple[Program | None, Event, ExecutionState], now: tuple[Program, Event, ExecutionState]
) -> tuple[Decision, Decision]:
    """The decisions of two versions at the same switch: the first condition whose truth differs, in
    the text of each. Given are program (None: it cannot be read any more), the ChoiceTaken and the
    state before it."""
    cases, place = _taken(was[0], was[1])
    other_cases, other_place = _taken(now[0], now[1])
    first = min(place, other_place)
    return _decision(was, cases, first), _decision(now, other_cases, first)


def _taken(program: Program | None, event: Event) -> tuple[tuple[Case, ...], int]:
    """The cases of the switch, and the number of the one taken (the default: behind them)."""
    body = event.body
    assert isinstance(body, bodies.ChoiceTaken), "only a switch decides"
    for node in () if program is None else program.nodes.values():
        if isinstance(node, Choose):
            if node.default is not None and node.default.pointer == event.node:
                return node.cases, len(node.cases)
            for number, case in enumerate(node.cases):
                if case.pointer == event.node:
                    return node.cases, number
    last = event.node.rpartition("/")[2]
    return (), int(last) if last.isdigit() else _BEHIND_ALL


def _decision(
    side: tuple[Program | None, Event, ExecutionState], cases: tuple[Case, ...], number: int
) -> Decision:
    _, event, state = side
    body = event.body
    assert isinstance(body, bodies.ChoiceTaken), "only a switch decides"
    condition = cases[number].when.source if number < len(cases) else body.condition
    return Decision(body.case, condition, body.next, dict(_values(condition, event, state)))


def _values(
    condition: str | None, event: Event, state: ExecutionState
) -> Iterator[tuple[str, Any]]:
    """What the condition read of the state's data and of its variables, by path."""
    frame = state.frames.get(event.frame)
    if frame is None or condition is None:
        return
    reads = reads_of(condition)
    for path in reads.paths:
        yield shown_path(path), _at(frame.data, path)
    for name in reads.names:
        if name in frame.variables:
            yield f"${name}", frame.variables[name]


def _at(value: Any, path: tuple[str | int, ...]) -> Any:
    """The value there; None where there is nothing, as for an expression."""
    for part in path:
        if isinstance(value, dict) and isinstance(part, str):
            value = value.get(part)
        elif isinstance(value, list) and isinstance(part, int) and -len(value) <= part < len(value):
            value = value[part]
        else:
            return None
    return value
