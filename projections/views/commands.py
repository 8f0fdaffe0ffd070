"""Who asked for what: the commands from outside that executions obeyed, as their logs tell it."""

from engine.ports.rows import EventRow
from projections.views.changes import Changes, Notes
from projections.views.rows import CommandRow
from projections.views.text import plain
from schemas.events import bodies
from schemas.events.parts import UNASKED, Asked

ENGINE = "engine"
"""The actor of what nobody asked for."""

ACTIONS = (
    "callback.answered",
    "execution.cancelled",
    "execution.forked",
    "execution.imported",
    "execution.paused",
    "execution.redriven",
    "execution.resumed",
    "execution.started",
    "execution.stepped",
)
"""Every action that this view notes."""


def _started(changes: Changes, row: EventRow, body: bodies.ExecutionStarted) -> None:
    if body.asked is not None or body.trigger is None:
        _note(changes, row, "execution.started", body.asked)


def _answered(
    changes: Changes, row: EventRow, body: bodies.CallbackReceived | bodies.EventReceived
) -> None:
    if body.asked is not None:
        _note(changes, row, "callback.answered", body.asked)


def _cancelled(changes: Changes, row: EventRow, body: bodies.ExecutionCancelled) -> None:
    _note(changes, row, "execution.cancelled", body.asked)


def _suspended(changes: Changes, row: EventRow, body: bodies.ExecutionSuspended) -> None:
    """Only a pause is asked for. All other suspensions follow from something else, in the same turn
    as that and so with its actor."""
    if body.reason == "paused":
        _note(changes, row, "execution.paused", body.asked)


def _resumed(changes: Changes, row: EventRow, body: bodies.ExecutionResumed) -> None:
    action = "execution.stepped" if body.mode == "step" else "execution.resumed"
    _note(changes, row, action, body.asked)


def _forked(changes: Changes, row: EventRow, body: bodies.ExecutionForked) -> None:
    action = "execution.redriven" if body.redrive else "execution.forked"
    _note(changes, row, action, body.asked)


def _imported(changes: Changes, row: EventRow, body: bodies.ExecutionImported) -> None:
    _note(changes, row, "execution.imported", body.asked)


def _note(changes: Changes, row: EventRow, action: str, asked: Asked | None) -> None:
    if row.actor == ENGINE:
        return
    asked = asked or UNASKED
    changes.commands.append(
        CommandRow(
            execution_id=row.execution_id,
            seq=row.seq,
            namespace=row.namespace,
            at=row.at,
            actor=plain(row.actor),
            action=action,
            origin=plain(asked.origin),
            reason=plain(asked.reason),
        )
    )


NOTES: Notes = {
    bodies.ExecutionStarted: _started,
    bodies.CallbackReceived: _answered,
    bodies.EventReceived: _answered,
    bodies.ExecutionCancelled: _cancelled,
    bodies.ExecutionSuspended: _suspended,
    bodies.ExecutionResumed: _resumed,
    bodies.ExecutionForked: _forked,
    bodies.ExecutionImported: _imported,
}
"""Which events somebody outside asked for. That a fork was taken is told by the fork."""
