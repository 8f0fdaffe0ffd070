"""The history: when every state, branch and iteration was entered and left, every attempt."""

from engine.ports.rows import EventRow
from projections.views.changes import AttemptEnded, AttemptOpened, Changes, ScopeOpened, shown
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
    elif isinstance(body, bodies.ErrorCaught):
        scope = changes.scope(row.execution_id, row.frame)
        scope.outcome, scope.error_code = "failed", body.error.code
    else:
        _attempt(changes, row, body)


def _scope(row: EventRow, kind: str, body: bodies.EventBody) -> ScopeOpened:
    return ScopeOpened(
        execution_id=row.execution_id,
        frame=row.seq,
        parent=row.frame,
        kind=kind,
        name=row.name,
        type=body.type if isinstance(body, bodies.StateEntered) else kind,
        node=row.node,
        branch=row.branch,
        iteration=row.iteration,
        entered_at=row.at,
    )


def _close(changes: Changes, row: EventRow, body: bodies.EventBody) -> None:
    scope = changes.scope(row.execution_id, row.frame)
    scope.left_at = row.at
    if scope.outcome is None:  # the store keeps `failed` of an earlier batch likewise
        scope.outcome = _CLOSING[type(body)]
    if isinstance(body, bodies.StateExited):
        scope.next = body.next


def _attempt(changes: Changes, row: EventRow, body: bodies.EventBody) -> None:
    if isinstance(body, bodies.ActionScheduled):
        changes.attempts_opened[row.execution_id, row.seq] = AttemptOpened(
            execution_id=row.execution_id,
            seq=row.seq,
            frame=row.frame,
            name=row.name,
            function=body.function,
            attempt=row.attempt or 1,
            scheduled_at=row.at,
        )
    elif isinstance(body, bodies.ActionCompleted):
        changes.attempts[row.execution_id, body.action] = AttemptEnded(row.at, "completed")
    elif isinstance(body, bodies.ActionCancelled):
        changes.attempts[row.execution_id, body.action] = AttemptEnded(row.at, "cancelled")
    elif isinstance(body, bodies.ActionFailed):
        changes.attempts[row.execution_id, body.action] = AttemptEnded(
            row.at, "failed", body.error.code, shown(body.error.message)
        )
