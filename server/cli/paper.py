"""Lines for people, in colours where a terminal shows them, cut to its width unless told not to."""

import os
import shutil
import sys
from typing import Any

import msgspec

from schemas.json_text import dumps
from server.cli.output import cut, text_of, write_line

_CODES = {"red": "31", "green": "32", "yellow": "33", "grey": "90", "bold": "1"}
_NAME_WIDTH = 9
_PIPE_WIDTH = 400
"""Characters of a line in a pipe: enough to search in, not a megabyte."""


class Paper:
    """What a command writes on. `full`: nothing is cut."""

    def __init__(self, *, full: bool = False) -> None:
        on_terminal = sys.stdout.isatty()
        self._colours = on_terminal and "NO_COLOR" not in os.environ
        self._width = shutil.get_terminal_size().columns if on_terminal else _PIPE_WIDTH
        self._full = full

    def line(self, text: str, colour: str | None = None) -> None:
        """One line; control characters that came from outside are shown, not obeyed."""
        shown = text_of(text)
        if not self._full:
            shown = cut(shown, self._width)
        write_line(f"\033[{_CODES[colour]}m{shown}\033[0m" if colour and self._colours else shown)

    def item(self, name: str, text: str) -> None:
        """A line with a name before it."""
        self.line(f"{name:<{_NAME_WIDTH}} {text}")

    def value(self, name: str, value: Any) -> None:
        """A JSON value: on one line where it fits, else a member a line."""
        text = dumps(value)
        if len(text) + _NAME_WIDTH < min(self._width, 100):
            self.item(name, text.decode())
            return
        for number, part in enumerate(msgspec.json.format(text, indent=2).decode().split("\n")):
            self.item(name if number == 0 else "", part)
