"""jq program text to tokens.

Only what is surely wrong is refused here (an open string, a bracket without its partner, a
character jq has no use for); whether the tokens make a program is for the parser, or libjq, to say.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

from engine.expr.fault import ExpressionFault

MAX_SOURCE_LENGTH: Final = 16_384
MAX_NESTING: Final = 64


class Unsupported(Exception):
    """Perhaps jq, but not of the subset that is compiled here: a worker has to judge it."""


class StrayBrace(ExpressionFault):
    """A closing brace without an opening one: the text reaches beyond one program."""


class Kind(Enum):
    """What a token is. Keywords and operators are `SYMBOL`, told apart by their text."""

    SYMBOL = "symbol"
    NAME = "name"
    FIELD = "field"
    VARIABLE = "variable"
    NUMBER = "number"
    STRING = "string"
    FORMAT = "format"


@dataclass(frozen=True, slots=True)
class Token:
    """`text` is without its mark: `a` for `.a` and for `$a`. `parts` is what a string consists of:
    texts, and the tokens of each interpolated expression."""

    kind: Kind
    text: str
    offset: int
    parts: tuple[str | tuple[Token, ...], ...] = ()

    def is_symbol(self, *texts: str) -> bool:
        return self.kind is Kind.SYMBOL and self.text in texts


KEYWORDS: Final = frozenset(
    {
        *("def", "module", "import", "include", "if", "then", "else", "elif", "and", "or", "end"),
        *("reduce", "foreach", "try", "catch", "label", "break", "as", "__loc__"),
    }
)
_BLANK = re.compile(r"[ \t\r\n]+")
_COMMENT = re.compile(r"#[^\n]*")
_TOKEN = re.compile(
    r"(?P<number>(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)"
    r"|(?P<field>\.[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<variable>\$[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<format>@[A-Za-z0-9_]+)"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)"
    r"|(?P<symbol>\?//=?|//=|[!=<>|+\-*/%]=|//|\.\.|::|[.?=;,:|+\-*/%<>\[\]{}()$])"
)
_PLAIN_TEXT = re.compile(r'[^\\"]+')
_ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_CODE_UNIT = re.compile(r"[0-9a-fA-F]{4}")
_PARTNER = {")": "(", "]": "[", "}": "{"}


def tokenize(source: str) -> tuple[Token, ...]:
    """All tokens of a program. Raises `ExpressionFault`: syntax, limit or refused."""
    if len(source) > MAX_SOURCE_LENGTH:
        raise ExpressionFault(
            "expression.limit",
            f"the expression has {len(source)} characters, allowed are {MAX_SOURCE_LENGTH}",
        )
    reader = _Reader(source)
    tokens = reader.read(0)
    if not tokens:
        raise ExpressionFault("expression.syntax", "the expression is empty; write . for all data")
    return tokens


def _wrong(offset: int, message: str) -> ExpressionFault:
    return ExpressionFault("expression.syntax", f"{message} (character {offset + 1})")


class _Reader:
    """One pass over the text; strings recurse for their interpolations."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.offset = 0

    def read(self, depth: int) -> tuple[Token, ...]:
        """Tokens up to the end, or inside an interpolation up to its closing parenthesis."""
        tokens: list[Token] = []
        open_brackets: list[Token] = []
        while True:
            self._skip_blanks()
            if self.offset >= len(self.source):
                if open_brackets or depth:
                    start = open_brackets[-1].offset if open_brackets else self.offset - 1
                    raise _wrong(start, "a bracket is never closed")
                return tuple(tokens)
            if depth and not open_brackets and self.source[self.offset] == ")":
                self.offset += 1
                return tuple(tokens)
            token = self._next(depth)
            self._track(token, open_brackets)
            tokens.append(token)

    def _skip_blanks(self) -> None:
        while match := _BLANK.match(self.source, self.offset) or self._comment():
            self.offset = match.end()

    def _comment(self) -> re.Match[str] | None:
        match = _COMMENT.match(self.source, self.offset)
        if match and ("\\" in match[0] or "\r" in match[0]):
            raise ExpressionFault(
                "expression.refused",
                "a comment may not hold a backslash or a carriage return: jq versions disagree on"
                " where it ends",
            )
        return match

    def _next(self, depth: int) -> Token:
        start = self.offset
        if self.source[start] == '"':
            return self._string(depth)
        match = _TOKEN.match(self.source, start)
        if match is None:
            raise _wrong(start, f"{self.source[start]!r} has no meaning in jq")
        self.offset = match.end()
        kind, text = Kind(match.lastgroup), match[0]
        if kind in (Kind.FIELD, Kind.VARIABLE, Kind.FORMAT):
            text = text[1:]
        elif kind is Kind.NAME and text in KEYWORDS:
            kind = Kind.SYMBOL
        return Token(kind, text, start)

    @staticmethod
    def _track(token: Token, open_brackets: list[Token]) -> None:
        if token.is_symbol("(", "[", "{"):
            open_brackets.append(token)
            if len(open_brackets) > MAX_NESTING:
                raise ExpressionFault(
                    "expression.limit", f"brackets are nested deeper than {MAX_NESTING} levels"
                )
        elif token.is_symbol(")", "]", "}") and (
            not open_brackets or open_brackets.pop().text != _PARTNER[token.text]
        ):
            message = f"{token.text!r} closes nothing (character {token.offset + 1})"
            kind = StrayBrace if token.text == "}" else ExpressionFault
            raise kind("expression.syntax", message)

    def _string(self, depth: int) -> Token:
        start = self.offset
        self.offset += 1
        parts: list[str | tuple[Token, ...]] = []
        while True:
            if match := _PLAIN_TEXT.match(self.source, self.offset):
                parts.append(match[0])
                self.offset = match.end()
            if self.offset >= len(self.source):
                raise _wrong(start, "a string is never closed")
            if self.source[self.offset] == '"':
                self.offset += 1
                return Token(Kind.STRING, self.source[start : self.offset], start, tuple(parts))
            parts.append(self._escape(depth))

    def _escape(self, depth: int) -> str | tuple[Token, ...]:
        start = self.offset
        mark = self.source[start + 1 : start + 2]
        self.offset += 2
        if mark == "(":
            if depth >= MAX_NESTING:
                raise ExpressionFault("expression.limit", "strings are nested too deep")
            return self.read(depth + 1)
        if mark == "u":
            return self._code_point(start)
        if mark not in _ESCAPES:
            raise _wrong(start, f"\\{mark} is not an escape of jq; write \\\\ for a backslash")
        return _ESCAPES[mark]

    def _code_point(self, start: int) -> str:
        unit = self._code_unit(start)
        if 0xD800 <= unit < 0xDC00 and self.source.startswith("\\u", self.offset):
            self.offset += 2
            low = self._code_unit(start)
            if 0xDC00 <= low < 0xE000:
                return chr(0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00))
        elif not 0xD800 <= unit < 0xE000:
            return chr(unit)
        raise _wrong(start, "half of a surrogate pair is not a character")

    def _code_unit(self, start: int) -> int:
        match = _CODE_UNIT.match(self.source, self.offset)
        if match is None:
            raise _wrong(start, "\\u needs four hexadecimal digits")
        self.offset = match.end()
        return int(match[0], 16)
