"""The evaluation of a compiled program: a fresh frame, all outputs, checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from engine.expr import syntax
from engine.expr.access import index
from engine.expr.budget import FIRST_SLOT, MAX_OUTPUTS, MAX_STEPS, OVERFLOWED, Frame, exceeded
from engine.expr.code import Code
from engine.expr.compiler import compile_node
from engine.expr.fault import failed
from engine.expr.json_text import Value
from engine.expr.parser import Program
from engine.expr.result import grows, refuse_large, without_overflow


def closure_of(program: Program) -> Callable[[Value, Mapping[str, Value]], list[Value]]:
    """The evaluator of a program: all its outputs, or `ExpressionFault`. Raises `Unsupported`."""
    code = compile_node(program.root)
    free = tuple(program.free.items())
    if (path := fast_path(program.root)) is not None:
        return path
    prototype: Frame = [MAX_STEPS, False] + [None] * (program.slots - FIRST_SLOT)
    must_measure = grows(program.root)

    def evaluate(data: Value, variables: Mapping[str, Value]) -> list[Value]:
        frame = prototype.copy()
        for name, slot in free:
            if name not in variables:
                raise failed(f"${name} is not known here")
            frame[slot] = variables[name]
        try:
            outputs = _outputs(code, data, frame)
            if must_measure:
                refuse_large(outputs)
        except RecursionError:
            raise exceeded("a value is nested too deep") from None
        return without_overflow(outputs) if frame[OVERFLOWED] else outputs

    return evaluate


def _outputs(code: Code, data: Value, frame: Frame) -> list[Value]:
    if code.one is not None:
        return [code.one(data, frame)]
    outputs: list[Value] = []
    for value in code.many(data, frame):
        outputs.append(value)
        if len(outputs) > MAX_OUTPUTS:
            raise exceeded(f"the expression has more than {MAX_OUTPUTS} outputs")
    return outputs


def fast_path(node: syntax.Node) -> Callable[[Value, Mapping[str, Value]], list[Value]] | None:
    """The evaluator of `.a.b`, without a frame."""
    keys: list[str] = []
    while isinstance(node, syntax.Index) and not node.optional:
        if not isinstance(node.key, syntax.Literal) or not isinstance(node.key.value, str):
            return None
        keys.append(node.key.value)
        node = node.target
    if not isinstance(node, syntax.Identity):
        return None
    path = tuple(reversed(keys))

    def follow(data: Value, _variables: Mapping[str, Value]) -> list[Value]:
        for key in path:
            if type(data) is dict:
                data = data.get(key)
            elif data is not None:
                return [index(data, key, [0])]
        return [data]

    return follow
