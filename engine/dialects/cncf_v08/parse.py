"""The shape check: from the value of a document to the model of it, every fault of shape at once.

A part with a fault is taken out (what stands in for it keeps its name and number), so that the
checks that follow still judge the rest, and say nothing that follows from the fault alone.
"""

from difflib import get_close_matches
from itertools import islice
from typing import Any, Final

import msgspec
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from engine.dialects.cncf_v08.findings import Findings
from engine.dialects.cncf_v08.shape import Location, is_mark, members_at
from engine.dialects.source import escape
from schemas.dsl.cncf_v08 import STATE_TYPES, Workflow

_COMPARED_KEYS: Final = 50
_WORDS: Final = {
    "<text>": "a text", "<object>": "an object", "<list>": "a list", "<flag>": "true or false",
    "<number>": "a number", "<null>": "null",
}  # fmt: skip
_WANTED: Final = {
    "string_type": "a text", "bool_type": "true or false", "list_type": "a list",
    "model_type": "an object", "dict_type": "an object", "float_type": "a number",
    "int_type": "a whole number",
}  # fmt: skip
_PLACEHOLDERS: Final[dict[str, dict[str, Any]]] = {
    "states": {"type": "inject", "data": {}, "end": True},
    "functions": {"type": "custom"},
    "events": {"type": "unknown", "source": ""},
    "retries": {"maxAttempts": 1},
    "errors": {},
}


class Shape(msgspec.Struct, frozen=True):
    """The model of a document, and the members at its top that were left out for their faults."""

    workflow: Workflow
    broken: frozenset[str] = frozenset()


def read_workflow(value: Any, findings: Findings) -> Shape | None:
    """The model of a document whose values were evened out. None: nothing more can be judged. What
    has a fault is reported, and replaced in `value`."""
    if not isinstance(value, dict):
        findings.error(
            "definition.shape.type", "", "a definition is an object with `id` and `states`"
        )
        return None
    try:
        return Shape(Workflow.model_validate(value))
    except ValidationError as error:
        faults = error.errors(include_url=False)
    for fault in faults:
        _report(fault, value, findings, "")
    before = set(value)
    for fault in faults:
        _take_out(fault, value, findings)
    try:
        return Shape(Workflow.model_validate(value), frozenset(before - set(value)))
    except ValidationError:
        return None


def read_section(value: Any, section: str, model: Any, findings: Findings, uri: str) -> Any:
    """The definitions that a resource holds, or None with the faults reported."""
    try:
        return TypeAdapter(model).validate_python(value)
    except ValidationError as error:
        for fault in error.errors(include_url=False):
            inside: Any = {**fault, "loc": (section, *fault["loc"])}
            _report(inside, {section: value}, findings, f"{uri}#")
        return None


def _report(fault: ErrorDetails, value: Any, findings: Findings, prefix: str) -> None:
    kind, location = fault["type"], fault["loc"]
    pointer = prefix + _pointer(location)
    name = str(location[-1])
    if kind == "missing":
        around = prefix + _pointer(location[:-1])
        hint = _misspelled(name, _found(value, location[:-1]), members_at(location[:-1]))
        findings.error("definition.shape.required", around, f"`{name}` is missing; {hint}")
    elif kind == "extra_forbidden":
        hint = findings.suggestion(name, members_at(location[:-1]))
        message = f"`{name:.60}` is not a member of {_owner(location)}; {hint}"
        findings.error("definition.shape.unknown_property", pointer, message, at_key=True)
    elif kind in ("union_tag_invalid", "union_tag_not_found"):
        _report_alternative(fault, _found(value, location), findings, pointer)
    elif kind == "literal_error":
        _report_choice(fault, findings, pointer)
    elif kind in ("too_short", "string_too_short"):
        findings.error("definition.shape.empty", pointer, f"{_named(location)} is empty; fill it")
    elif kind in ("string_too_long", "string_pattern_mismatch"):
        message = f"{_named(location)} must be 1 to 256 characters without control characters"
        findings.error("definition.shape.name", pointer, message)
    else:
        wanted = _WANTED.get(kind, fault["msg"])
        findings.error("definition.shape.type", pointer, f"{_named(location)} must be {wanted}")


