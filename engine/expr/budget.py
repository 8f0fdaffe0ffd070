"""How much one evaluation may do, and the frame that counts it down.

A frame is a plain list: what is left of the budget, whether a calculation left the range of
doubles, then one place for each variable. Nothing in the compiled subset recurses, so every loop is
over data or a range; each turn is charged the number of syntax nodes it evaluates, and an operation
on a whole value is charged by the size of that value. 200,000 units are some
tens of milliseconds, at worst 0.2 s.
"""

from __future__ import annotations

from typing import Any, Final, TypeAlias

from engine.expr.fault import ExpressionFault

Frame: TypeAlias = list[Any]
LEFT: Final = 0
OVERFLOWED: Final = 1
FIRST_SLOT: Final = 2

MAX_STEPS: Final = 200_000
MAX_OUTPUTS: Final = 10_000
MAX_TEXT: Final = 1 << 20
MAX_ITEMS: Final = 100_000
MAX_RESULT: Final = 1 << 20


def spend(frame: Frame, steps: int) -> None:
    """Charge some steps; raises `expression.limit` when the budget is used up."""
    frame[LEFT] -= steps
    if frame[LEFT] < 0:
        raise exceeded(f"the expression takes more than {MAX_STEPS} steps")


def spend_on_text(frame: Frame, length: int) -> None:
    """Charge the building or the search of a string; raises where it would be too long."""
    if length > MAX_TEXT:
        raise exceeded(f"a string would have {length} characters, allowed are {MAX_TEXT}")
    if length > 64:
        spend(frame, length >> 6)


def spend_on_items(frame: Frame, count: int) -> None:
    """Charge the building of an array or object; raises where it would be too large."""
    if count > MAX_ITEMS:
        raise exceeded(f"an array or object would have {count} members, allowed are {MAX_ITEMS}")
    spend(frame, 1 + (count >> 4))


def exceeded(what: str) -> ExpressionFault:
    """The fault of a budget; `what` is a clause."""
    return ExpressionFault("expression.limit", f"{what}; do this work in an action instead")
