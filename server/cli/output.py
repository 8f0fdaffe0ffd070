"""What commands print: tables for people, JSON for programs, ids for pipes."""

import sys
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

from schemas.json_text import dumps

Columns = Mapping[str, Callable[[Any], Any]]


class Output(StrEnum):
    """How to print."""

    TABLE = "table"
    JSON = "json"
    IDS = "ids"


def emit_list(
    items: Sequence[Any], output: Output, columns: Columns, ident: Callable[[Any], Any]
) -> None:
    """Print a list: JSON has the API's form, with all pages in one."""
    if output is Output.JSON:
        write_json({"items": list(items), "next": None})
    elif output is Output.IDS:
        for item in items:
            write_line(str(ident(item)))
    else:
        write_table(items, columns)


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


def write_table(items: Sequence[Any], columns: Columns) -> None:
    """Rows under headings; in a pipe plain text of any width, so that nothing is cut."""
    rows = [[text_of(read(item)) for read in columns.values()] for item in items]
    if not sys.stdout.isatty():
        _write_plain([list(columns), *rows])
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in columns:
        table.add_column(name, overflow="fold")
    for row in rows:
        table.add_row(*map(escape, row))
    Console().print(table)


def _write_plain(rows: list[list[str]]) -> None:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        write_line("  ".join(cells).rstrip())


def text_of(value: Any) -> str:
    """A value on one line for people; control characters are shown, not obeyed."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else dumps(value).decode()
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
