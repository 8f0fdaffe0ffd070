"""From the text of an expression to something that can be evaluated; the door of this package."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, TypeAlias

from engine.expr import syntax
from engine.expr.evaluation import closure_of
from engine.expr.fault import ExpressionFault
from engine.expr.json_text import Value
from engine.expr.lexer import StrayBrace, Unsupported, tokenize
from engine.expr.parser import parse
from engine.expr.refusal import free_variables, refuse_names

Closure: TypeAlias = Callable[[Value, Mapping[str, Value]], list[Value]]
_CACHED_EXPRESSIONS: Final = 4_096


@dataclass(frozen=True, slots=True)
class Expression:
    """A compiled jq program.

    `source`: the program, without `${ }`. `variables`: the `$names` it needs, without the dollar.
    `path`: set where the program is a plain path such as `.a.b[0]`. `closure(data, variables)`
    gives all outputs or raises `ExpressionFault` (`expression.failed`, `expression.limit`); where
    it is None, only a worker can evaluate the program.
    """

    source: str
    variables: frozenset[str]
    path: tuple[str | int, ...] | None = None
    closure: Closure | None = field(default=None, repr=False, compare=False)


@lru_cache(maxsize=_CACHED_EXPRESSIONS)
def compile_expression(source: str) -> Expression:
    """Compile a jq program; the same text gives the same object while it stays in the cache.

    Raises `ExpressionFault`: `expression.syntax` where the text is surely not jq,
    `expression.refused` for names workflow expressions may not use, `expression.limit` for a text
    that is too long or nested too deep. Syntax that only libjq can judge is left to the worker
    that checks definitions when they are applied.
    """
    tokens = tokenize(source)
    refuse_names(tokens)
    try:
        program = parse(tokens)
        closure = closure_of(program)
    except (Unsupported, RecursionError):
        return Expression(source, free_variables(tokens))
    return Expression(source, frozenset(program.free), _path_of(program.root), closure)


def plain_path(source: str) -> tuple[str | int, ...] | None:
    """The keys and positions of a plain path (`.a["b c"][0]`); None for any other program.

    `.` is the empty path. Raises `ExpressionFault` as `compile_expression` does.
    """
    return compile_expression(source).path


def single(outputs: list[Value]) -> Value:
    """The value of a filter with any number of outputs: none gives null, several an array."""
    if len(outputs) == 1:
        return outputs[0]
    return outputs or None


def unwrap(text: str) -> str | None:
    """The program inside `${ ... }`, blanks trimmed, where the whole text is one such expression.

    None where it is not: no `${` at the start, no `}` at the end, or the last brace is not the
    partner of the first, as in `${ .a } and ${ .b }`. Strings and brackets are read as jq reads
    them. A program that is wrong in another way is given back; compiling it says what is wrong.
    """
    stripped = text.strip()
    if not (stripped.startswith("${") and stripped.endswith("}")):
        return None
    inner = stripped[2:-1].strip()
    try:
        tokenize(inner)
    except StrayBrace:
        return None
    except ExpressionFault:
        return inner
    return inner


def _path_of(node: syntax.Node) -> tuple[str | int, ...] | None:
    keys: list[str | int] = []
    while isinstance(node, syntax.Index) and not node.optional:
        if not isinstance(node.key, syntax.Literal):
            return None
        key = node.key.value
        if type(key) is not str and type(key) is not int:
            return None
        keys.append(key)
        node = node.target
    return tuple(reversed(keys)) if isinstance(node, syntax.Identity) else None
