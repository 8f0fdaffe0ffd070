"""Opaque cursors: what a page ended with, so that no row is skipped or seen twice."""

import base64
import binascii

from server.api.door.problem import ProblemRaised


def write_cursor(text: str) -> str:
    """The cursor after a row with this key."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(cursor: str | None) -> str:
    """The key in a cursor, "" for none. Problem: query.invalid."""
    if cursor is None:
        return ""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        text = base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        text = "\0"
    if not text.isprintable():
        raise ProblemRaised("query.invalid", "this cursor is not one that a page gave out")
    return text


def read_number_cursor(cursor: str | None) -> int:
    """The number in a cursor, 0 for none."""
    text = read_cursor(cursor)
    if not text:
        return 0
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ProblemRaised("query.invalid", "this cursor is not one that a page gave out")
    return int(text)
