"""By what an execution is found: its labels, and the scalars of its input and output.

Every scalar has a place: `input` or `output`, then the way to it. A number in brackets is one
element of an array, empty brackets are any of its elements. Numbers are equal by their decimal
value, whatever their text: `1`, `1.0` and `10e-1` are one, and no digit is lost.
"""

import hashlib
import re
from collections.abc import Iterator
from decimal import MAX_EMAX, MAX_PREC, MIN_EMIN, Context, DecimalException
from typing import Any
from uuid import UUID

import msgspec

from engine.ports.rows import EventRow
from projections.views.changes import Changes, Notes
from schemas.events.bodies import ExecutionStarted
from schemas.json_text import loads
from schemas.numbers import as_decimal

MAX_SCALARS = 64
"""So many scalars of an input, and of an output, are found by; in order of their text."""

MAX_DEPTH = 32
"""Nothing inside deeper objects and arrays is found by."""

MAX_STEPS = 10_000
"""So many values of an input or output are looked at."""

_EXACT = Context(prec=MAX_PREC, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[])
_PLAIN_MEMBER = re.compile(r"[^.\[\]\"=\s]+")
_STEP = re.compile(r"\[(\d{0,9})\]|\[(\"(?:[^\"\\]|\\.)*\")\]|(?:^|\.)([^.\[\]\"]+)")


class BadCondition(ValueError):
    """A condition that is not of the form PATH=VALUE; the message says what is wrong."""


def _started(changes: Changes, row: EventRow, body: ExecutionStarted) -> None:
    for name, value in body.labels.items():
        changes.found[label_key(row.namespace, name, value), row.execution_id] = True
    holds(changes, row.namespace, row.execution_id, "input", body.input)


NOTES: Notes = {ExecutionStarted: _started}
"""What an execution is found by from its start on."""


def holds(
    changes: Changes,
    namespace: str,
    execution_id: UUID,
    side: str,
    value: Any,
    *,
    still: bool = True,
) -> None:
    """What it is found by on this side (`input`, `output`). `still` False: no longer."""
    for key in keys_of(namespace, side, value):
        changes.found[key, execution_id] = still


def keys_of(namespace: str, side: str, value: Any) -> set[int]:
    """The keys of the first scalars of a value."""
    keys: set[int] = set()
    for count, (places, scalar) in enumerate(_scalars(value)):
        if count == MAX_SCALARS:
            break
        text = _canonical(scalar)
        keys.update(_hashed(namespace, side + place, text) for place in places)
    return keys


def label_key(namespace: str, name: str, value: str) -> int:
    """The key of a label."""
    return _hashed(namespace, f"label {name}", value)


def condition_key(namespace: str, condition: str) -> int:
    """The key that `PATH=VALUE` asks for. PATH: `input.customer.id`, `output.items[0].sku`,
    `input.tags[]`, `input["a.b"]`. VALUE: a JSON scalar, or any other text as it stands. Raises
    BadCondition."""
    path, value = _parted(condition)
    side, place = _read_path(path)
    return _hashed(namespace, side + place, _canonical(_read_value(value)))


def _parted(condition: str) -> tuple[str, str]:
    """Path and value, parted at the first `=` that is not inside quotes."""
    quoted, escaped = False, False
    for at, letter in enumerate(condition):
        if letter == '"' and not escaped:
            quoted = not quoted
        if letter == "=" and not quoted:
            return condition[:at].strip(), condition[at + 1 :].strip()
        escaped = quoted and letter == "\\" and not escaped
    raise BadCondition(f"{condition[:80]!r} has no `=`; write PATH=VALUE, as input.customer.id=42")


def _read_path(path: str) -> tuple[str, str]:
    side = re.match(r"input|output", path)
    rest = "" if side is None else path[side.end() :]
    if side is None or (rest and rest[0] not in ".["):
        raise BadCondition(f"{path[:80]!r} begins neither with `input` nor with `output`")
    place, at, is_any, is_one = "", 0, False, False
    while at < len(rest):
        step = _STEP.match(rest, at)
        if step is None or (step[3] is not None and rest[at] != "."):
            raise BadCondition(
                f"{path[:80]!r} is not a path; write members behind dots, numbers (or nothing, for"
                ' any element) in brackets, and odd names as ["a.b"]'
            )
        place += _place_of_step(step)
        is_any |= step[1] == ""
        is_one |= bool(step[1])
        at = step.end()
    if is_any and is_one:
        raise BadCondition(
            f"{path[:80]!r} names one element here and any there; values are kept by the numbers of"
            " all their elements, and by none: write all brackets empty, or none"
        )
    return side[0], place


def _place_of_step(step: re.Match[str]) -> str:
    if step[3] is not None:
        return _member(step[3])
    if step[2] is None:
        return f"[{int(step[1])}]" if step[1] else "[]"
    try:
        name = loads(step[2])
    except msgspec.DecodeError:
        raise BadCondition(f"{step[2][:80]} is not a JSON string") from None
    return _member(name)


def _read_value(text: str) -> Any:
    try:
        value = loads(text)
    except (msgspec.DecodeError, ValueError):
        return text
    if isinstance(value, dict | list):
        raise BadCondition(f"{text[:80]} is no scalar: name a place inside it")
    return value


def _scalars(value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Each scalar with its places (the exact one, and where it lies in arrays the one with empty
    brackets), in order, down to the limits."""
    waiting: list[tuple[str, str, int, Any]] = [("", "", 0, value)]
    for _ in range(MAX_STEPS):
        if not waiting:
            return
        exact, loose, depth, one = waiting.pop()
        if isinstance(one, dict | list):
            if depth < MAX_DEPTH:
                waiting += reversed(list(_inside(exact, loose, depth + 1, one)))
        else:
            yield ((exact,) if exact == loose else (exact, loose)), one


def _inside(
    exact: str, loose: str, depth: int, value: dict[str, Any] | list[Any]
) -> Iterator[tuple[str, str, int, Any]]:
    if isinstance(value, list):
        for at, one in enumerate(value[:MAX_STEPS]):
            yield f"{exact}[{at}]", f"{loose}[]", depth, one
    else:
        for name, one in value.items():
            step = _member(name)
            yield exact + step, loose + step, depth, one


def _member(name: str) -> str:
    """One form for each name, whichever way it was written."""
    return f".{name}" if _PLAIN_MEMBER.fullmatch(name) else f".{name!r}"


def _canonical(scalar: Any) -> str:
    """One text for each JSON scalar."""
    if isinstance(scalar, str):
        return f"s{scalar}"
    if scalar is None or isinstance(scalar, bool):
        return f"k{scalar}"
    if type(scalar) is int:
        return f"n{_digits(str(scalar), 0)}"
    try:
        sign, digits, exponent = _EXACT.plus(as_decimal(scalar)).as_tuple()
    except (DecimalException, ValueError):
        return f"n{scalar}"
    if not isinstance(exponent, int):
        return f"n{scalar}"
    return f"n{_digits(('-' if sign else '') + ''.join(map(str, digits)), exponent)}"


def _digits(text: str, exponent: int) -> str:
    short = text.rstrip("0")
    if short in ("", "-"):
        return "0"
    exponent += len(text) - len(short)
    return f"{short}e{exponent}" if exponent else short


def _hashed(namespace: str, place: str, text: str) -> int:
    whole = f"{namespace} {len(place)} {place}{text}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(whole, digest_size=8).digest(), "big", signed=True)
