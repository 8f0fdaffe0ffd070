"""The execution list: one row for each execution, with its status."""

from engine.ports.rows import EventRow
from projections.views.changes import Changes, ExecutionOpened, shown
from schemas.events import bodies

_COUNTS: dict[type[bodies.EventBody], tuple[int, int]] = {
    bodies.ActionScheduled: (1, 0),
    bodies.ActionCompleted: (-1, 0),
    bodies.ActionFailed: (-1, 0),
    bodies.ActionCancelled: (-1, 0),
    bodies.RetryScheduled: (0, 1),
    bodies.TimerCancelled: (0, -1),
    bodies.EventAwaited: (0, 1),
    bodies.EventWaitClosed: (0, -1),
}
"""What each event adds to the pending actions and to the open waits and timers."""

_UNCOUNTED = frozenset({"event_timeout", "yield"})
"""Timers that are not something to wait for: the wait counts, or the execution goes on at once."""


def apply(changes: Changes, row: EventRow, body: bodies.EventBody) -> None:
    """Note what the event changes in the execution list."""
    if isinstance(body, bodies.ExecutionStarted):
        changes.executions_opened[row.execution_id] = _opened(row, body)
    change = changes.execution(row.execution_id)
    actions, waits = _COUNTS.get(type(body), (0, 0))
    change.actions += actions
    change.waits += waits + _waits(body)
    change.last_seq, change.last_at = row.seq, row.at
    phase = _phase(body)
    if phase is not None:
        change.phase, change.closed_at = phase, row.at
    if isinstance(body, bodies.ExecutionFailed):
        change.error_code, change.error_message = body.error.code, shown(body.error.message)


def _opened(row: EventRow, body: bodies.ExecutionStarted) -> ExecutionOpened:
    trigger = body.trigger
    return ExecutionOpened(
        execution_id=row.execution_id,
        shard=row.shard,
        namespace=row.namespace,
        workflow=body.workflow,
        version=body.version,
        definition_hash=body.definition_hash,
        name=body.name,
        start_key=body.start_key,
        trigger_source=trigger.source if trigger is not None else None,
        trigger_id=trigger.id if trigger is not None else None,
        started_at=row.at,
        waits=0 if row.seq == 1 else 1,  # a gathering's wait is closed by the event that follows
    )


def _waits(body: bodies.EventBody) -> int:
    if isinstance(body, bodies.TimerSet):
        return 0 if body.purpose in _UNCOUNTED else 1
    if isinstance(body, bodies.TimerFired):
        return 0 if body.purpose in _UNCOUNTED else -1
    if isinstance(body, bodies.EventReceived) and body.done and body.wait:
        return -1
    return 0


def _phase(body: bodies.EventBody) -> str | None:
    if isinstance(body, bodies.ExecutionCompleted):
        return "completed"
    if isinstance(body, bodies.ExecutionFailed):
        return "failed"
    return "cancelled" if isinstance(body, bodies.ExecutionCancelled) else None
