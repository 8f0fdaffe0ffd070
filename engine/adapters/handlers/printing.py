"""What user functions print, kept with the call that printed it."""

import contextvars
import io
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

MAX_PRINTED_CHARS = 65_536
_CUT = "\n... (cut: a call keeps {limit} characters of what it prints)"


class Printed:
    """The text that one call printed, up to a limit."""

    def __init__(self, limit_chars: int = MAX_PRINTED_CHARS) -> None:
        self._parts: list[str] = []
        self._room = limit_chars
        self._limit = limit_chars
        self._is_cut = False

    def write(self, text: str) -> None:
        """Keep what there is room for."""
        if self._room > 0:
            self._parts.append(text[: self._room])
        self._is_cut = self._is_cut or len(text) > self._room
        self._room = max(0, self._room - len(text))

    @property
    def text(self) -> str | None:
        """All that was kept, None if nothing was printed. What is no text (lone surrogates)
        becomes question marks."""
        if not self._parts:
            return None
        kept = "".join(self._parts).encode("utf-8", "replace").decode()
        return kept + (_CUT.format(limit=self._limit) if self._is_cut else "")


_current: contextvars.ContextVar[Printed | None] = contextvars.ContextVar("printed", default=None)


class _Router(io.TextIOBase):
    """Stands for sys.stdout: writes go to the call that runs in this context, else through."""

    def __init__(self, beneath: TextIO) -> None:
        self.beneath = beneath

    def write(self, text: str) -> int:
        printed = _current.get()
        if printed is None:
            return self.beneath.write(text)
        printed.write(text)
        return len(text)

    def flush(self) -> None:
        self.beneath.flush()

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self.beneath.fileno()

    def isatty(self) -> bool:
        return self.beneath.isatty()


def route_stdout() -> None:
    """Route sys.stdout by call from now on. Called before each function, for others (test runners,
    progress bars) replace sys.stdout too; outside of calls nothing changes."""
    if not isinstance(sys.stdout, _Router):
        sys.stdout = _Router(sys.stdout)


@contextmanager
def capture() -> Iterator[Printed]:
    """Keep what is printed in this context (and in tasks and threads that inherit it)."""
    route_stdout()
    printed = Printed()
    token = _current.set(printed)
    try:
        yield printed
    finally:
        _current.reset(token)
