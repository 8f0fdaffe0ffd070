"""The syntax tree to Python closures, node by node."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import ge, gt, le, lt
from typing import Any, Final

from engine.expr import syntax
from engine.expr.access import index, iterate, slice_of
from engine.expr.arithmetic import OPERATORS
from engine.expr.budget import (
    Frame,
    spend,
    spend_on_items,
    spend_on_text,
)
from engine.expr.code import Code, One, chain, code_of_many, code_of_one, combine, transform
from engine.expr.fault import ExpressionFault, failed
from engine.expr.functions import call_of
from engine.expr.generators import is_true
from engine.expr.json_text import Value
from engine.expr.lexer import Unsupported
from engine.expr.order import compare, is_equal, is_number
from engine.expr.text import describe, to_string
from schemas.numbers import negated


def compile_node(node: syntax.Node) -> Code:
    """Compile one node and all below it."""
    compiler: Callable[[Any], Code] = _COMPILERS[type(node)]
    return compiler(node)


def _identity(_node: syntax.Identity) -> Code:
    return code_of_one(lambda data, _frame: data, 1)


def _literal(node: syntax.Literal) -> Code:
    value = node.value
    return code_of_one(lambda _data, _frame: value, 1)


def _variable(node: syntax.Variable) -> Code:
    slot = node.slot
    return code_of_one(lambda _data, frame: frame[slot], 1)


def _template(node: syntax.Template) -> Code:
    """Concatenation; where an interpolation has several outputs, the last one runs slowest."""
    code: Code | None = None
    for part in node.parts:
        if isinstance(part, str):
            piece = _literal(syntax.Literal(part))
        else:
            piece = transform(compile_node(part), to_string)
        code = piece if code is None else combine(piece, code, _concatenate)
    assert code is not None, "a template has parts"
    return code


def _concatenate(left: str, right: str, frame: Frame) -> str:
    spend_on_text(frame, len(left) + len(right))
    return left + right


# ------------------------------------------------------------------ access


def _index(node: syntax.Index) -> Code:
    target = compile_node(node.target)
    if isinstance(node.key, syntax.Literal) and isinstance(node.key.value, str):
        code = _field(target, node.key.value)
    else:
        code = combine(compile_node(node.key), target, index)
    if not node.optional:
        return code
    return _attempt_step(target, compile_node(node.key), index)


def _field(target: Code, key: str) -> Code:
    def read(value: Value, frame: Frame) -> Value:
        if type(value) is dict:
            return value.get(key)
        return None if value is None else index(value, key, frame)

    get = target.one
    if get is None:
        return transform(target, read)

    def one(data: Value, frame: Frame) -> Value:
        value = get(data, frame)
        if type(value) is dict:
            return value.get(key)
        return None if value is None else index(value, key, frame)

    return code_of_one(one, target.weight + 1)


def _attempt_step(target: Code, key: Code, step: Callable[[Value, Value, Frame], Value]) -> Code:
    """`target[key]?`: an error of the step itself gives no output, others stay errors."""
    weight = target.weight + key.weight + 1

    def many(data: Value, frame: Frame) -> Iterator[Value]:
        for second in key.many(data, frame):
            for first in target.many(data, frame):
                spend(frame, weight)
                try:
                    value = step(first, second, frame)
                except ExpressionFault as fault:
                    _pass_on_limits(fault)
                    continue
                yield value

    return code_of_many(many, weight)


def _pass_on_limits(fault: ExpressionFault) -> None:
    if fault.code != "expression.failed":
        raise fault


def _slice(node: syntax.Slice) -> Code:
    bounds = combine(
        compile_node(node.start), compile_node(node.end), lambda end, start, _frame: (start, end)
    )
    target = compile_node(node.target)

    def cut(value: Value, pair: tuple[Value, Value], frame: Frame) -> Value:
        return slice_of(value, pair[0], pair[1], frame)

    return _attempt_step(target, bounds, cut) if node.optional else combine(bounds, target, cut)


def _iterate(node: syntax.Iterate) -> Code:
    target = compile_node(node.target)
    if not node.optional:
        return chain(target, code_of_many(iterate, 1))

    def attempt(value: Value, frame: Frame) -> Iterator[Value]:
        return iterate(value, frame) if isinstance(value, (list, dict)) else iter(())

    return chain(target, code_of_many(attempt, 1))


def _attempt(node: syntax.Attempt) -> Code:
    body = compile_node(node.body)

    def many(data: Value, frame: Frame) -> Iterator[Value]:
        outputs: Iterator[Value] | None = None
        while True:
            try:
                outputs = outputs or body.many(data, frame)
                value = next(outputs)
            except StopIteration:
                return
            except ExpressionFault as fault:
                _pass_on_limits(fault)
                return
            yield value

    return code_of_many(many, body.weight + 1)


# ------------------------------------------------------------------ operators


def _negate(node: syntax.Negate) -> Code:
    def apply(value: Value, _frame: Frame) -> Value:
        if not is_number(value):
            raise failed(f"{describe(value)} cannot be negated")
        return negated(value)

    return transform(compile_node(node.body), apply)


def _ordering(holds: Callable[[Any, Any], bool]) -> Callable[[Value, Value, Frame], bool]:
    """A comparison by jq's order; two integers are compared at once."""

    def apply(left: Value, right: Value, frame: Frame) -> bool:
        if type(left) is int and type(right) is int:
            return holds(left, right)
        return holds(compare(left, right, frame), 0)

    return apply