def _misspelled(name: str, around: Any, known: list[str]) -> str:
    """What to do about a missing member: there may be one that was meant to be it."""
    given = around if isinstance(around, dict) else {}
    unknown = [key for key in islice(given, _COMPARED_KEYS) if key not in known and len(key) < 64]
    near = get_close_matches(name, unknown, n=1, cutoff=0.7)
    return f"rename `{near[0]}`, which has no meaning here" if near else "add it"


def _report_alternative(fault: ErrorDetails, value: Any, findings: Findings, pointer: str) -> None:
    """A value of a kind that has no place here, or a state whose type is not known."""
    wanted = fault["ctx"].get("expected_tags", "").replace("'", "").split(", ")
    if fault["loc"][-2:-1] == ("states",) and isinstance(value, dict):
        if "type" not in value:
            findings.error("definition.shape.required", pointer, "`type` of the state is missing")
            return
        hint = _near(value["type"], STATE_TYPES, findings)
        message = f"{value['type']!r:.60} is no type of state; {hint}"
        findings.error("definition.shape.value", f"{pointer}/type", message)
        return
    words = [_WORDS[tag] for tag in wanted if tag in _WORDS] or ["an object"]
    message = f"{_named(fault['loc'])} must be {' or '.join(words)}"
    findings.error("definition.shape.type", pointer, message)


def _report_choice(fault: ErrorDetails, findings: Findings, pointer: str) -> None:
    choices = fault["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", ")
    hint = _near(fault["input"], choices, findings)
    message = f"{_named(fault['loc'])} is {fault['input']!r:.60}; {hint}"
    findings.error("definition.shape.value", pointer, message)


def _near(value: Any, choices: Any, findings: Findings) -> str:
    return (
        findings.suggestion(value, choices)
        if isinstance(value, str)
        else f"use {', '.join(choices)}"
    )


def _named(location: Location) -> str:
    return next((f"`{part}`" for part in reversed(_real(location)) if isinstance(part, str)), "it")


def _owner(location: Location) -> str:
    names = [part for part in _real(location)[:-1] if isinstance(part, str)]
    if names[-1:] == ["states"]:
        return f"a state of type {str(location[-2]).strip('<>')}"
    return f"`{names[-1]}`" if names else "a workflow"


def _real(location: Location) -> Location:
    return tuple(part for part in location if not is_mark(part))


def _pointer(location: Location) -> str:
    return "".join(f"/{escape(part)}" for part in _real(location))


def _found(value: Any, location: Location) -> Any:
    for part in _real(location):
        in_list = isinstance(value, list) and isinstance(part, int) and part < len(value)
        if not in_list and not (isinstance(value, dict) and part in value):
            return None
        value = value[part]
    return value


def _take_out(fault: ErrorDetails, value: dict[str, Any], findings: Findings) -> None:
    location = _real(fault["loc"])
    section = str(location[0])
    if fault["type"] == "extra_forbidden":
        parent = _found(value, location[:-1])
        if isinstance(parent, dict):
            parent.pop(location[-1], None)
    elif len(location) > 1 and section in _PLACEHOLDERS and isinstance(location[1], int):
        _replace(value[section], section, location[1], findings)
    elif section != "states":
        value.pop(section, None)


def _replace(items: list[Any], section: str, number: int, findings: Findings) -> None:
    name = items[number].get("name") if isinstance(items[number], dict) else None
    known = name if isinstance(name, str) and name else f"<{section} {number}>"
    items[number] = {"name": known, **_PLACEHOLDERS[section]}
    findings.mute(f"/{section}/{number}")
