"""What a syntax node compiles to, and how outputs of several are combined.

A node that always has exactly one output gets a plain function, `one`; any other a generator
function, `many`. `weight` is the number of syntax nodes below, the price of one evaluation.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from engine.expr.budget import Frame, spend
from engine.expr.json_text import Value

One: TypeAlias = Callable[[Value, Frame], Value]
Many: TypeAlias = Callable[[Value, Frame], Iterator[Value]]


@dataclass(frozen=True, slots=True)
class Code:
    """A compiled node."""

    one: One | None
    many: Many
    weight: int


def code_of_one(one: One, weight: int) -> Code:
    """A node with exactly one output."""

    def many(data: Value, frame: Frame) -> Iterator[Value]:
        yield one(data, frame)

    return Code(one, many, weight)


def code_of_many(many: Many, weight: int) -> Code:
    """A node with any number of outputs."""
    return Code(None, many, weight)


def chain(first: Code, then: Code) -> Code:
    """`first | then`."""
    weight = first.weight + then.weight
    outer, inner = first.one, then.one
    if outer is not None and inner is not None:
        return code_of_one(lambda data, frame: inner(outer(data, frame), frame), weight)
    if outer is not None:
        return code_of_many(lambda data, frame: then.many(outer(data, frame), frame), weight)
    price = then.weight + 1
    if inner is not None:

        def apply_one(data: Value, frame: Frame) -> Iterator[Value]:
            for value in first.many(data, frame):
                spend(frame, price)
                yield inner(value, frame)

        return code_of_many(apply_one, weight)

    def apply_many(data: Value, frame: Frame) -> Iterator[Value]:
        for value in first.many(data, frame):
            spend(frame, price)
            yield from then.many(value, frame)

    return code_of_many(apply_many, weight)


def combine(
    outer: Code, inner: Code, apply: Callable[[Value, Value, Frame], Value], weight: int = 1
) -> Code:
    """`apply(inner output, outer output)` for each pair; the inner one runs fastest, as in jq,
    where the right operand is the outer one."""
    weight += outer.weight + inner.weight
    get_outer, get_inner = outer.one, inner.one
    if get_outer is not None and get_inner is not None:

        def one(data: Value, frame: Frame) -> Value:
            second = get_outer(data, frame)
            return apply(get_inner(data, frame), second, frame)

        return code_of_one(one, weight)

    def many(data: Value, frame: Frame) -> Iterator[Value]:
        for second in outer.many(data, frame):
            for first in inner.many(data, frame):
                spend(frame, weight)
                yield apply(first, second, frame)

    return code_of_many(many, weight)


def transform(body: Code, apply: Callable[[Value, Frame], Value]) -> Code:
    """`apply` to each output of `body`."""
    return chain(body, code_of_one(apply, 1))
