"""Which CloudEvent a wait or a trigger takes: pure functions of the stream and the folded state.

Source: Serverless Workflow 0.8, "Event Definition", "Correlation Definition". Where it is silent:
the type must be equal; a source pattern may hold `+` (one path segment) and `#` (the rest); context
attributes are compared in lower case; an event without the attribute does not match.
"""

import hashlib
from collections.abc import Iterable

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
        if one.ref not in wait.received and refusal(state, one, arrived) is None:
            return one.ref
    return None


def refusal(state: ExecutionState, one: EventFilter, arrived: Arrived) -> str | None:
    """The first predicate that the CloudEvent fails, with both values; None: it passes."""
    event = arrived.event
    if event.type != one.type:
        return f"type is {event.type!r}, wanted {one.type!r}"
    if event.position <= one.after:
        return f"position is {event.position}, wanted above {one.after}"
    if not source_matches(one.source, event.source):
        return f"source is {event.source!r}, wanted {one.source!r}"
    for name, fixed in one.correlation:
        wanted = fixed if fixed is not None else state.correlation.get(name)
        given = arrived.attributes.get(name)
        if given is None:
            return f"attribute {name!r} is missing"
        if wanted is not None and given != wanted:
            return f"attribute {name!r} is {given!r}, wanted {wanted!r}"
    return None


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
        if not source_matches(definition.source, arrived.event.source):
            continue
        if _correlates(definition, constants, arrived):
            return definition.ref
    return None


def _correlates(definition: EventDefinition, constants: object, arrived: Arrived) -> bool:
    for name, template in definition.correlation:
        given = arrived.attributes.get(name)
        if given is None:
            return False
        if template is not None:
            try:
                wanted = Values({}).fill(template, {}, {"CONST": constants})
            except (ExpressionFault, Pending):
                return False
            if text_of(wanted) != given:
                return False
    return True


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
