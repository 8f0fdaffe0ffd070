"""Tokens to the syntax tree, by jq's own precedences.

Whatever this parser does not know raises `Unsupported`: the program is then run by a worker, and
libjq says whether it is one. Loosest first: `|`, `,`, `as`, `//`, `or`, `and`, comparisons (which
do not chain), `+ -`, `* / %`, unary minus, postfix.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from engine.expr import syntax
from engine.expr.budget import FIRST_SLOT
from engine.expr.json_text import JsonFault, loads
from engine.expr.lexer import KEYWORDS, Kind, Token, Unsupported
from engine.expr.order import is_number
from schemas.numbers import negated

_COMPARISONS: Final = ("==", "!=", "<", "<=", ">", ">=")
_CONSTANTS: Final = {"null": None, "true": True, "false": False}
MAX_NODES: Final = 200
MAX_RECURSION: Final = 40


@dataclass(frozen=True, slots=True)
class Program:
    """A parsed program. `free[name]` is the frame slot of a variable that the caller gives; the
    other slots, `slots` in all, belong to the program's own bindings."""

    root: syntax.Node
    free: dict[str, int]
    slots: int


def parse(tokens: tuple[Token, ...]) -> Program:
    """The tree of a whole program. Raises `Unsupported`."""
    names = _Names()
    return Program(_Parser(tokens, names).whole(), names.free, names.slots)


class _Names:
    """Which variable is which place in the frame; shared by a program and its interpolations."""

    def __init__(self) -> None:
        self.free: dict[str, int] = {}
        self.slots = FIRST_SLOT
        self.bound: dict[str, list[int]] = {}
        self.nodes = 0
        self.depth = 0

    def take(self) -> int:
        self.slots += 1
        return self.slots - 1

    def look_up(self, name: str) -> int:
        if name == "__loc__":
            raise Unsupported("a place in the program's text")
        if scopes := self.bound.get(name):
            return scopes[-1]
        if name not in self.free:
            self.free[name] = self.take()
        return self.free[name]

    def within(self, name: str, slot: int, parse_body: Callable[[], syntax.Node]) -> syntax.Node:
        self.bound.setdefault(name, []).append(slot)
        body = parse_body()
        self.bound[name].pop()
        return body


