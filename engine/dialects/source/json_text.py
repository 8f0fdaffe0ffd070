"""JSON text -> tree, read strictly (RFC 8259) and without recursion.

The standard decoders keep no places and take the last of two equal keys; this one refuses them.
"""

import json
import re
from bisect import bisect_right
from typing import Any, Final, NoReturn

from engine.dialects.source.fault import unreadable
from engine.dialects.source.number import JSON_NUMBER, number_of
from engine.dialects.source.tree import Limits, Place, Source, TreeBuilder

_BLANKS: Final = re.compile(r"[ \t\n\r]*")
_STRING: Final = re.compile(
    r'"[^"\\\x00-\x1f]*(?:\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})[^"\\\x00-\x1f]*)*"'
)
_WORD: Final = re.compile(r"[A-Za-z]+")
_WORDS: Final = {"true": True, "false": False, "null": None}
_ENDS: Final = {"{": "}", "[": "]"}


def read_json(text: str, limits: Limits) -> Source:
    """Read one JSON document. Raises Unreadable."""
    return _Reader(text, limits).read()


class _Reader:
    """One pass over the text; `_at` is the offset of what comes next."""

    def __init__(self, text: str, limits: Limits) -> None:
        self._text = text
        self._at = 0
        self._lines = [0, *(match.end() for match in re.finditer("\n", text))]
        self._builder = TreeBuilder(limits)
        self._ends: list[str] = []
        self._opened = False

    def read(self) -> Source:
        self._value()
        while self._ends:
            self._member()
        if self._peek():
            self._refuse("syntax", "text behind the end of the document; remove it")
        return self._builder.source()

    def _member(self) -> None:
        """What follows a value, or the opening, inside the innermost object or array."""
        char, end = self._peek(), self._ends[-1]
        if char == end:
            self._at += 1
            self._ends.pop()
            self._opened = False
            self._builder.close()
            return
        if self._opened:
            self._opened = False
        elif char == ",":
            self._at += 1
        else:
            self._refuse("syntax", f"a `,` or `{end}` must stand here")
        if end == "}":
            self._key()
        self._value()

    def _key(self) -> None:
        if self._peek() != '"':
            self._refuse("syntax", 'a member name in "quotes" must stand here')
        place = self._place()
        self._builder.add_key(self._string(), place)
        if self._peek() != ":":
            self._refuse("syntax", "a `:` must stand here")
        self._at += 1

    def _value(self) -> None:
        char = self._peek()
        place = self._place()
        self._opened = char in _ENDS
        if self._opened:
            self._builder.open({} if char == "{" else [], place)
            self._ends.append(_ENDS[char])
            self._at += 1
        elif char == '"':
            self._builder.add_scalar(self._string(), place)
        else:
            self._builder.add_scalar(self._number_or_word(), place)

    def _string(self) -> str:
        match = _STRING.match(self._text, self._at)
        if match is None:
            self._refuse("syntax", "a text is not closed, or holds a control character or bad \\")
        raw = match[0]
        value: str = json.loads(raw) if "\\" in raw else raw[1:-1]
        if "\\u" in raw and any("\ud800" <= char <= "\udfff" for char in value):
            self._refuse("syntax", "half of a surrogate pair; write both halves or the character")
        self._at = match.end()
        return value

    def _number_or_word(self) -> Any:
        if match := JSON_NUMBER.match(self._text, self._at):
            return self._number(match)
        match = _WORD.match(self._text, self._at)
        if match is None or match[0] not in _WORDS:
            self._refuse("syntax", "a value must stand here: text, number, true, false, null, {, [")
        self._at = match.end()
        return _WORDS[match[0]]

    def _number(self, match: re.Match[str]) -> Any:
        try:
            value = number_of(match)
        except ValueError:
            self._refuse("number", f"{match[0][:40]} is too large; put it in quotes")
        self._at = match.end()
        return value

    def _peek(self) -> str:
        """The next character that is no blank, "" at the end."""
        match = _BLANKS.match(self._text, self._at)
        if match is not None:
            self._at = match.end()
        return self._text[self._at : self._at + 1]

    def _place(self) -> Place:
        line = bisect_right(self._lines, self._at)
        return line, self._at - self._lines[line - 1] + 1

    def _refuse(self, code: str, message: str) -> NoReturn:
        message = message if code != "syntax" else f"not JSON: {message}"
        raise unreadable(code, message, self._builder.pointer(), *self._place())
