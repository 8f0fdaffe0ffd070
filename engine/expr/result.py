"""What may come out of an evaluation: how large, and only numbers that JSON can write."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from math import isnan
from typing import Final

from engine.expr import syntax
from engine.expr.budget import MAX_RESULT, exceeded
from engine.expr.json_text import Value
from schemas.numbers import LARGEST_DOUBLE, ComputedNumber

_FEW_COPIES: Final = 16
_LONG_LITERAL: Final = 64
_COPYING_OPERATORS: Final = frozenset({"*"})
_LOOPING_CALLS: Final = frozenset({"map", "add", "limit", "last"})
_KEEPING_CALLS: Final = _LOOPING_CALLS | frozenset(
    {
        *("select", "first", "any", "all", "not", "empty", "error", "length", "type", "has", "in"),
        *("keys", "values", "nulls", "strings", "numbers", "booleans", "arrays", "objects"),
        *("sort", "unique", "reverse", "min", "max", "floor", "ceil", "contains", "inside"),
        *("startswith", "endswith", "ltrimstr", "rtrimstr", "ascii_downcase", "ascii_upcase"),
        *("tonumber", "isempty"),
    }
)


def grows(root: syntax.Node) -> bool:
    """Whether outputs can be much larger than input and variables together, coarsely.

    Arrays and objects share their members, so forty times `[., .]` is small in memory and endless
    in JSON. Programs that copy their data at most a few times need no measuring afterwards.
    """
    copies, loops, repeats = 1, False, False
    for node in _all_nodes(root):
        match node:
            case syntax.ObjectOf():
                copies *= max(1, len(node.members))
            case syntax.Comma() | syntax.Binary(operator="+"):
                copies *= 2
            case syntax.Iterate():
                loops = True
            case syntax.Variable():
                repeats = True
            case syntax.Literal():
                repeats |= isinstance(node.value, str) and len(node.value) > _LONG_LITERAL
            case syntax.Call():
                loops |= node.name in _LOOPING_CALLS
        if copies > _FEW_COPIES or (loops and repeats) or _copies_at_will(node):
            return True
    return False


def _copies_at_will(node: syntax.Node) -> bool:
    if isinstance(node, syntax.Call):
        return node.name not in _KEEPING_CALLS
    if isinstance(node, syntax.Binary):
        return node.operator in _COPYING_OPERATORS
    return isinstance(node, (syntax.Reduce, syntax.Foreach, syntax.Template))


def _all_nodes(root: syntax.Node) -> Iterator[syntax.Node]:
    waiting: list[object] = [root]
    while waiting:
        item = waiting.pop()
        if isinstance(item, tuple):
            waiting.extend(item)
        elif isinstance(item, syntax.Node):
            yield item
            waiting.extend(getattr(item, part.name) for part in fields(item))


def refuse_large(outputs: list[Value]) -> None:
    """Raise `expression.limit` where the outputs would be more than about 1 MiB of JSON."""
    size = 0
    waiting: list[Value] = [outputs]
    while waiting:
        value = waiting.pop()
        size += 4
        if isinstance(value, str):
            size += len(value)
        elif isinstance(value, list):
            size += len(value)
            waiting.extend(value)
        elif isinstance(value, dict):
            size += sum(map(len, value)) + 4 * len(value)
            waiting.extend(value.values())
        if size > MAX_RESULT:
            raise exceeded(f"the result is larger than {MAX_RESULT} bytes")


def without_overflow(value: Value) -> Value:
    """Infinities as the largest double and NaN as null, the way jq prints them."""
    if isinstance(value, list):
        return [without_overflow(item) for item in value]
    if isinstance(value, dict):
        return {key: without_overflow(member) for key, member in value.items()}
    if isinstance(value, ComputedNumber) and value - value != 0.0:
        if isnan(value):
            return None
        return ComputedNumber(LARGEST_DOUBLE if value > 0 else -LARGEST_DOUBLE)
    return value