class _Parser:
    def __init__(self, tokens: tuple[Token, ...], names: _Names) -> None:
        self.tokens = tokens
        self.at = 0
        self.names = names

    # -------------------------------------------------------------- reading

    def peek(self, *texts: str) -> bool:
        return self.at < len(self.tokens) and self.tokens[self.at].is_symbol(*texts)

    def kind(self) -> Kind | None:
        return self.tokens[self.at].kind if self.at < len(self.tokens) else None

    def advance(self) -> Token:
        if self.at >= len(self.tokens):
            raise Unsupported("the program ends early")
        self.at += 1
        return self.tokens[self.at - 1]

    def accept(self, *texts: str) -> bool:
        if self.peek(*texts):
            self.at += 1
            return True
        return False

    def expect(self, text: str) -> None:
        if not self.accept(text):
            raise Unsupported(f"{text!r} is missing")

    def expect_kind(self, kind: Kind) -> str:
        if self.kind() is not kind:
            raise Unsupported(f"a {kind.value} is missing")
        return self.advance().text

    # -------------------------------------------------------------- expressions

    def whole(self) -> syntax.Node:
        root = self.pipe()
        if self.at < len(self.tokens):
            raise Unsupported(f"{self.tokens[self.at].text!r} is not expected")
        return root

    def pipe(self) -> syntax.Node:
        """`a, b | c`, and everything tighter."""
        self.names.depth += 1
        if self.names.depth > MAX_RECURSION:
            raise Unsupported("nested too deep")
        segments = [self.comma()]
        while self.accept("|"):
            segments.append(self.comma())
        self.names.depth -= 1
        node = segments.pop()
        while segments:
            node = syntax.Pipe(segments.pop(), node)
        return node

    def comma(self) -> syntax.Node:
        node = self.bindable()
        while self.accept(","):
            node = syntax.Comma(node, self.bindable())
        return node

    def bindable(self) -> syntax.Node:
        """An expression, or `expression as $name | body`, whose body reaches as far as it can."""
        source = self.alternative()
        if not self.peek("as"):
            return source
        slot, name = self.binding()
        self.expect("|")
        return syntax.Bind(source, slot, self.names.within(name, slot, self.pipe))

    def alternative(self) -> syntax.Node:
        options = [self.disjunction()]
        while self.accept("//"):
            options.append(self.disjunction())
        node = options.pop()
        while options:
            node = syntax.Alternative(options.pop(), node)
        return node

    def disjunction(self) -> syntax.Node:
        node = self.conjunction()
        while self.accept("or"):
            node = syntax.Logic("or", node, self.conjunction())
        return node

    def conjunction(self) -> syntax.Node:
        node = self.comparison()
        while self.accept("and"):
            node = syntax.Logic("and", node, self.comparison())
        return node

    def comparison(self) -> syntax.Node:
        node = self.sum()
        if self.peek(*_COMPARISONS):
            node = syntax.Binary(self.advance().text, node, self.sum())
        return node

    def sum(self) -> syntax.Node:
        node = self.product()
        while self.peek("+", "-"):
            node = syntax.Binary(self.advance().text, node, self.product())
        return node

    def product(self) -> syntax.Node:
        node = self.signed()
        while self.peek("*", "/", "%"):
            node = syntax.Binary(self.advance().text, node, self.signed())
        return node

    def signed(self) -> syntax.Node:
        if not self.accept("-"):
            return self.postfix()
        term = self.postfix()
        if isinstance(term, syntax.Literal) and is_number(term.value):
            return syntax.Literal(negated(term.value))
        return syntax.Negate(term)

    def binding(self) -> tuple[int, str]:
        self.expect("as")
        name = self.expect_kind(Kind.VARIABLE)
        return self.names.take(), name

    # -------------------------------------------------------------- terms

    def postfix(self) -> syntax.Node:
        node = self.term()
        while True:
            self.names.nodes += 1
            if self.names.nodes > MAX_NODES:
                raise Unsupported("too long to compile")
            if self.kind() is Kind.FIELD:
                node = self.indexed(node, syntax.Literal(self.advance().text))
            elif self.peek("["):
                node = self.bracket(node, may_slice=True)
            elif self.accept("."):
                node = self.dotted(node)
            elif self.accept("?"):
                node = syntax.Attempt(node)
            else:
                return node

    def dotted(self, node: syntax.Node) -> syntax.Node:
        if self.kind() is Kind.STRING:
            return self.indexed(node, self.text())
        if self.peek("["):
            return self.bracket(node, may_slice=False)
        raise Unsupported("a dot leads nowhere")

    def indexed(self, target: syntax.Node, key: syntax.Node) -> syntax.Node:
        return syntax.Index(target, key, self.accept("?"))

    def bracket(self, target: syntax.Node, *, may_slice: bool) -> syntax.Node:
        self.expect("[")
        if self.accept("]"):
            return syntax.Iterate(target, self.accept("?"))
        start: syntax.Node = syntax.Literal(None)
        if not self.peek(":"):
            start = self.pipe()
            if self.accept("]"):
                return self.indexed(target, start)
        if not may_slice:
            raise Unsupported("a slice after a dot")
        self.expect(":")
        end = syntax.Literal(None) if self.peek("]") else self.pipe()
        if start == end == syntax.Literal(None):
            raise Unsupported("a slice without bounds")
        self.expect("]")
        return syntax.Slice(target, start, end, self.accept("?"))

    def term(self) -> syntax.Node:
        kind = self.kind()
        if kind is Kind.FIELD:
            return self.indexed(syntax.Identity(), syntax.Literal(self.advance().text))
        if kind is Kind.NUMBER:
            return self.number()
        if kind is Kind.STRING:
            return self.text()
        if kind is Kind.VARIABLE:
            name = self.advance().text
            return syntax.Variable(name, self.names.look_up(name))
        if kind is Kind.NAME:
            return self.call()
        return self.symbol_term()

    def symbol_term(self) -> syntax.Node:
        if self.accept("."):
            if self.kind() is Kind.STRING:
                return self.indexed(syntax.Identity(), self.text())
            return syntax.Identity()
        if self.accept("("):
            node = self.pipe()
            self.expect(")")
            return node
        if self.accept("["):
            body = None if self.peek("]") else self.pipe()
            self.expect("]")
            return syntax.ArrayOf(body)
        if self.accept("{"):
            return self.object()
        if self.accept("if"):
            return self.conditional()
        if self.peek("reduce", "foreach"):
            return self.fold()
        raise Unsupported("a term is missing")

    def number(self) -> syntax.Node:
        text = self.advance().text
        try:
            try:
                return syntax.Literal(loads(text))
            except JsonFault:
                return syntax.Literal(loads(str(Decimal(text))))
        except (JsonFault, InvalidOperation):
            raise Unsupported("a number this long") from None

    def text(self) -> syntax.Node:
        parts: list[str | syntax.Node] = []
        for part in self.advance().parts:
            if isinstance(part, str):
                if parts and isinstance(last := parts[-1], str):
                    parts[-1] = last + part
                else:
                    parts.append(part)
            else:
                parts.append(_Parser(part, self.names).whole())
        if not parts:
            return syntax.Literal("")
        if len(parts) == 1 and isinstance(only := parts[0], str):
            return syntax.Literal(only)
        return syntax.Template(tuple(parts))

    def call(self) -> syntax.Node:
        name = self.advance().text
        if self.peek("::"):
            raise Unsupported("a module's function")
        arguments: list[syntax.Node] = []
        if self.accept("("):
            arguments.append(self.pipe())
            while self.accept(";"):
                arguments.append(self.pipe())
            self.expect(")")
        elif name in _CONSTANTS:
            return syntax.Literal(_CONSTANTS[name])
        return syntax.Call(name, tuple(arguments))

    def conditional(self) -> syntax.Node:
        arms: list[tuple[syntax.Node, syntax.Node]] = []
        while not arms or self.accept("elif"):
            condition = self.pipe()
            self.expect("then")
            arms.append((condition, self.pipe()))
        node: syntax.Node = self.pipe() if self.accept("else") else syntax.Identity()
        self.expect("end")
        for condition, then in reversed(arms):
            node = syntax.Conditional(condition, then, node)
        return node

    def fold(self) -> syntax.Node:
        keyword = self.advance().text
        source = self.alternative()
        slot, name = self.binding()
        self.expect("(")
        start = self.pipe()
        self.expect(";")
        update = self.names.within(name, slot, self.pipe)
        extract: syntax.Node = syntax.Identity()
        if keyword == "foreach" and self.accept(";"):
            extract = self.names.within(name, slot, self.pipe)
        self.expect(")")
        if keyword == "reduce":
            return syntax.Reduce(source, slot, start, update)
        return syntax.Foreach(source, slot, start, update, extract)

    # -------------------------------------------------------------- objects

    def object(self) -> syntax.Node:
        members: list[tuple[syntax.Node, syntax.Node]] = []
        while not self.accept("}"):
            members.append(self.member())
            if not self.peek("}"):
                self.expect(",")
        return syntax.ObjectOf(tuple(members))

    def member(self) -> tuple[syntax.Node, syntax.Node]:
        if self.kind() is Kind.VARIABLE:
            name = self.advance().text
            return syntax.Literal(name), syntax.Variable(name, self.names.look_up(name))
        if self.accept("("):
            key = self.pipe()
            self.expect(")")
            if isinstance(key, syntax.Literal) and not isinstance(key.value, str):
                raise Unsupported("a key that is not a string")
        else:
            key = self.member_name()
            if not self.peek(":"):
                return key, syntax.Index(syntax.Identity(), key)
        self.expect(":")
        return key, self.member_value()

    def member_name(self) -> syntax.Node:
        if self.kind() is Kind.STRING:
            return self.text()
        if self.kind() is Kind.NAME or self.peek(*(KEYWORDS - {"__loc__"})):
            return syntax.Literal(self.advance().text)
        raise Unsupported("a key is missing")

    def member_value(self) -> syntax.Node:
        """An expression without commas and bindings, or several joined by `|`."""
        segments = [self.alternative()]
        while self.accept("|"):
            segments.append(self.alternative())
        node = segments.pop()
        while segments:
            node = syntax.Pipe(segments.pop(), node)
        return node