_COMPARISONS: Final[dict[str, Callable[[Value, Value, Frame], bool]]] = {
    "==": is_equal,
    "!=": lambda left, right, frame: not is_equal(left, right, frame),
    "<": _ordering(lt),
    "<=": _ordering(le),
    ">": _ordering(gt),
    ">=": _ordering(ge),
}


def _binary(node: syntax.Binary) -> Code:
    apply = OPERATORS.get(node.operator) or _COMPARISONS[node.operator]
    return combine(compile_node(node.right), compile_node(node.left), apply)


def _logic(node: syntax.Logic) -> Code:
    left, right = compile_node(node.left), compile_node(node.right)
    deciding = node.operator == "or"
    weight = left.weight + right.weight + 1
    first, second = left.one, right.one
    if first is not None and second is not None:

        def one(data: Value, frame: Frame) -> bool:
            if is_true(first(data, frame)) is deciding:
                return deciding
            return is_true(second(data, frame))

        return code_of_one(one, weight)

    def many(data: Value, frame: Frame) -> Iterator[bool]:
        for value in left.many(data, frame):
            spend(frame, weight)
            if is_true(value) is deciding:
                yield deciding
                continue
            for other in right.many(data, frame):
                spend(frame, weight)
                yield is_true(other)

    return code_of_many(many, weight)


def _alternative(node: syntax.Alternative) -> Code:
    """All true outputs of the left side; where it has none, those of the right side."""
    left, right = compile_node(node.left), compile_node(node.right)
    weight = left.weight + right.weight + 1

    def many(data: Value, frame: Frame) -> Iterator[Value]:
        found = False
        for value in left.many(data, frame):
            spend(frame, 1)
            if is_true(value):
                found = True
                yield value
        if not found:
            yield from right.many(data, frame)

    first, second = left.one, right.one
    if first is not None and second is not None:

        def one(data: Value, frame: Frame) -> Value:
            value = first(data, frame)
            return value if is_true(value) else second(data, frame)

        return code_of_one(one, weight)
    return code_of_many(many, weight)


def _pipe(node: syntax.Pipe) -> Code:
    return chain(compile_node(node.left), compile_node(node.right))


def _comma(node: syntax.Comma) -> Code:
    left, right = compile_node(node.left), compile_node(node.right)

    def many(data: Value, frame: Frame) -> Iterator[Value]:
        yield from left.many(data, frame)
        yield from right.many(data, frame)

    return code_of_many(many, left.weight + right.weight + 1)


# ------------------------------------------------------------------ construction


def _array(node: syntax.ArrayOf) -> Code:
    if node.body is None:
        return code_of_one(lambda _data, _frame: [], 1)
    body = compile_node(node.body)
    if (only := body.one) is not None:
        return code_of_one(lambda data, frame: [only(data, frame)], body.weight + 1)

    def one(data: Value, frame: Frame) -> list[Value]:
        items = list(body.many(data, frame))
        spend_on_items(frame, len(items))
        return items

    return code_of_one(one, body.weight + 1)


def _object(node: syntax.ObjectOf) -> Code:
    members = [(compile_node(key), compile_node(value)) for key, value in node.members]
    weight = 1 + sum(key.weight + value.weight for key, value in members)
    plain: list[tuple[str, One]] = []
    for (key, _), (_, value) in zip(node.members, members, strict=True):
        if isinstance(key, syntax.Literal) and value.one is not None:
            plain.append((key.value, value.one))
    if len(plain) == len(members):

        def one(data: Value, frame: Frame) -> dict[str, Value]:
            return {name: get(data, frame) for name, get in plain}

        return code_of_one(one, weight)

    def many(data: Value, frame: Frame) -> Iterator[dict[str, Value]]:
        return _objects(members, 0, {}, data, frame)

    return code_of_many(many, weight)


