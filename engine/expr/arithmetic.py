"""jq's operators on two values: `+ - * / %`, on numbers as IEEE doubles, and on the rest."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan
from typing import Final

from engine.expr.budget import OVERFLOWED, Frame, spend, spend_on_items, spend_on_text
from engine.expr.fault import ExpressionFault, failed
from engine.expr.json_text import Value
from engine.expr.order import is_equal, is_number
from engine.expr.text import describe
from schemas.numbers import SAFE_INTEGER, ComputedNumber, Number, as_double, computed

_LARGEST_INT64: Final = 2**63 - 1
_INFINITY: Final = float("inf")


def calculated(value: float, frame: Frame) -> Number:
    """A calculated double as a value; remembers in the frame when it left the range."""
    if value - value != 0.0:
        frame[OVERFLOWED] = True
        return ComputedNumber(value)
    return computed(value)


def _mismatch(left: Value, right: Value, verb: str) -> ExpressionFault:
    return failed(f"{describe(left)} and {describe(right)} cannot be {verb}")


def add(left: Value, right: Value, frame: Frame) -> Value:
    """Numbers, strings, arrays, objects (the right one wins); null adds nothing."""
    if type(left) is int and type(right) is int:
        total = left + right
        if -SAFE_INTEGER < left < SAFE_INTEGER and -SAFE_INTEGER < right < SAFE_INTEGER:
            return total if -SAFE_INTEGER < total < SAFE_INTEGER else computed(float(total))
    if left is None:
        return right
    if right is None:
        return left
    if is_number(left) and is_number(right):
        return calculated(as_double(left) + as_double(right), frame)
    if isinstance(left, str) and isinstance(right, str):
        spend_on_text(frame, len(left) + len(right))
        return left + right
    if isinstance(left, list) and isinstance(right, list):
        spend_on_items(frame, len(left) + len(right))
        return left + right
    if isinstance(left, dict) and isinstance(right, dict):
        spend_on_items(frame, len(left) + len(right))
        spend(frame, (len(left) + len(right)) >> 2)
        return left | right
    raise _mismatch(left, right, "added")


def subtract(left: Value, right: Value, frame: Frame) -> Value:
    """Numbers; or an array without all elements that the right one has."""
    if type(left) is int and type(right) is int:
        rest = left - right
        if -SAFE_INTEGER < left < SAFE_INTEGER and -SAFE_INTEGER < right < SAFE_INTEGER:
            return rest if -SAFE_INTEGER < rest < SAFE_INTEGER else computed(float(rest))
    if is_number(left) and is_number(right):
        return calculated(as_double(left) - as_double(right), frame)
    if isinstance(left, list) and isinstance(right, list):
        spend(frame, len(left) * len(right))
        return [item for item in left if not any(is_equal(item, other, frame) for other in right)]
    raise _mismatch(left, right, "subtracted")


def multiply(left: Value, right: Value, frame: Frame) -> Value:
    """Numbers; a string repeated; or objects merged level by level (the right one wins)."""
    if type(left) is int and type(right) is int and left > 0 and 0 < right < SAFE_INTEGER:
        product = left * right
        if product < SAFE_INTEGER:
            return product
    if is_number(left) and is_number(right):
        return calculated(as_double(left) * as_double(right), frame)
    if isinstance(left, str) and is_number(right):
        return _repeat(left, as_double(right), frame)
    if is_number(left) and isinstance(right, str):
        return _repeat(right, as_double(left), frame)
    if isinstance(left, dict) and isinstance(right, dict):
        return _merge(left, right, frame)
    raise _mismatch(left, right, "multiplied")


def _repeat(text: str, times: float, frame: Frame) -> str | None:
    if not times >= 0:
        return None
    count = int(min(times, 1e12))
    spend_on_text(frame, len(text) * count)
    return text * count


def _merge(left: dict[str, Value], right: dict[str, Value], frame: Frame) -> dict[str, Value]:
    spend_on_items(frame, len(left) + len(right))
    spend(frame, (len(left) + 4 * len(right)) >> 2)
    merged = dict(left)
    for key, value in right.items():
        before = merged.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            merged[key] = _merge(before, value, frame)
        else:
            merged[key] = value
    return merged


def divide(left: Value, right: Value, frame: Frame) -> Value:
    """Numbers; or a string split by another."""
    if is_number(left) and is_number(right):
        divisor = as_double(right)
        if divisor == 0:
            raise _mismatch(left, right, "divided because the divisor is zero")
        return calculated(as_double(left) / divisor, frame)
    if isinstance(left, str) and isinstance(right, str):
        return split(left, right, frame)
    raise _mismatch(left, right, "divided")


def split(text: str, separator: str, frame: Frame) -> list[str]:
    """The parts of a string; by an empty separator its characters."""
    spend_on_text(frame, len(text))
    if not text:
        return []
    parts = text.split(separator) if separator else list(text)
    spend_on_items(frame, len(parts))
    return list(parts)


def remainder(left: Value, right: Value, frame: Frame) -> Value:
    """The remainder of two numbers cut to 64-bit integers, with the sign of the left one."""
    if not (is_number(left) and is_number(right)):
        raise _mismatch(left, right, "divided (remainder)")
    dividend, divisor = as_double(left), as_double(right)
    if isnan(dividend) or isnan(divisor):
        return calculated(dividend + divisor, frame)
    whole = _to_int64(divisor)
    if whole == 0:
        raise _mismatch(left, right, "divided (remainder) because the divisor is zero")
    rest = abs(_to_int64(dividend)) % abs(whole)
    return computed(float(-rest if dividend < 0 else rest) + 0.0)


def _to_int64(value: float) -> int:
    if value >= _LARGEST_INT64:
        return _LARGEST_INT64
    return max(int(value), -_LARGEST_INT64 - 1) if value > -_INFINITY else -_LARGEST_INT64 - 1


OPERATORS: Final[dict[str, Callable[[Value, Value, Frame], Value]]] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "%": remainder,
}
