"""Switch state -> choose, or listen with a way out for each event (DSL 0.8, "Switch State")."""

from engine.dialects.cncf_v08 import selections
from engine.dialects.cncf_v08.compilation import Compilation
from engine.dialects.cncf_v08.events import consumed
from engine.dialects.cncf_v08.exits import exit_of
from engine.dialects.cncf_v08.timeouts import event_timeout_ms
from engine.model.program import Case, Choose, Exit, Listen, Listening, Text
from schemas.dsl.cncf_v08 import DataCondition, EventCondition, SwitchState


def lower(compilation: Compilation, state: SwitchState, pointer: str) -> str | None:
    """The state's first node. None: a fault was reported."""
    default = _default(compilation, state, pointer)
    if (state.data_conditions is None) == (state.event_conditions is None):
        message = "a switch has exactly one of dataConditions and eventConditions"
        compilation.findings.error("definition.switch.conditions", pointer, message)
        return None
    if state.data_conditions is not None:
        return _on_data(compilation, state, state.data_conditions, default, pointer)
    return _on_events(compilation, state, state.event_conditions or [], default, pointer)


def _default(compilation: Compilation, state: SwitchState, pointer: str) -> Exit | None:
    given = state.default_condition
    if given is None:
        return None
    place = f"{pointer}/defaultCondition"
    return exit_of(compilation, pointer, given.transition, given.end, place)


def _on_data(
    compilation: Compilation, state: SwitchState, conditions: list[DataCondition],
    default: Exit | None, pointer: str,
) -> str:  # fmt: skip
    if default is None:
        compilation.findings.warn(
            "definition.relaxed.default_condition",
            pointer,
            "there is no `defaultCondition`: when no condition is true, the execution fails with"
            " switch.no_match",
        )
    cases = tuple(
        _case(compilation, condition, pointer, number)
        for number, condition in enumerate(conditions)
    )
    place = f"{pointer}/dataConditions"
    return compilation.add(
        Choose(id=place, name=state.name, scope=pointer, cases=cases, default=default)
    )


def _case(compilation: Compilation, given: DataCondition, state: str, number: int) -> Case:
    pointer = f"{state}/dataConditions/{number}"
    when = compilation.expressions.text(given.condition, f"{pointer}/condition")
    way = exit_of(compilation, state, given.transition, given.end, pointer)
    return Case(given.name or str(number + 1), when or Text("false"), way, pointer)


def _on_events(
    compilation: Compilation, state: SwitchState, conditions: list[EventCondition],
    default: Exit | None, pointer: str,
) -> str:  # fmt: skip
    timeout_ms = event_timeout_ms(compilation, state, pointer)
    if default is None and timeout_ms is not None:
        message = "the wait has a time limit but no `defaultCondition`; add one to say what follows"
        compilation.findings.error("definition.switch.default_required", pointer, message)
    entries = tuple(
        _entry(compilation, condition, pointer, number)
        for number, condition in enumerate(conditions)
    )
    node = Listen(
        id=f"{pointer}/eventConditions", name=state.name, scope=pointer, mode="any",
        entries=entries, timeout_ms=timeout_ms, on_timeout=default,
    )  # fmt: skip
    return compilation.add(node)


def _entry(compilation: Compilation, given: EventCondition, state: str, number: int) -> Listening:
    pointer = f"{state}/eventConditions/{number}"
    event = consumed(compilation, given.event_ref, f"{pointer}/eventRef")
    return Listening(
        id=pointer, name=given.name or given.event_ref, events=(event,) if event else (),
        selection=selections.of_payload(compilation, given.event_data_filter, pointer),
        exit=exit_of(compilation, state, given.transition, given.end, pointer),
    )  # fmt: skip
