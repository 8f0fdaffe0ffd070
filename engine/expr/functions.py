"""jq's functions: those whose arguments are values here, those that take expressions in
`generators`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import ceil, floor, isnan
from typing import Final

from engine.expr.access import has_key, index, iterate, keys_of
from engine.expr.arithmetic import calculated, split
from engine.expr.budget import Frame, spend, spend_on_items, spend_on_text
from engine.expr.code import Code, code_of_many, code_of_one, combine
from engine.expr.entries import from_entries, to_entries
from engine.expr.fault import failed
from engine.expr.generators import GENERATORS, extreme
from engine.expr.json_text import Value
from engine.expr.order import is_equal, is_number, kind_name, sorted_by
from engine.expr.text import describe, to_json, to_string
from engine.expr.tonumber import number_of_text
from schemas.numbers import SAFE_INTEGER, Number, as_double, magnitude


def call_of(name: str, arguments: tuple[Code, ...]) -> Code | None:
    """A call as code; None for a function that only libjq knows."""
    arity = len(arguments)
    if build := GENERATORS.get((name, arity)):
        return build(*arguments)
    if arity == 0:
        if of_input := _OF_INPUT.get(name):
            return code_of_one(of_input, 1)
        if kinds := _KIND_FILTERS.get(name):
            return _kind_filter(kinds)
    if arity == 1 and (of_argument := _OF_ARGUMENT.get(name)):
        identity = code_of_one(lambda data, _frame: data, 1)
        return combine(arguments[0], identity, of_argument)
    return None


def _kind_filter(kinds: frozenset[str]) -> Code:
    def many(data: Value, _frame: Frame) -> Iterator[Value]:
        if kind_name(data) in kinds:
            yield data

    return code_of_many(many, 1)


_KIND_FILTERS: Final[dict[str, frozenset[str]]] = {
    "nulls": frozenset({"null"}),
    "booleans": frozenset({"boolean"}),
    "numbers": frozenset({"number"}),
    "strings": frozenset({"string"}),
    "arrays": frozenset({"array"}),
    "objects": frozenset({"object"}),
    "iterables": frozenset({"array", "object"}),
    "scalars": frozenset({"null", "boolean", "number", "string"}),
    "values": frozenset({"boolean", "number", "string", "array", "object"}),
}


# ------------------------------------------------------------------ of the input alone


def _length(value: Value, _frame: Frame) -> Value:
    if value is None:
        return 0
    if isinstance(value, (str, list, dict)):
        return len(value)
    if isinstance(value, bool):
        raise failed(f"{describe(value)} has no length")
    return magnitude(value)


def _not(value: Value, _frame: Frame) -> bool:
    return value is None or value is False


def _type(value: Value, _frame: Frame) -> str:
    return kind_name(value)


def _tonumber(value: Value, _frame: Frame) -> Number:
    if is_number(value):
        return value  # type: ignore[no-any-return]
    number = number_of_text(value) if isinstance(value, str) else None
    if number is None:
        raise failed(f"{describe(value)} cannot be read as a number")
    return number


def _reverse(value: Value, frame: Frame) -> list[Value]:
    if isinstance(value, list):
        spend_on_items(frame, len(value))
        return value[::-1]
    if isinstance(value, bool) or _length(value, frame) != 0:
        raise failed(f"{describe(value)} cannot be reversed")
    return []


def _sort(value: Value, frame: Frame) -> list[Value]:
    return sorted_by(_array(value, "sorted"), None, frame)


def _unique(value: Value, frame: Frame) -> list[Value]:
    return sorted_by(_array(value, "sorted"), None, frame, unique=True)


def _min(value: Value, frame: Frame) -> Value:
    return extreme([(item, item) for item in _array(value, "searched")], -1, frame)


def _max(value: Value, frame: Frame) -> Value:
    return extreme([(item, item) for item in _array(value, "searched")], 1, frame)


def _array(value: Value, verb: str) -> list[Value]:
    if not isinstance(value, list):
        raise failed(f"{describe(value)} cannot be {verb}, as it is not an array")
    return value


def _error(value: Value, frame: Frame) -> Value:
    raise failed(to_string(value, frame)[:1_000])


def _string(value: Value, function: str) -> str:
    if not isinstance(value, str):
        raise failed(f"{function} needs a string, not {describe(value)}")
    return value


def _recased(offset: int, first: str, last: str, function: str) -> Callable[[Value, Frame], str]:
    """Only the 26 letters of ASCII change."""
    table = {code: code + offset for code in range(ord(first), ord(last) + 1)}

    def apply(value: Value, frame: Frame) -> str:
        text = _string(value, function)
        spend_on_text(frame, len(text) * 4)
        return text.translate(table)

    return apply


def _rounded(function: Callable[[float], float]) -> Callable[[Value, Frame], Value]:
    def apply(value: Value, frame: Frame) -> Value:
        if not is_number(value):
            raise failed(f"{describe(value)} is not a number")
        number = as_double(value)
        whole = number if abs(number) >= SAFE_INTEGER or isnan(number) else function(number)
        return calculated(float(whole), frame)

    return apply


def _flatten(value: Value, frame: Frame) -> list[Value]:
    flat: list[Value] = []
    for item in iterate(value, frame):
        flat += _flatten(item, frame) if isinstance(item, list) else [item]
    spend_on_items(frame, len(flat))
    return flat


_OF_INPUT: Final[dict[str, Callable[[Value, Frame], Value]]] = {
    "length": _length,
    "not": _not,
    "type": _type,
    "keys": keys_of,
    "tostring": to_string,
    "tojson": to_json,
    "tonumber": _tonumber,
    "to_entries": to_entries,
    "from_entries": from_entries,
    "reverse": _reverse,
    "sort": _sort,
    "unique": _unique,
    "min": _min,
    "max": _max,
    "first": lambda value, frame: index(value, 0, frame),
    "last": lambda value, frame: index(value, -1, frame),
    "flatten": _flatten,
    "error": _error,
    "floor": _rounded(floor),
    "ceil": _rounded(ceil),
    "ascii_downcase": _recased(32, "A", "Z", "ascii_downcase"),
    "ascii_upcase": _recased(-32, "a", "z", "ascii_upcase"),
}


# ------------------------------------------------------------------ of the input and an argument


def _join(value: Value, separator: Value, frame: Frame) -> str:
    """Strings, numbers and booleans; null counts as the empty string."""
    pieces: list[str] = []
    total = 0
    for item in iterate(value, frame):
        if pieces and separator is not None:
            pieces.append(_string(separator, "join"))
        if isinstance(item, (list, dict)):
            raise failed(f"{describe(item)} cannot be joined")
        pieces.append("" if item is None else to_string(item, frame))
        total += sum(map(len, pieces[-2:]))
        spend_on_text(frame, total)
    return "".join(pieces)


def _split(value: Value, separator: Value, frame: Frame) -> list[str]:
    return split(_string(value, "split"), _string(separator, "split"), frame)


def _startswith(value: Value, prefix: Value, _frame: Frame) -> bool:
    return _string(value, "startswith").startswith(_string(prefix, "startswith"))


def _endswith(value: Value, suffix: Value, _frame: Frame) -> bool:
    return _string(value, "endswith").endswith(_string(suffix, "endswith"))


def _ltrimstr(value: Value, prefix: Value, frame: Frame) -> str:
    text = _string(value, "ltrimstr")
    spend_on_text(frame, len(text))
    return text.removeprefix(_string(prefix, "ltrimstr"))


def _rtrimstr(value: Value, suffix: Value, frame: Frame) -> str:
    text = _string(value, "rtrimstr")
    spend_on_text(frame, len(text))
    return text.removesuffix(_string(suffix, "rtrimstr"))


def contains(whole: Value, part: Value, frame: Frame) -> bool:
    """`contains`: substrings, and arrays and objects whose members contain."""
    if _kind(whole) != _kind(part):
        raise failed(f"{describe(whole)} cannot contain {describe(part)}")
    return _contains(whole, part, frame)


def _kind(value: Value) -> str:
    return str(value) if isinstance(value, bool) else kind_name(value)


def _contains(whole: Value, part: Value, frame: Frame) -> bool:
    spend(frame, 4)
    if isinstance(whole, dict) and isinstance(part, dict):
        return all(
            key in whole and _contains(whole[key], member, frame) for key, member in part.items()
        )
    if isinstance(whole, list) and isinstance(part, list):
        return all(any(_contains(item, sought, frame) for item in whole) for sought in part)
    if isinstance(whole, str) and isinstance(part, str):
        spend_on_text(frame, len(whole))
        return part in whole
    return is_equal(whole, part, frame)


def _error_with(_value: Value, message: Value, frame: Frame) -> Value:
    return _error(message, frame)


_OF_ARGUMENT: Final[dict[str, Callable[[Value, Value, Frame], Value]]] = {
    "has": has_key,
    "in": lambda value, whole, frame: has_key(whole, value, frame),
    "nth": index,
    "join": _join,
    "split": _split,
    "startswith": _startswith,
    "endswith": _endswith,
    "ltrimstr": _ltrimstr,
    "rtrimstr": _rtrimstr,
    "contains": contains,
    "inside": lambda value, whole, frame: contains(whole, value, frame),
    "error": _error_with,
}
