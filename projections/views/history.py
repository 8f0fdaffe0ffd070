"""The history: when every state, branch and iteration was entered and left, every attempt."""

from engine.ports.rows import EventRow
from projections.views.changes import Changes, Notes
from projections.views.rows import AttemptEnded, AttemptRow, ExecutionEnded, ScopeRow
from projections.views.text import plain, shown
from schemas.events import bodies

_OPENING: dict[type[bodies.EventBody], str] = {
    bodies.StateEntered: "state",
    bodies.BranchStarted: "branch",
    bodies.IterationStarted: "iteration",
}
_CLOSING: dict[type[bodies.EventBody], str] = {
    bodies.StateExited: "completed",
    bodies.BranchCompleted: "completed",
    bodies.IterationCompleted: "completed",
    bodies.BranchCancelled: "cancelled",
    bodies.IterationCancelled: "cancelled",
}


def _opened(changes: Changes, row: EventRow, body: bodies.EventBody) -> None:
    kind = _OPENING[type(body)]
    changes.scopes_opened[row.execution_id, row.seq] = _scope(row, kind, body)


def _scope(row: EventRow, kind: str, body: bodies.EventBody) -> ScopeRow:
    return ScopeRow(
        execution_id=row.execution_id,
        frame=row.seq,
        parent=row.frame,
        kind=kind,
        name=row.name,
        type=plain(body.type) if isinstance(body, bodies.StateEntered) else kind,
        node=row.node,
        branch=row.branch,
        iteration=row.iteration,
        entered_at=row.at,
    )


def _close(changes: Changes, row: EventRow, body: bodies.EventBody) -> None:
    scope = changes.scope((row.execution_id, row.frame))
    scope.left_at, scope.left_seq = row.at, row.seq
    if scope.outcome is None:  # the store keeps `failed` of an earlier batch likewise
        scope.outcome = _CLOSING[type(body)]
    if isinstance(body, bodies.StateExited):
        scope.next = None if body.next is None else plain(body.next)


def _caught(changes: Changes, row: EventRow, body: bodies.ErrorCaught) -> None:
    scope = changes.scope((row.execution_id, row.frame))
    scope.outcome, scope.error_code = "failed", plain(body.error.code)


def _failed(changes: Changes, row: EventRow, body: bodies.ExecutionFailed) -> None:
    code = plain(body.error.code)
    changes.ended[row.execution_id] = ExecutionEnded(row.at, row.seq, "failed", code)


def _cancelled(changes: Changes, row: EventRow, body: bodies.ExecutionCancelled) -> None:
    changes.ended[row.execution_id] = ExecutionEnded(row.at, row.seq, "cancelled")


def _scheduled(changes: Changes, row: EventRow, body: bodies.ActionScheduled) -> None:
    changes.attempts_opened[row.execution_id, row.seq] = AttemptRow(
        execution_id=row.execution_id,
        seq=row.seq,
        frame=row.frame,
        name=row.name,
        function=plain(body.function),
        attempt=row.attempt or 1,
        first=body.retry_of or row.seq,
        answered_by=body.answered_by,
        scheduled_at=row.at,
    )


def _completed(changes: Changes, row: EventRow, body: bodies.ActionCompleted) -> None:
    _answered(changes, row, body.action, "completed")


def _withdrawn(changes: Changes, row: EventRow, body: bodies.ActionCancelled) -> None:
    _answered(changes, row, body.action, "cancelled")


def _refused(changes: Changes, row: EventRow, body: bodies.ActionFailed) -> None:
    attempt = _answered(changes, row, body.action, "failed")
    attempt.error_code, attempt.error_message = plain(body.error.code), shown(body.error.message)


def _answered(
    changes: Changes, row: EventRow, action: int, outcome: str
) -> AttemptRow | AttemptEnded:
    attempt = changes.attempt((row.execution_id, action))
    attempt.ended_at, attempt.ended_seq, attempt.outcome = row.at, row.seq, outcome
    return attempt


NOTES: Notes = {
    **dict.fromkeys(_OPENING, _opened),
    **dict.fromkeys(_CLOSING, _close),
    bodies.ErrorCaught: _caught,
    bodies.ExecutionFailed: _failed,
    bodies.ExecutionCancelled: _cancelled,
    bodies.ActionScheduled: _scheduled,
    bodies.ActionCompleted: _completed,
    bodies.ActionCancelled: _withdrawn,
    bodies.ActionFailed: _refused,
}
"""What each event changes in the history."""
