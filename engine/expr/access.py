"""Reading inside values: `.key`, `.[index]`, `.[start:end]`, `.[]`."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, isnan

from engine.expr.budget import Frame, spend, spend_on_items, spend_on_text
from engine.expr.fault import ExpressionFault, failed
from engine.expr.json_text import Value
from engine.expr.order import is_equal, is_number, kind_name
from engine.expr.text import describe
from schemas.numbers import as_double

_FARTHEST = float(2**31)


def index(target: Value, key: Value, frame: Frame) -> Value:
    """`target[key]`; what is not there is null, what cannot have such a key is an error."""
    if isinstance(key, str):
        if isinstance(target, dict):
            return target.get(key)
        if target is None:
            return None
    elif isinstance(key, dict):
        return _index_by_bounds(target, key, frame)
    elif is_number(key):
        if isinstance(target, list):
            return _element(target, as_double(key))
        if target is None:
            return None
    elif isinstance(key, list) and isinstance(target, list):
        return _places_of(target, key, frame)
    raise _cannot_index(target, key)


def _cannot_index(target: Value, key: Value) -> ExpressionFault:
    return failed(f"cannot index {kind_name(target)} with {describe(key)}")


def _element(items: list[Value], position: float) -> Value:
    if isnan(position) or abs(position) >= _FARTHEST:
        return None
    place = int(position)
    if place < 0:
        place += len(items)
    return items[place] if 0 <= place < len(items) else None


def _index_by_bounds(target: Value, key: dict[str, Value], frame: Frame) -> Value:
    if target is None:
        return None
    if not isinstance(target, (list, str)):
        raise _cannot_index(target, key)
    if "start" not in key or "end" not in key:
        raise failed("the bounds of a slice must be numbers or null")
    return slice_of(target, key["start"], key["end"], frame)


def _places_of(items: list[Value], sought: list[Value], frame: Frame) -> list[int]:
    """Where an array occurs inside another."""
    width = len(sought)
    if not width:
        return []
    spend(frame, 4 * len(items))
    return [
        place
        for place in range(len(items) - width + 1)
        if all(is_equal(items[place + step], sought[step], frame) for step in range(width))
    ]


def slice_of(target: Value, start: Value, end: Value, frame: Frame) -> Value:
    """`target[start:end]` of an array or a string, with positions counted in code points."""
    if target is None:
        return None
    if not isinstance(target, (list, str)):
        raise failed(f"cannot take a slice of {describe(target)}")
    if not all(bound is None or is_number(bound) for bound in (start, end)):
        raise failed("the bounds of a slice must be numbers or null")
    length = len(target)
    first = _bound(0.0 if start is None else as_double(start), length)
    last = _bound(float(length) if end is None else as_double(end), length)
    from_place, to_place = int(first), ceil(last)
    part = target[from_place:to_place] if from_place < to_place else target[:0]
    if isinstance(part, str):
        spend_on_text(frame, len(part))
    else:
        spend_on_items(frame, len(part))
    return part


def _bound(position: float, length: int) -> float:
    if position < 0:
        position += length
    return min(max(position, 0.0), float(length))


def iterate(target: Value, frame: Frame) -> Iterator[Value]:
    """`target[]`: the elements of an array, the values of an object."""
    if isinstance(target, dict):
        members = target.values()
    elif isinstance(target, list):
        return _charged(target, frame)
    else:
        raise failed(f"cannot iterate over {describe(target)}")
    return _charged(list(members), frame)


def _charged(items: list[Value], frame: Frame) -> Iterator[Value]:
    for item in items:
        spend(frame, 1)
        yield item


def keys_of(target: Value, frame: Frame) -> list[Value]:
    """The sorted keys of an object, the positions of an array."""
    if isinstance(target, dict):
        spend(frame, len(target))
        spend_on_items(frame, len(target))
        return sorted(target)
    if isinstance(target, list):
        spend_on_items(frame, len(target))
        return list(range(len(target)))
    raise failed(f"{describe(target)} has no keys")


def has_key(target: Value, key: Value, frame: Frame) -> bool:
    """`has(key)`: of an object a string, of an array a position."""
    if isinstance(target, dict) and isinstance(key, str):
        return key in target
    if isinstance(target, list) and is_number(key):
        position = as_double(key)
        return abs(position) < _FARTHEST and 0 <= int(position) < len(target)
    if target is None:
        return False
    spend(frame, 1)
    raise failed(f"{kind_name(target)} has no {kind_name(key)} keys")