def _objects(
    members: list[tuple[Code, Code]], place: int, begun: dict[str, Value], data: Value, frame: Frame
) -> Iterator[dict[str, Value]]:
    """Objects for all combinations; the last member runs fastest."""
    if place == len(members):
        yield begun
        return
    keys, values = members[place]
    for key in keys.many(data, frame):
        for value in values.many(data, frame):
            if not isinstance(key, str):
                raise failed(f"{describe(key)} cannot be the key of an object")
            spend(frame, keys.weight + values.weight + len(begun))
            yield from _objects(members, place + 1, {**begun, key: value}, data, frame)


# ------------------------------------------------------------------ control


def _conditional(node: syntax.Conditional) -> Code:
    condition = compile_node(node.condition)
    then, otherwise = compile_node(node.then), compile_node(node.otherwise)
    weight = condition.weight + then.weight + otherwise.weight + 1
    asked, chosen, other = condition.one, then.one, otherwise.one
    if asked is not None and chosen is not None and other is not None:

        def one(data: Value, frame: Frame) -> Value:
            return chosen(data, frame) if is_true(asked(data, frame)) else other(data, frame)

        return code_of_one(one, weight)

    def many(data: Value, frame: Frame) -> Iterator[Value]:
        for answer in condition.many(data, frame):
            spend(frame, 1)
            yield from (then if is_true(answer) else otherwise).many(data, frame)

    return code_of_many(many, weight)


def _bind(node: syntax.Bind) -> Code:
    source, body = compile_node(node.source), compile_node(node.body)
    slot, weight = node.slot, source.weight + body.weight + 1
    get, use = source.one, body.one
    if get is not None and use is not None:

        def one(data: Value, frame: Frame) -> Value:
            frame[slot] = get(data, frame)
            return use(data, frame)

        return code_of_one(one, weight)

    def many(data: Value, frame: Frame) -> Iterator[Value]:
        for value in source.many(data, frame):
            spend(frame, weight)
            frame[slot] = value
            yield from body.many(data, frame)

    return code_of_many(many, weight)


def _reduce(node: syntax.Reduce) -> Code:
    """The last output of `update` is the next state; without any it is null."""
    source, start = compile_node(node.source), compile_node(node.start)
    update, slot = compile_node(node.update), node.slot
    weight = source.weight + start.weight + update.weight + 1

    def fold(state: Value, data: Value, frame: Frame) -> Value:
        for value in source.many(data, frame):
            spend(frame, update.weight + 1)
            frame[slot] = value
            before, state = state, None
            for after in update.many(before, frame):
                spend(frame, 1)
                state = after
        return state

    def many(data: Value, frame: Frame) -> Iterator[Value]:
        for state in start.many(data, frame):
            yield fold(state, data, frame)

    if (begin := start.one) is not None:
        return code_of_one(lambda data, frame: fold(begin(data, frame), data, frame), weight)
    return code_of_many(many, weight)


def _foreach(node: syntax.Foreach) -> Code:
    source, start = compile_node(node.source), compile_node(node.start)
    update, extract, slot = compile_node(node.update), compile_node(node.extract), node.slot
    price = update.weight + extract.weight + 1

    def many(data: Value, frame: Frame) -> Iterator[Value]:
        for begun in start.many(data, frame):
            state = begun
            for value in source.many(data, frame):
                frame[slot] = value
                before, state = state, None
                for after in update.many(before, frame):
                    state = after
                    spend(frame, price)
                    yield from extract.many(state, frame)

    return code_of_many(many, source.weight + start.weight + price)


def _call(node: syntax.Call) -> Code:
    code = call_of(node.name, tuple(compile_node(argument) for argument in node.arguments))
    if code is None:
        raise Unsupported(f"{node.name}/{len(node.arguments)}")
    return code


_COMPILERS: Final[dict[type, Callable[[Any], Code]]] = {
    syntax.Identity: _identity,
    syntax.Literal: _literal,
    syntax.Variable: _variable,
    syntax.Template: _template,
    syntax.Index: _index,
    syntax.Slice: _slice,
    syntax.Iterate: _iterate,
    syntax.Attempt: _attempt,
    syntax.Negate: _negate,
    syntax.Binary: _binary,
    syntax.Logic: _logic,
    syntax.Alternative: _alternative,
    syntax.Pipe: _pipe,
    syntax.Comma: _comma,
    syntax.ArrayOf: _array,
    syntax.ObjectOf: _object,
    syntax.Conditional: _conditional,
    syntax.Bind: _bind,
    syntax.Reduce: _reduce,
    syntax.Foreach: _foreach,
    syntax.Call: _call,
}
