"""What commands print: tables for people, JSON for programs, ids for pipes."""

import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from schemas.json_text import dumps

Columns = Mapping[str, Callable[[Any], Any]]

_GAP = "  "
_LEAST_WIDTH = 8
_WHOLE = frozenset({"ID", "SEQ", "STATUS", "POSITION", "STARTED", "CREATED", "AT", "EVENTS"})
"""Columns that a table never cuts: what one copies, and what is short."""

_FIRST = frozenset({"DATA", "HASH"})
"""Columns that are cut before any other: nobody reads all of them in a table."""


class Output(StrEnum):
    """How to print."""

    TABLE = "table"
    JSON = "json"
    IDS = "ids"


def emit_list(
    items: Sequence[Any],
    output: Output,
    columns: Columns,
    ident: Callable[[Any], Any],
    *,
    following: str | None = None,
    full: bool = False,
) -> None:
    """Print a list: JSON has the API's form, `following` is its `next`. `full`: no cell is cut."""
    if output is Output.JSON:
        write_json({"items": list(items), "next": following})
        return
    if output is Output.IDS:
        for item in items:
            write_line(str(ident(item)))
    else:
        write_table(items, columns, full=full)
    if following is not None:
        write_error(f"refold: {len(items)} shown, more exist; raise --limit or leave it out")


def emit_one(
    value: Any, output: Output, ident: Callable[[Any], Any], lines: Sequence[tuple[str, Any]]
) -> None:
    """Print one thing; as a table, `lines` of name and value."""
    if output is Output.JSON:
        write_json(value)
    elif output is Output.IDS:
        write_line(str(ident(value)))
    else:
        width = max((len(name) for name, _ in lines), default=0)
        for name, shown in lines:
            if shown is not None:
                write_line(f"{name:<{width}}  {text_of(shown)}")


def write_json(value: Any) -> None:
    """One document on one line; never cut, numbers as they came."""
    sys.stdout.buffer.write(dumps(value) + b"\n")
    sys.stdout.flush()


def write_line(text: str) -> None:
    """A line for people."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def write_error(text: str) -> None:
    """A line on standard error."""
    sys.stderr.write(text + "\n")


def write_table(items: Sequence[Any], columns: Columns, *, full: bool = False) -> None:
    """Rows under headings. On a terminal a row is one line (long cells are cut, never those of
    `_WHOLE`) unless `full`; in a pipe nothing is cut."""
    rows = [[text_of(read(item)) for read in columns.values()] for item in items]
    heads = list(columns)
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    if sys.stdout.isatty() and not full:
        widths = fitting(heads, widths, shutil.get_terminal_size().columns)
    for row in [heads, *rows]:
        cells = (cut(cell, width).ljust(width) for cell, width in zip(row, widths, strict=True))
        write_line(_GAP.join(cells).rstrip())


def fitting(heads: Sequence[str], widths: Sequence[int], room: int) -> list[int]:
    """Widths of columns for lines of `room` characters: those of `_FIRST` give first, then
    the widest. What may not be cut keeps its width, even where the line gets too long then."""
    fitted = list(widths)
    excess = sum(fitted) + len(_GAP) * (len(fitted) - 1) - room
    for _ in range(max(0, excess)):
        sizes = {
            place: width
            for place, width in enumerate(fitted)
            if heads[place] not in _WHOLE and width > _LEAST_WIDTH
        }
        if not sizes:
            break
        first = [place for place in sizes if heads[place] in _FIRST]
        fitted[max(first or sizes, key=lambda place: sizes[place])] -= 1
    return fitted


def cut(text: str, width: int) -> str:
    """The text, or as much of it as fits with a sign that there is more."""
    return text if len(text) <= width else text[: width - 1] + "…"


def counted(number: int, noun: str) -> str:
    """`1 event`, `2 events`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def text_of(value: Any) -> str:
    """A value on one line for people; control characters are shown, not obeyed."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else dumps(value).decode()
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
