"""An event of the log to the changes of all views.

Two facts are not in the event that makes them true, they are facts of the fold up to it: the output
of a completed execution, and the input that a fork no longer has. Whoever folds hands them in.
"""

from typing import Any, Final

from msgspec import UNSET

from engine.ports.rows import EventRow
from projections.views import executions, finding, history, lineage, waits
from projections.views.changes import Changes
from schemas.events import bodies

LAST: Final = (
    bodies.ExecutionCompleted,
    bodies.ExecutionFailed,
    bodies.ExecutionCancelled,
    bodies.GatheringExpired,
)
"""Events after which an execution does not go on."""


def apply(changes: Changes, row: EventRow, body: bodies.EventBody, before: Any = None) -> None:
    """Note what this event changes. `before`: of ExecutionForked, the input before it."""
    executions.apply(changes, row, body)
    history.apply(changes, row, body)
    waits.apply(changes, row, body)
    lineage.apply(changes, row, body)
    place = row.namespace, row.execution_id
    if isinstance(body, bodies.ExecutionStarted):
        finding.labelled(changes, *place, body.labels)
        finding.holds(changes, *place, "input", body.input)
    elif isinstance(body, bodies.ExecutionForked) and body.input is not UNSET:
        finding.holds(changes, *place, "input", before, still=False)
        finding.holds(changes, *place, "input", body.input)


def completed(changes: Changes, row: EventRow, output: Any) -> None:
    """Note the output of the execution that this event completed."""
    finding.holds(changes, row.namespace, row.execution_id, "output", output)
