"""The waits: timers, waits for CloudEvents, callbacks; when they opened and how they ended."""

from typing import Any

from engine.ports.rows import EventRow
from projections.views.changes import Changes, Notes
from projections.views.rows import WaitRow
from projections.views.text import plain
from schemas.events import bodies
from schemas.events.parts import EventFilter
from schemas.json_text import dumps

GATHERING = 1
"""A gathering's wait is its first event."""

_MAX_FILTERS = 100


def _awaited(changes: Changes, row: EventRow, body: bodies.EventAwaited) -> None:
    kind = "callback" if body.callback else "event"
    _open(changes, row, kind, f"{body.mode} of", filters=body.filters)


def _gathering(changes: Changes, row: EventRow, body: bodies.GatheringOpened) -> None:
    _open(changes, row, "event", "all of", filters=body.filters, workflow=plain(body.workflow))


def _timer_set(changes: Changes, row: EventRow, body: bodies.TimerSet) -> None:
    if body.purpose == "event_timeout":
        changes.wait((row.execution_id, body.subject)).due = body.due
    elif body.purpose not in ("yield", "hold"):  # of a hold the suspension tells
        _open(changes, row, "timer", body.purpose, due=body.due)


def _retry(changes: Changes, row: EventRow, body: bodies.RetryScheduled) -> None:
    _open(changes, row, "timer", "retry", due=body.due)


def _open(
    changes: Changes,
    row: EventRow,
    kind: str,
    purpose: str,
    *,
    filters: tuple[EventFilter, ...] = (),
    due: int | None = None,
    workflow: str | None = None,
) -> None:
    types = sorted({plain(one.type) for one in filters[:_MAX_FILTERS]})
    changes.waits_opened[row.execution_id, row.seq] = WaitRow(
        execution_id=row.execution_id,
        seq=row.seq,
        namespace=row.namespace,
        workflow=workflow,
        kind=kind,
        purpose=purpose,
        frame=row.frame,
        name=row.name,
        types=dumps(types).decode() if types else "[]",
        filters=dumps([_filter(one) for one in filters[:_MAX_FILTERS]]).decode()
        if filters
        else "[]",
        opened_at=row.at,
        due=due,
    )


def _filter(one: EventFilter) -> dict[str, Any]:
    return {
        "ref": plain(one.ref),
        "type": plain(one.type),
        "source": None if one.source is None else plain(one.source),
        "correlation": {
            plain(name): None if value is None else plain(value) for name, value in one.correlation
        },
    }


def _fired(changes: Changes, row: EventRow, body: bodies.TimerFired) -> None:
    if body.purpose not in ("event_timeout", "yield"):
        _close(changes, row, body.timer, "fired")


def _timer_cancelled(changes: Changes, row: EventRow, body: bodies.TimerCancelled) -> None:
    _close(changes, row, body.timer, "cancelled")


def _received(changes: Changes, row: EventRow, body: bodies.EventReceived) -> None:
    if body.done and body.wait:
        _close(changes, row, body.wait, "received")


def _wait_closed(changes: Changes, row: EventRow, body: bodies.EventWaitClosed) -> None:
    _close(changes, row, body.wait, "timed_out" if body.reason == "timeout" else "cancelled")


def _expired(changes: Changes, row: EventRow, body: bodies.GatheringExpired) -> None:
    _close(changes, row, GATHERING, "timed_out")


def _close(changes: Changes, row: EventRow, seq: int, outcome: str) -> None:
    wait = changes.wait((row.execution_id, seq))
    wait.closed_at, wait.closed_seq, wait.outcome = row.at, row.seq, outcome


NOTES: Notes = {
    bodies.EventAwaited: _awaited,
    bodies.GatheringOpened: _gathering,
    bodies.TimerSet: _timer_set,
    bodies.RetryScheduled: _retry,
    bodies.TimerFired: _fired,
    bodies.TimerCancelled: _timer_cancelled,
    bodies.EventReceived: _received,
    bodies.EventWaitClosed: _wait_closed,
    bodies.GatheringExpired: _expired,
}
"""What each event changes in the waits."""
