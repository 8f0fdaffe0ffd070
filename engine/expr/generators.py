"""jq's functions that take expressions as arguments: `map(f)`, `select(f)`, `first(f)` ..."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from engine.expr.access import iterate
from engine.expr.arithmetic import add
from engine.expr.budget import Frame, spend, spend_on_items
from engine.expr.code import Code, chain, code_of_many, code_of_one
from engine.expr.entries import from_entries, to_entries
from engine.expr.fault import failed
from engine.expr.json_text import Value
from engine.expr.order import compare, is_equal, is_number, sorted_by
from engine.expr.text import describe
from schemas.numbers import as_double

_EACH: Final = code_of_many(iterate, 1)
_NOTHING: Final[Any] = object()


def is_true(value: Value) -> bool:
    """All but null and false."""
    return value is not None and value is not False


def _collect(code: Code, data: Value, frame: Frame) -> list[Value]:
    items = list(code.many(data, frame))
    spend_on_items(frame, len(items))
    return items


def _map(body: Code) -> Code:
    each = chain(_EACH, body)
    return code_of_one(lambda data, frame: _collect(each, data, frame), each.weight + 1)


def _map_values(body: Code) -> Code:
    """Each member replaced by the first output of `body`; left out where there is none."""

    def one(data: Value, frame: Frame) -> Value:
        if isinstance(data, dict):
            kept = {}
            for key, member in data.items():
                spend(frame, body.weight + 2)
                for value in body.many(member, frame):
                    kept[key] = value
                    break
            return kept
        return [value for member in iterate(data, frame) for value in first.many(member, frame)]

    first = _first(body)
    return code_of_one(one, body.weight + 1)


def _select(condition: Code) -> Code:
    if (ask := condition.one) is not None:

        def many_of_one(data: Value, frame: Frame) -> Iterator[Value]:
            if is_true(ask(data, frame)):
                yield data

        return code_of_many(many_of_one, condition.weight + 1)

    def many(data: Value, frame: Frame) -> Iterator[Value]:
        for answer in condition.many(data, frame):
            spend(frame, 1)
            if is_true(answer):
                yield data

    return code_of_many(many, condition.weight + 1)


def _first(body: Code) -> Code:
    def many(data: Value, frame: Frame) -> Iterator[Value]:
        for value in body.many(data, frame):
            spend(frame, 1)
            yield value
            return

    return code_of_many(many, body.weight + 1)


def _last(body: Code) -> Code:
    def many(data: Value, frame: Frame) -> Iterator[Value]:
        latest = _NOTHING
        for value in body.many(data, frame):
            spend(frame, 1)
            latest = value
        if latest is not _NOTHING:
            yield latest

    return code_of_many(many, body.weight + 1)


def _limit(count: Code, body: Code) -> Code:
    def many(data: Value, frame: Frame) -> Iterator[Value]:
        for number in count.many(data, frame):
            spend(frame, 1)
            if not is_number(number):
                raise failed(f"limit needs a number, not {describe(number)}")
            left = as_double(number)
            if left < 0:
                raise failed("limit needs a count that is not negative")
            if left == 0:
                continue
            for value in body.many(data, frame):
                spend(frame, 1)
                left -= 1
                yield value
                if left <= 0:
                    break

    return code_of_many(many, count.weight + body.weight + 1)


def _is_empty(body: Code) -> Code:
    def one(data: Value, frame: Frame) -> bool:
        return next(body.many(data, frame), _NOTHING) is _NOTHING

    return code_of_one(one, body.weight + 1)


def _add(body: Code) -> Code:
    def one(data: Value, frame: Frame) -> Value:
        total: Value = None
        for value in body.many(data, frame):
            spend(frame, 1)
            total = add(total, value, frame)
        return total

    return code_of_one(one, body.weight + 1)


def _quantifier(deciding: bool) -> Callable[..., Code]:
    """`any` (true decides) or `all` (false decides), with none, one or two arguments."""

    def build(*arguments: Code) -> Code:
        source = arguments[0] if len(arguments) == 2 else _EACH
        tested = chain(source, arguments[-1]) if arguments else source

        def one(data: Value, frame: Frame) -> bool:
            for value in tested.many(data, frame):
                spend(frame, 1)
                if is_true(value) is deciding:
                    return deciding
            return not deciding

        return code_of_one(one, tested.weight + 1)

    return build


def _range(*bounds: Code) -> Code:
    """`range(to)`, `range(from; to)`, `range(from; to; step)`; the last argument runs fastest."""
    zero = code_of_one(lambda _data, _frame: 0, 1)
    unit = code_of_one(lambda _data, _frame: 1, 1)
    first = zero if len(bounds) == 1 else bounds[0]
    to = bounds[0] if len(bounds) == 1 else bounds[1]
    step = bounds[2] if len(bounds) == 3 else unit

    def many(data: Value, frame: Frame) -> Iterator[Value]:
        for begin in first.many(data, frame):
            for end in to.many(data, frame):
                for stride in step.many(data, frame):
                    spend(frame, 3)
                    yield from _count(begin, end, stride, frame, loose=len(bounds) == 3)

    return code_of_many(many, 1 + sum(bound.weight for bound in bounds))


def _count(
    begin: Value, end: Value, stride: Value, frame: Frame, *, loose: bool
) -> Iterator[Value]:
    """With a step jq compares and adds values of any kind (`loose`), else only numbers."""
    if not loose and not (is_number(begin) and is_number(end)):
        raise failed("the bounds of range must be numbers")
    sign = compare(stride, 0, frame)
    value = begin
    while sign and compare(value, end, frame) == -sign:
        spend(frame, 3)
        yield value
        value = add(value, stride, frame)


def _keyed(body: Code, items: Value, frame: Frame, verb: str) -> list[tuple[Value, Value]]:
    """Each element with its key: all outputs of the expression, or the only one as it is."""
    if not isinstance(items, list):
        raise failed(f"{describe(items)} cannot be {verb}, as it is not an array")
    keyed = []
    for item in items:
        spend(frame, body.weight + 1)
        key = body.one(item, frame) if body.one else _collect(body, item, frame)
        keyed.append((item, key))
    return keyed


def _key(pair: tuple[Value, Value]) -> Value:
    return pair[1]


def _sort_by(body: Code) -> Code:
    def one(data: Value, frame: Frame) -> list[Value]:
        pairs = sorted_by(_keyed(body, data, frame, "sorted"), _key, frame)
        return [item for item, _ in pairs]

    return code_of_one(one, body.weight + 1)


def _unique_by(body: Code) -> Code:
    def one(data: Value, frame: Frame) -> list[Value]:
        pairs = sorted_by(_keyed(body, data, frame, "sorted"), _key, frame, unique=True)
        return [item for item, _ in pairs]

    return code_of_one(one, body.weight + 1)


def _group_by(body: Code) -> Code:
    def one(data: Value, frame: Frame) -> list[Value]:
        groups: list[list[Value]] = []
        before: Value = None
        for item, key in sorted_by(_keyed(body, data, frame, "grouped"), _key, frame):
            if groups and is_equal(before, key, frame):
                groups[-1].append(item)
            else:
                groups.append([item])
                before = key
        return groups

    return code_of_one(one, body.weight + 1)


def _extreme_by(wanted: int) -> Callable[[Code], Code]:
    """`min_by` keeps the first of equals, `max_by` the last."""

    def build(body: Code) -> Code:
        def one(data: Value, frame: Frame) -> Value:
            return extreme(_keyed(body, data, frame, "searched"), wanted, frame)

        return code_of_one(one, body.weight + 1)

    return build


def extreme(pairs: list[tuple[Value, Value]], wanted: int, frame: Frame) -> Value:
    """The item with the smallest (-1) or largest (1) key; null of nothing."""
    if not pairs:
        return None
    best, least = pairs[0]
    for item, key in pairs[1:]:
        spend(frame, 1)
        found = compare(key, least, frame)
        if found == wanted or (wanted == 1 and found == 0):
            best, least = item, key
    return best


def _with_entries(body: Code) -> Code:
    mapped = _map(body)

    def one(data: Value, frame: Frame) -> dict[str, Value]:
        assert mapped.one is not None, "map has one output"
        return from_entries(mapped.one(to_entries(data, frame), frame), frame)

    return code_of_one(one, mapped.weight + 2)


def _empty() -> Code:
    return code_of_many(lambda _data, _frame: iter(()), 1)


GENERATORS: Final[dict[tuple[str, int], Callable[..., Code]]] = {
    ("map", 1): _map,
    ("map_values", 1): _map_values,
    ("select", 1): _select,
    ("empty", 0): _empty,
    ("first", 1): _first,
    ("last", 1): _last,
    ("limit", 2): _limit,
    ("isempty", 1): _is_empty,
    ("add", 0): lambda: _add(_EACH),
    ("add", 1): _add,
    ("any", 0): _quantifier(True),
    ("any", 1): _quantifier(True),
    ("any", 2): _quantifier(True),
    ("all", 0): _quantifier(False),
    ("all", 1): _quantifier(False),
    ("all", 2): _quantifier(False),
    ("range", 1): _range,
    ("range", 2): _range,
    ("range", 3): _range,
    ("sort_by", 1): _sort_by,
    ("unique_by", 1): _unique_by,
    ("group_by", 1): _group_by,
    ("min_by", 1): _extreme_by(-1),
    ("max_by", 1): _extreme_by(1),
    ("with_entries", 1): _with_entries,
}
