"""A fault of a definition: what is wrong, where, and what to do about it."""

from typing import Literal

import msgspec

Severity = Literal["error", "warning"]


class Fault(msgspec.Struct, frozen=True):
    """`code` is stable, `message` a sentence that says what to do. The place: `pointer`, a JSON
    pointer into the document, and `line` and `column`, both from 1. `document` is the URI of the
    resource that holds the fault, "" for the definition itself. A warning does not refuse."""

    code: str
    message: str
    pointer: str = ""
    line: int = 1
    column: int = 1
    severity: Severity = "error"
    document: str = ""


class Unreadable(Exception):
    """Text that is not one well-formed document within the limits."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


def unreadable(code: str, message: str, pointer: str, line: int, column: int) -> Unreadable:
    """The refusal of a text at a place."""
    return Unreadable(Fault(f"definition.source.{code}", message, pointer, line, column))
