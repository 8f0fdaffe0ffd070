"""The history: when every state, branch and iteration was entered and left, every attempt."""

from engine.ports.rows import EventRow
from projections.views.changes import Changes
from projections.views.rows import AttemptRow, ExecutionEnded, ScopeRow
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


def apply(changes: Changes, row: EventRow, body: bodies.EventBody) -> None:
    """Note what the event changes in the history."""
    kind = _OPENING.get(type(body))
    if kind is not None:
        changes.scopes_opened[row.execution_id, row.seq] = _scope(row, kind, body)
    elif type(body) in _CLOSING:
        _close(changes, row, body)
    elif isinstance(body, bodies.ActionScheduled):
        changes.attempts_opened[row.execution_id, row.seq] = _attempt(row, body)
    elif isinstance(body, bodies.ActionCompleted | bodies.ActionFailed | bodies.ActionCancelled):
        _answered(changes, row, body)
    elif isinstance(body, bodies.ErrorCaught):
        scope = changes.scope((row.execution_id, row.frame))
        scope.outcome, scope.error_code = "failed", plain(body.error.code)
    elif isinstance(body, bodies.ExecutionFailed):
        changes.ended[row.execution_id] = ExecutionEnded(
            row.at, row.seq, "failed", plain(body.error.code)
        )
    elif isinstance(body, bodies.ExecutionCancelled):
        changes.ended[row.execution_id] = ExecutionEnded(row.at, row.seq, "cancelled")


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


def _attempt(row: EventRow, body: bodies.ActionScheduled) -> AttemptRow:
    return AttemptRow(
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


def _answered(
    changes: Changes,
    row: EventRow,
    body: bodies.ActionCompleted | bodies.ActionFailed | bodies.ActionCancelled,
) -> None:
    attempt = changes.attempt((row.execution_id, body.action))
    attempt.ended_at, attempt.ended_seq = row.at, row.seq
    if isinstance(body, bodies.ActionFailed):
        attempt.outcome = "failed"
        attempt.error_code = plain(body.error.code)
        attempt.error_message = shown(body.error.message)
    else:
        attempt.outcome = "completed" if isinstance(body, bodies.ActionCompleted) else "cancelled"
