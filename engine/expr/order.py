"""jq's total order of JSON values: null, false, true, numbers, strings, arrays, objects."""

from __future__ import annotations

from collections.abc import Callable
from functools import cmp_to_key
from typing import Any, Final

from engine.expr.budget import Frame, spend, spend_on_items
from engine.expr.json_text import Value
from schemas.numbers import compare_numbers

_NULL, _FALSE, _TRUE, _NUMBER, _STRING, _ARRAY, _OBJECT = range(7)
_UNBOUNDED: Final = 1 << 62
_NAMES: Final = ("null", "boolean", "boolean", "number", "string", "array", "object")


def kind_name(value: Value) -> str:
    """What jq's `type` answers."""
    return _NAMES[_rank(value)]


def is_number(value: Value) -> bool:
    """Whether a value is a JSON number; True and False are not."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def order(left: Value, right: Value) -> int:
    """-1, 0 or 1 by jq's order, without a budget."""
    return compare(left, right, [_UNBOUNDED])


def equal(left: Value, right: Value) -> bool:
    """Whether two JSON values are the same: 1 is 1.0, but true is not 1."""
    return is_equal(left, right, [_UNBOUNDED])


def is_equal(left: Value, right: Value, frame: Frame) -> bool:
    """Equality, charged to a budget."""
    kind = type(left)
    if kind is type(right) and (kind is int or kind is bool or kind is str):
        if kind is str and len(left) == len(right) > 512:
            spend(frame, len(left) >> 8)
        return bool(left == right)
    return compare(left, right, frame) == 0


def compare(left: Value, right: Value, frame: Frame) -> int:
    """-1, 0 or 1, charged to a budget by the size of what is compared."""
    if left is right and not isinstance(left, float):
        return 0
    first, second = _rank(left), _rank(right)
    if first != second:
        return -1 if first < second else 1
    if first == _NUMBER:
        return int(compare_numbers(left, right))
    if first == _STRING:
        spend(frame, 1 + (min(len(left), len(right)) >> 8))
        return 0 if left == right else (-1 if left < right else 1)
    if first == _ARRAY:
        return _compare_arrays(left, right, frame)
    return _compare_objects(left, right, frame) if first == _OBJECT else 0


def _rank(value: Value) -> int:
    if isinstance(value, str):
        return _STRING
    if value is None or isinstance(value, bool):
        return _NULL if value is None else (_TRUE if value else _FALSE)
    if isinstance(value, (int, float)):
        return _NUMBER
    return _OBJECT if isinstance(value, dict) else _ARRAY


def _compare_arrays(left: list[Value], right: list[Value], frame: Frame) -> int:
    for first, second in zip(left, right, strict=False):
        spend(frame, 1)
        if found := compare(first, second, frame):
            return found
    return (len(left) > len(right)) - (len(left) < len(right))


def _compare_objects(left: dict[str, Value], right: dict[str, Value], frame: Frame) -> int:
    """First the sorted keys, then the values in the order of the keys."""
    spend(frame, 1 + (len(left) + len(right)) * 2)
    keys, others = sorted(left), sorted(right)
    if keys != others:
        return -1 if keys < others else 1
    for key in keys:
        if found := compare(left[key], right[key], frame):
            return found
    return 0


def sorted_by(
    items: list[Any], key: Callable[[Any], Value] | None, frame: Frame, *, unique: bool = False
) -> list[Any]:
    """Sort stably by jq's order; with `unique`, keep the first of each run of equals."""
    spend_on_items(frame, len(items))
    spend(frame, len(items) * max(1, len(items).bit_length()) // 4)
    of = key or (lambda item: item)
    kinds = {type(of(item)) for item in items}
    if kinds <= {str} or kinds <= {int}:
        ordered = sorted(items, key=key)
    else:
        ordered = sorted(
            items, key=cmp_to_key(lambda left, right: compare(of(left), of(right), frame))
        )
    if not unique:
        return ordered
    return [
        item
        for place, item in enumerate(ordered)
        if not place or not is_equal(of(ordered[place - 1]), of(item), frame)
    ]
