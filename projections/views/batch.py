"""An event of the log to the changes of all views.

Some facts are not in the event that makes them true, they are facts of the fold up to it: the
output of a completed execution, the input that a fork no longer has, what a cancelled timer was
for. Whoever folds hands the state in.
"""

from collections.abc import Callable
from typing import Any, Final

from msgspec import UNSET

from engine.model.state import ExecutionState
from engine.ports.rows import EventRow
from projections.views import commands, executions, finding, history, lineage, waits
from projections.views.changes import Changes
from schemas.events import bodies

CHANGING: Final = (bodies.ExecutionForked, bodies.TimerCancelled)
"""Events that change something of which they do not say what it was."""

LAST: Final = frozenset(
    {
        bodies.ExecutionCompleted,
        bodies.ExecutionFailed,
        bodies.ExecutionCancelled,
        bodies.GatheringExpired,
    }
)
"""Events after which an execution does not go on."""


def _noted() -> dict[type[bodies.EventBody], tuple[Callable[[Changes, EventRow, Any], None], ...]]:
    """All that the views note of each type of event."""
    views = (
        executions.NOTES, history.NOTES, waits.NOTES, lineage.NOTES, finding.NOTES, commands.NOTES
    )  # fmt: skip
    kinds = {kind for table in views for kind in table}
    return {kind: tuple(table[kind] for table in views if kind in table) for kind in kinds}


_NOTED: Final = _noted()


def apply(changes: Changes, row: EventRow, body: bodies.EventBody) -> None:
    """Note what this event changes."""
    executions.apply(changes, row, body)
    for note in _NOTED.get(type(body), ()):
        note(changes, row, body)


def apply_after(
    changes: Changes, row: EventRow, body: bodies.EventBody, before: ExecutionState
) -> None:
    """Note what an event of `CHANGING` changes of the state `before` it."""
    if isinstance(body, bodies.TimerCancelled):
        timer = before.timers.get(body.timer)
        executions.timer_cancelled(changes, row, "" if timer is None else timer.purpose)
    elif isinstance(body, bodies.ExecutionForked) and body.input is not UNSET:
        place = row.namespace, row.execution_id
        finding.holds(changes, *place, "input", before.input, still=False)
        finding.holds(changes, *place, "input", body.input)


def completed(changes: Changes, row: EventRow, output: Any) -> None:
    """Note the output of the execution that this event completed."""
    finding.holds(changes, row.namespace, row.execution_id, "output", output)
