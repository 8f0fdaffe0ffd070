"""An event of the log to the changes of all views.

Two facts are not in the event that makes them true, they are facts of the fold up to it: the output
of a completed execution, and the input that a fork no longer has. Whoever folds hands them in.
"""

from collections.abc import Callable
from typing import Any, Final

from msgspec import UNSET

from engine.ports.rows import EventRow
from projections.views import commands, executions, finding, history, lineage, waits
from projections.views.changes import Changes
from schemas.events import bodies

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


def forked(changes: Changes, row: EventRow, body: bodies.ExecutionForked, before: Any) -> None:
    """Note the input of a fork in place of the one `before` it."""
    if body.input is not UNSET:
        place = row.namespace, row.execution_id
        finding.holds(changes, *place, "input", before, still=False)
        finding.holds(changes, *place, "input", body.input)


def completed(changes: Changes, row: EventRow, output: Any) -> None:
    """Note the output of the execution that this event completed."""
    finding.holds(changes, row.namespace, row.execution_id, "output", output)
