"""What a program reads: the plain paths in it, so that a decision can be shown with its values."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final, TypeAlias

from engine.expr import syntax
from engine.expr.fault import ExpressionFault
from engine.expr.lexer import Unsupported, tokenize
from engine.expr.parser import parse

Path: TypeAlias = tuple[str | int, ...]
Read: TypeAlias = tuple[str | None, Path]
"""(the variable without its dollar, None for the input; the path in it)."""

_CHILDREN: Final[dict[type, tuple[str, ...]]] = {
    syntax.Index: ("target", "key"),
    syntax.Slice: ("target", "start", "end"),
    syntax.Iterate: ("target",),
    syntax.Attempt: ("body",),
    syntax.Negate: ("body",),
    syntax.Binary: ("left", "right"),
    syntax.Logic: ("left", "right"),
    syntax.Alternative: ("left", "right"),
    syntax.Comma: ("left", "right"),
    syntax.ArrayOf: ("body",),
    syntax.Conditional: ("condition", "then", "otherwise"),
    syntax.Bind: ("source", "body"),
    syntax.Reduce: ("source",),
    syntax.Foreach: ("source",),
}
"""The parts of a node that work on the same input as the node."""


@lru_cache(maxsize=512)
def plain_reads(source: str) -> tuple[Read, ...]:
    """The plain paths that the program reads of its input and of variables, each once, in the
    order of the text. Reads whose place is computed (`.[$n]`, inside `map(...)`) are not among
    them; of a program that only libjq knows there are none."""
    try:
        root = parse(tokenize(source)).root
        return tuple(dict.fromkeys(_reads(root, ())))
    except (Unsupported, ExpressionFault, RecursionError):
        return ()


def _reads(node: syntax.Node, here: Path | None) -> Iterator[Read]:
    """`here`: the path of the input that the node works on; None: it is computed."""
    found = _plain(node, here)
    if found is not None:
        yield found
        return
    if isinstance(node, syntax.Pipe):
        yield from _of_pipe(node, here)
        return
    for child in _children(node):
        yield from _reads(child, here)


def _of_pipe(node: syntax.Pipe, here: Path | None) -> Iterator[Read]:
    """The left side is where the right side stands, if it is plain itself."""
    left = _plain(node.left, here)
    if left is not None and left[0] is None:
        before = list(_reads(node.right, left[1]))
        yield from before or [left]
        return
    yield from _reads(node.left, here)
    yield from _reads(node.right, None)


def _plain(node: syntax.Node, here: Path | None) -> Read | None:
    keys: list[str | int] = []
    while isinstance(node, syntax.Index):
        key = node.key.value if isinstance(node.key, syntax.Literal) else None
        if type(key) is not str and type(key) is not int:
            return None
        keys.append(key)
        node = node.target
    path = tuple(reversed(keys))
    if isinstance(node, syntax.Variable):
        return (node.name, path)
    if isinstance(node, syntax.Identity) and here is not None and (path or here):
        return (None, (*here, *path))
    return None


def _children(node: syntax.Node) -> Iterator[syntax.Node]:
    for name in _CHILDREN.get(type(node), ()):
        child = getattr(node, name)
        if child is not None:
            yield child
    if isinstance(node, syntax.ObjectOf):
        for key, value in node.members:
            yield key
            yield value
    if isinstance(node, syntax.Template):
        yield from (part for part in node.parts if not isinstance(part, str))
