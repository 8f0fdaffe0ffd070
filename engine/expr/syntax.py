"""The syntax tree of the subset of jq that is compiled here. Nodes are immutable values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from engine.expr.json_text import Value


@dataclass(frozen=True, slots=True)
class Identity:
    """`.`: the input itself."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a string without interpolation, `null`, `true` or `false`."""

    value: Value


@dataclass(frozen=True, slots=True)
class Template:
    """A string with interpolations: texts and expressions in turn."""

    parts: tuple[str | Node, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """`target[key]`, `target.key`; with a question mark, `optional`."""

    target: Node
    key: Node
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Slice:
    """`target[start:end]`."""

    target: Node
    start: Node
    end: Node
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Iterate:
    """`target[]`."""

    target: Node
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """`body?`: the outputs up to the first error."""

    body: Node


@dataclass(frozen=True, slots=True)
class Negate:
    """`-body`."""

    body: Node


@dataclass(frozen=True, slots=True)
class Binary:
    """Arithmetic or a comparison."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Logic:
    """`and`, `or`: the right side is not evaluated where the left one decides."""

    operator: str
    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Alternative:
    """`left // right`."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Pipe:
    """`left | right`."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class Comma:
    """`left, right`."""

    left: Node
    right: Node


@dataclass(frozen=True, slots=True)
class ArrayOf:
    """`[body]`; without a body the empty array."""

    body: Node | None


@dataclass(frozen=True, slots=True)
class ObjectOf:
    """`{key: value, ...}`."""

    members: tuple[tuple[Node, Node], ...]


@dataclass(frozen=True, slots=True)
class Conditional:
    """`if condition then ... else ... end`; a missing `else` is the identity."""

    condition: Node
    then: Node
    otherwise: Node


@dataclass(frozen=True, slots=True)
class Variable:
    """`$name`; `slot` is its place in the frame."""

    name: str
    slot: int


@dataclass(frozen=True, slots=True)
class Bind:
    """`source as $name | body`."""

    source: Node
    slot: int
    body: Node


@dataclass(frozen=True, slots=True)
class Reduce:
    """`reduce source as $name (start; update)`."""

    source: Node
    slot: int
    start: Node
    update: Node


@dataclass(frozen=True, slots=True)
class Foreach:
    """`foreach source as $name (start; update; extract)`."""

    source: Node
    slot: int
    start: Node
    update: Node
    extract: Node


@dataclass(frozen=True, slots=True)
class Call:
    """A function of jq, by name and arguments."""

    name: str
    arguments: tuple[Node, ...]


Node: TypeAlias = (
    Identity
    | Literal
    | Template
    | Index
    | Slice
    | Iterate
    | Attempt
    | Negate
    | Binary
    | Logic
    | Alternative
    | Pipe
    | Comma
    | ArrayOf
    | ObjectOf
    | Conditional
    | Variable
    | Bind
    | Reduce
    | Foreach
    | Call
)
