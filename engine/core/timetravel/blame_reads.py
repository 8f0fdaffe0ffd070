"""Which parts of its input an expression reads: the way back from a computed value."""

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

from engine.expr import ExpressionFault, syntax
from engine.expr.lexer import Unsupported, tokenize
from engine.expr.parser import parse

Path = tuple[str | int, ...]

MAX_READS = 16
"""Paths of one expression that are followed."""

_ELEMENTWISE = frozenset({"map", "map_values", "any", "all", "sort_by", "group_by", "unique_by"})
"""Functions whose arguments see elements of the input, not the input."""


@dataclass(frozen=True, slots=True)
class Reads:
    """`paths` that the expression reads in its input (the empty path: all of it); `names` of its
    variables, without the dollar."""

    paths: tuple[Path, ...]
    names: tuple[str, ...] = ()


def reads_of(source: str, within: Path = (), root: Path | None = ()) -> Reads:
    """What the part `within` of the expression's value is made of. `root`: where its input lies in
    the data that is followed (None: nowhere, it was computed itself). An expression that only a
    worker understands reads all of its input."""
    try:
        program = parse(tokenize(source))
    except (Unsupported, ExpressionFault, RecursionError):
        return Reads(() if root is None else (root,))
    node, context, within = _narrowed(program.root, within, root)
    plain = _plain(node, context)
    if plain is not None:
        return Reads(((*plain, *within),))
    found = dict.fromkeys(_paths(node, context))
    names = [name for name in program.free if name in set(_names(node))]
    return Reads(_outermost(list(found))[:MAX_READS], tuple(names))


def _outermost(paths: list[Path]) -> tuple[Path, ...]:
    """Without those that lie inside another one."""
    return tuple(
        one for one in paths if not any(one != it and one[: len(it)] == it for it in paths)
    )


def _narrowed(
    node: syntax.Node, within: Path, context: Path | None
) -> tuple[syntax.Node, Path | None, Path]:
    """Of an object that is constructed the member that is asked for, and what is left to look for
    in it."""
    while True:
        if isinstance(node, syntax.Pipe) and isinstance(node.right, syntax.ObjectOf):
            plain = _plain(node.left, context)
            if plain is None:
                return node, context, within
            node, context = node.right, plain
        if not (within and isinstance(node, syntax.ObjectOf)):
            return node, context, within
        named = [
            value
            for key, value in node.members
            if isinstance(key, syntax.Literal) and key.value == within[0]
        ]
        computed = any(not isinstance(key, syntax.Literal) for key, _ in node.members)
        if len(named) != 1 or computed:
            return node, context, within
        node, within = named[0], within[1:]


def _plain(node: syntax.Node, context: Path | None) -> Path | None:
    """The path that a node is, in the data that is followed."""
    keys: list[str | int] = []
    while isinstance(node, syntax.Index):
        key = node.key.value if isinstance(node.key, syntax.Literal) else None
        if type(key) is not str and type(key) is not int:
            return None
        keys.append(key)
        node = node.target
    if context is None or not isinstance(node, syntax.Identity):
        return None
    return (*context, *reversed(keys))


def _paths(node: syntax.Node, context: Path | None) -> Iterator[Path]:
    plain = _plain(node, context)
    if plain is not None:
        yield plain
    elif isinstance(node, syntax.Pipe):
        yield from _piped(node, context)
    elif isinstance(node, syntax.Bind):
        yield from _paths(node.source, context)
        yield from _paths(node.body, context)
    elif isinstance(node, syntax.Reduce | syntax.Foreach):
        yield from _paths(node.source, context)
        yield from _paths(node.start, context)
    elif isinstance(node, syntax.Call):
        if context is not None:
            yield context
        inside = None if node.name in _ELEMENTWISE else context
        for argument in node.arguments:
            yield from _paths(argument, inside)
    else:
        for part in _parts(node):
            yield from _paths(part, context)


def _piped(node: syntax.Pipe, context: Path | None) -> Iterator[Path]:
    """What is on the right sees what comes from the left, not the data."""
    plain = _plain(node.left, context)
    if plain is not None:
        yield from _paths(node.right, plain)
    else:
        yield from _paths(node.left, context)


def _names(node: syntax.Node) -> Iterator[str]:
    if isinstance(node, syntax.Variable):
        yield node.name
    for part in _parts(node):
        yield from _names(part)


def _parts(value: Any) -> Iterator[syntax.Node]:
    """The nodes right below a node, whatever its kind."""
    for field in fields(value):
        yield from _nodes_in(getattr(value, field.name))


def _nodes_in(value: Any) -> Iterator[syntax.Node]:
    if isinstance(value, tuple):
        for one in value:
            yield from _nodes_in(one)
    elif is_dataclass(value) and not isinstance(value, type):
        yield value  # type: ignore[misc]
