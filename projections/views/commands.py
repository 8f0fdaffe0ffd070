"""Who asked for what: the commands from outside that executions obeyed, as their logs tell it."""

from engine.ports.rows import EventRow
from projections.views.changes import Changes, Notes
from projections.views.rows import CommandRow
from projections.views.text import plain
from schemas.events import bodies
from schemas.events.parts import UNASKED, Asked

ENGINE = "engine"
"""The actor of what nobody asked for."""


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
    if body.reason != "imported":
        _note(changes, row, "execution.paused", body.asked)


def _resumed(changes: Changes, row: EventRow, body: bodies.ExecutionResumed) -> None:
    _note(changes, row, "execution.resumed", body.asked)


def _forked(changes: Changes, row: EventRow, body: bodies.ExecutionForked) -> None:
    _note(changes, row, "execution.forked", body.asked)


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
