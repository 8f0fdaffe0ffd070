"""Which CloudEvent a wait or a trigger takes: pure functions of the stream and the folded state.

Source: Serverless Workflow 0.8, "Event Definition", "Correlation Definition". Where it is silent:
the type must be equal; a source pattern may hold `+` (one path segment) and `#` (the rest); context
attributes are compared in lower case; an event without the attribute does not match.
"""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Literal

import msgspec

from engine.core.values import Pending, Values
from engine.expr import ExpressionFault
from engine.model.command import Arrived
from engine.model.program import EventDefinition, Trigger
from engine.model.state import ExecutionState, Wait
from schemas.events.parts import EventFilter
from schemas.json_text import dumps


def source_matches(pattern: str | None, source: str) -> bool:
    """Whether a CloudEvent's source fits the pattern of an event definition."""
    if pattern is None or pattern == source:
        return True
    if "+" not in pattern and "#" not in pattern:
        return False
    wanted, given = pattern.split("/"), source.split("/")
    for number, part in enumerate(wanted):
        if part == "#" and number == len(wanted) - 1:
            return True
        if number >= len(given) or part not in ("+", given[number]):
            return False
    return len(wanted) == len(given)


def accepting(state: ExecutionState, wait: Wait, arrived: Arrived) -> str | None:
    """The event definition (ref) of the wait that takes this CloudEvent, None if none does."""
    if arrived.event.position in wait.taken:
        return None
    for one in wait.filters:
        if one.ref not in wait.received and first_failed(state, one, arrived) is None:
            return one.ref
    return None


class Predicate(msgspec.Struct, frozen=True):
    """One thing that a filter asks of a CloudEvent, with both values. `wanted` of an attribute is
    None where any value will do; `given` is None where the CloudEvent has no such attribute.
    `wanted` of the position is the one that it must be above."""

    kind: Literal["type", "position", "source", "attribute"]
    wanted: str | int | None
    given: str | int | None
    passed: bool
    name: str = ""

    @property
    def text(self) -> str:
        """What was given and what was wanted, as a clause."""
        if self.kind == "position":
            return f"position is {self.given}, wanted above {self.wanted}"
        subject = f"attribute {self.name!r}" if self.kind == "attribute" else self.kind
        if self.given is None:
            return f"{subject} is missing"
        return f"{subject} is {self.given!r}, wanted {self.wanted!r}"


def predicates(state: ExecutionState, one: EventFilter, arrived: Arrived) -> Iterator[Predicate]:
    """All that the filter asks, in the order in which it is asked."""
    event = arrived.event
    yield Predicate("type", one.type, event.type, event.type == one.type)
    yield Predicate("position", one.after, event.position, event.position > one.after)
    if one.source is not None:
        fits = source_matches(one.source, event.source)
        yield Predicate("source", one.source, event.source, fits)
    for name, fixed in one.correlation:
        yield attribute_predicate(name, wanted_value(state, name, fixed), arrived)


def wanted_value(state: ExecutionState, name: str, fixed: str | None) -> str | None:
    """The value that a correlation attribute must have: the filter's own, else the one that the
    execution has fixed; None: any."""
    return fixed if fixed is not None else state.correlation.get(name)


def attribute_predicate(name: str, wanted: str | None, arrived: Arrived) -> Predicate:
    """A correlation attribute: it must be there, with the wanted value if there is one."""
    given = arrived.attributes.get(name)
    passed = given is not None and wanted in (None, given)
    return Predicate("attribute", wanted, given, passed, name)


def first_failed(state: ExecutionState, one: EventFilter, arrived: Arrived) -> Predicate | None:
    """The first predicate that the CloudEvent fails; None: it passes."""
    return next((each for each in predicates(state, one, arrived) if not each.passed), None)


def refusal(state: ExecutionState, one: EventFilter, arrived: Arrived) -> str | None:
    """The first predicate that the CloudEvent fails, with both values; None: it passes."""
    failed = first_failed(state, one, arrived)
    return None if failed is None else failed.text


def fixed_correlation(
    state: ExecutionState, one: EventFilter | EventDefinition, arrived: Arrived
) -> dict[str, str]:
    """Attribute values that taking this CloudEvent fixes for the execution."""
    return {
        name: arrived.attributes[name]
        for name, value in one.correlation
        if value is None and name not in state.correlation and name in arrived.attributes
    }


def trigger_accepts(trigger: Trigger, constants: object, arrived: Arrived) -> str | None:
    """The event definition (ref) of the trigger that this CloudEvent satisfies, None if none."""
    for definition in trigger.events:
        if definition.type != arrived.event.type:
            continue
        if all(one.passed for one in trigger_predicates(definition, constants, arrived)):
            return definition.ref
    return None


def trigger_predicates(
    definition: EventDefinition, constants: object, arrived: Arrived
) -> Iterator[Predicate]:
    """All that an event definition of a trigger asks, in the order in which it is asked. A value
    that cannot be computed is met by none."""
    event = arrived.event
    yield Predicate("type", definition.type, event.type, event.type == definition.type)
    if definition.source is not None:
        fits = source_matches(definition.source, event.source)
        yield Predicate("source", definition.source, event.source, fits)
    for name, template in definition.correlation:
        if template is None:
            yield attribute_predicate(name, None, arrived)
            continue
        try:
            wanted = text_of(Values({}).fill(template, {}, {"CONST": constants}))
        except (ExpressionFault, Pending):
            unknown = "(an expression without a value)"
            yield Predicate("attribute", unknown, arrived.attributes.get(name), False, name)
        else:
            yield attribute_predicate(name, wanted, arrived)


def text_of(value: object) -> str:
    """A value as the text of a context attribute: a text as it is, anything else as JSON."""
    return value if isinstance(value, str) else dumps(value).decode()


def gathering_key(trigger: Trigger, arrived: Arrived) -> bytes:
    """The key under which CloudEvents of a start that needs several are gathered: the values of the
    correlation attributes that all its event definitions share."""
    shared = set.intersection(*(set(_open_names(definition)) for definition in trigger.events))
    pairs = (f"{name}\0{arrived.attributes.get(name, '')}" for name in sorted(shared))
    return hashlib.sha256("\0\0".join(pairs).encode()).digest()[:16]


def _open_names(definition: EventDefinition) -> Iterable[str]:
    return (name for name, value in definition.correlation if value is None)
