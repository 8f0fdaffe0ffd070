"""The execution list: one row for each execution, with its status."""

from collections.abc import Callable
from typing import Any

from engine.model.errors import BadIdentifier
from engine.model.ids import parse_execution
from engine.ports.rows import EventRow
from projections.views.changes import Changes, Notes
from projections.views.rows import ExecutionChanged, ExecutionOpened
from projections.views.text import plain, shown
from schemas.events import bodies
from schemas.json_text import dumps

_COUNTS: dict[type[bodies.EventBody], tuple[int, int]] = {
    bodies.ActionScheduled: (1, 0),
    bodies.ActionCompleted: (-1, 0),
    bodies.ActionFailed: (-1, 0),
    bodies.ActionCancelled: (-1, 0),
    bodies.RetryScheduled: (0, 1),
    bodies.EventAwaited: (0, 1),
    bodies.EventWaitClosed: (0, -1),
}
"""What each event adds to the pending actions and to the open waits and timers."""

_UNCOUNTED = frozenset({"event_timeout", "yield", "hold"})
"""Timers that are not something to wait for: the wait counts, the execution goes on at once, or it
is held, which is told by itself."""


def apply(changes: Changes, row: EventRow, body: bodies.EventBody) -> None:
    """Note what the event changes in the execution list."""
    change = changes.execution(row.execution_id)
    change.last_seq, change.last_at = row.seq, row.at
    kind = type(body)
    counted = _COUNTS.get(kind)
    if counted is not None:
        change.actions += counted[0]
        change.waits += counted[1]
        return
    noted = _NOTED.get(kind)
    if noted is not None:
        noted(change, row, body)


def _started(changes: Changes, row: EventRow, body: bodies.ExecutionStarted) -> None:
    trigger = body.trigger
    changes.executions_opened[row.execution_id] = ExecutionOpened(
        execution_id=row.execution_id,
        shard=row.shard,
        namespace=row.namespace,
        workflow=plain(body.workflow),
        version=plain(body.version),
        definition_hash=body.definition_hash,
        name=None if body.name is None else plain(body.name),
        start_key=None if body.start_key is None else plain(body.start_key),
        actor=row.actor,
        trigger_position=None if trigger is None else trigger.position,
        labels=dumps({plain(k): plain(v) for k, v in body.labels.items()}).decode(),
        started_at=row.at,
        gathered=0 if row.seq == 1 else 1,  # its wait is closed by the event that follows
    )


def timer_cancelled(changes: Changes, row: EventRow, purpose: str) -> None:
    """A timer of this purpose was cancelled."""
    if purpose not in _UNCOUNTED:
        changes.execution(row.execution_id).waits -= 1


def _timer_set(change: ExecutionChanged, row: EventRow, body: bodies.TimerSet) -> None:
    change.waits += 0 if body.purpose in _UNCOUNTED else 1


def _timer_fired(change: ExecutionChanged, row: EventRow, body: bodies.TimerFired) -> None:
    change.waits -= 0 if body.purpose in _UNCOUNTED else 1


def _received(change: ExecutionChanged, row: EventRow, body: bodies.EventReceived) -> None:
    change.waits -= 1 if body.done and body.wait else 0


def _completed(change: ExecutionChanged, row: EventRow, body: bodies.ExecutionCompleted) -> None:
    change.phase, change.closed_at = "completed", row.at


def _failed(change: ExecutionChanged, row: EventRow, body: bodies.ExecutionFailed) -> None:
    change.phase, change.closed_at = "failed", row.at
    change.error_code, change.error_message = plain(body.error.code), shown(body.error.message)


def _cancelled(change: ExecutionChanged, row: EventRow, body: bodies.ExecutionCancelled) -> None:
    change.phase, change.closed_at = "cancelled", row.at


def _suspended(change: ExecutionChanged, row: EventRow, body: bodies.ExecutionSuspended) -> None:
    change.suspended = True


def _resumed(change: ExecutionChanged, row: EventRow, body: bodies.ExecutionResumed) -> None:
    change.suspended = False


def _forked(change: ExecutionChanged, row: EventRow, body: bodies.ExecutionForked) -> None:
    change.workflow, change.version = plain(body.workflow), plain(body.version)
    change.definition_hash = body.definition_hash
    change.name = None if body.name is None else plain(body.name)
    change.start_key = None if body.start_key is None else plain(body.start_key)
    change.forked_at, change.copied_upto = body.at, body.at
    policy = body.policy
    change.rehearsed = any(one != "live" for one in (policy.default, *policy.actions.values()))
    change.batch = plain(body.batch) or None
    try:
        change.forked_from = parse_execution(body.source)
    except BadIdentifier:
        change.forked_from = None


def _imported(change: ExecutionChanged, row: EventRow, body: bodies.ExecutionImported) -> None:
    change.copied_upto = body.events


_NOTED: dict[type[bodies.EventBody], Callable[[ExecutionChanged, EventRow, Any], None]] = {
    bodies.TimerSet: _timer_set,
    bodies.TimerFired: _timer_fired,
    bodies.EventReceived: _received,
    bodies.ExecutionCompleted: _completed,
    bodies.ExecutionFailed: _failed,
    bodies.ExecutionCancelled: _cancelled,
    bodies.ExecutionSuspended: _suspended,
    bodies.ExecutionResumed: _resumed,
    bodies.ExecutionForked: _forked,
    bodies.ExecutionImported: _imported,
}

NOTES: Notes = {bodies.ExecutionStarted: _started}
"""What opens a row; every other event may change one (`apply`)."""
