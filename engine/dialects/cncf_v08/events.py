"""Event definitions -> what a wait accepts, and what an exit publishes."""

import re
from typing import Any, Final
from urllib.parse import quote

from engine.dialects.cncf_v08.compilation import Compilation
from engine.expr import ExpressionFault, compile_expression, unwrap
from engine.model.program import Emission, EventDefinition, Template
from schemas.dsl.cncf_v08 import EventDefinition as Given
from schemas.dsl.cncf_v08 import ProducedEvent

_ATTRIBUTE: Final = re.compile(r"[a-z0-9]+")
_RESERVED: Final = frozenset({
    "id", "source", "type", "specversion", "time", "subject", "datacontenttype", "dataschema",
    "data", "database64",
})  # fmt: skip


def consumed(compilation: Compilation, name: str, pointer: str) -> EventDefinition | None:
    """The event that a state waits for. None: a fault was reported."""
    found = compilation.events.located(name, pointer)
    if found is None:
        return None
    definition_pointer, given = found
    if given.kind == "produced":
        message = f"the event {name!r} is of kind produced; only a consumed one can be waited for"
        compilation.findings.error("definition.event.kind", pointer, message)
        return None
    _check_source(compilation, given, definition_pointer)
    return EventDefinition(
        ref=name, type=given.type, source=given.source or None,
        correlation=_correlation(compilation, given, definition_pointer),
        data_only=given.data_only is not False,
    )  # fmt: skip


def _check_source(compilation: Compilation, given: Given, pointer: str) -> None:
    if given.source is None:
        compilation.findings.warn(
            "definition.relaxed.event_source",
            pointer,
            f"the event {given.name!r} names no `source`; it is accepted from any",
        )


def _correlation(
    compilation: Compilation, given: Given, pointer: str
) -> tuple[tuple[str, Template | None], ...]:
    rules: dict[str, Template | None] = {}
    for number, rule in enumerate(given.correlation or ()):
        place = f"{pointer}/correlation/{number}"
        name = attribute_name(
            compilation, rule.context_attribute_name, f"{place}/contextAttributeName"
        )
        if name in rules:
            message = f"the attribute {name!r} is there already; remove one of the two"
            compilation.findings.error("definition.event.correlation", place, message)
        elif name is not None:
            rules[name] = _wanted_value(compilation, rule.context_attribute_value, place)
    return tuple(rules.items())


def _wanted_value(compilation: Compilation, value: str | None, pointer: str) -> Template | None:
    if value is None:
        return None
    return compilation.expressions.template(value, f"{pointer}/contextAttributeValue")


def check_known_at_start(compilation: Compilation, name: str, pointer: str) -> None:
    """A start event's correlation values must be known before there is any data: fixed, or computed
    from constants alone."""
    found = compilation.events.located(name, pointer)
    if found is None:
        return
    place, given = found
    constants = {"CONST": compilation.sections.constants}
    for number, rule in enumerate(given.correlation or ()):
        program = unwrap(rule.context_attribute_value or "")
        if program is not None and not _is_known(program, constants):
            compilation.findings.error(
                "definition.event.correlation",
                f"{place}/correlation/{number}/contextAttributeValue",
                f"the event {name!r} starts executions, so there is no data yet that this value"
                " could come from; write a fixed one, or one of $CONST",
            )


def _is_known(program: str, variables: dict[str, Any]) -> bool:
    try:
        closure = compile_expression(program).closure
        outputs = closure({}, variables) if closure is not None else []
    except ExpressionFault:
        return False
    return len(outputs) == 1 and isinstance(outputs[0], str | int | float)


def attribute_name(compilation: Compilation, given: str, pointer: str) -> str | None:
    """The name of a context attribute in lower case. None: a fault was reported."""
    name = given.lower()
    if not _ATTRIBUTE.fullmatch(name):
        message = f"{given!r:.60} is no context attribute; CloudEvents allows letters and digits"
        compilation.findings.error("definition.event.attribute", pointer, message)
        return None
    if name != given:
        compilation.findings.warn(
            "definition.relaxed.attribute_case",
            pointer,
            f"CloudEvents attributes are lower-case: {given!r} is read as {name!r}",
        )
    return name


def emissions(
    compilation: Compilation, given: list[ProducedEvent] | None, pointer: str
) -> tuple[Emission, ...]:
    """The CloudEvents that `produceEvents` names."""
    made = (
        _emission(compilation, event, f"{pointer}/produceEvents/{number}")
        for number, event in enumerate(given or ())
    )
    return tuple(one for one in made if one is not None)


def _emission(compilation: Compilation, event: ProducedEvent, pointer: str) -> Emission | None:
    found = compilation.events.located(event.event_ref, f"{pointer}/eventRef")
    if found is None:
        return None
    definition_pointer, given = found
    _check_kind(compilation, given, definition_pointer, f"{pointer}/eventRef")
    data: Template | None = None
    if isinstance(event.data, str):
        data = compilation.expressions.whole(event.data, f"{pointer}/data")
    elif event.data is not None:
        data = compilation.expressions.template(event.data, f"{pointer}/data")
    return Emission(
        ref=given.name, type=given.type,
        source=_source(compilation, given, definition_pointer), data=data,
        extensions=_extensions(compilation, event, f"{pointer}/contextAttributes"),
        pointer=pointer,
    )  # fmt: skip


def _check_kind(compilation: Compilation, given: Given, place: str, pointer: str) -> None:
    if given.kind == "consumed":
        message = f"the event {given.name!r} is of kind consumed; only a produced one can be sent"
        compilation.findings.error("definition.event.kind", pointer, message)
    elif given.kind is None:
        compilation.findings.warn(
            "definition.relaxed.event_kind", place,
            f"the event {given.name!r} is produced; say so with `kind: produced`",
        )  # fmt: skip


def _source(compilation: Compilation, given: Given, pointer: str) -> str:
    """The `source` of what is produced: as defined, else the workflow's own."""
    if not given.source:
        workflow = compilation.workflow
        return f"/workflows/{quote(workflow.id or workflow.key or '', safe='')}"
    if any(char.isspace() or not char.isprintable() for char in given.source):
        message = f"{given.source!r:.60} is no URI; CloudEvents wants one as source of an event"
        compilation.findings.error("definition.event.source", f"{pointer}/source", message)
    return given.source


def _extensions(
    compilation: Compilation, event: ProducedEvent, pointer: str
) -> tuple[tuple[str, Template], ...]:
    made: dict[str, Template] = {}
    for given, value in (event.context_attributes or {}).items():
        name = attribute_name(compilation, given, f"{pointer}/{given}")
        if name is None:
            continue
        if name in _RESERVED or name in made:
            message = f"{given!r} cannot be set here; choose the name of another attribute"
            compilation.findings.error("definition.event.attribute", f"{pointer}/{given}", message)
        else:
            made[name] = compilation.expressions.template(value, f"{pointer}/{given}")
    return tuple(made.items())
