"""A batch of the log's rows to the changes of all views."""

from collections.abc import Sequence

from engine.ports.rows import EventRow
from projections.views import executions, history
from projections.views.changes import Changes
from schemas.events.wire import decode_body


def changes_of(rows: Sequence[EventRow]) -> Changes:
    """What these rows, in order of position, change. Raises UnknownEventType."""
    changes = Changes()
    for row in rows:
        body = decode_body(row.type, row.version, row.data)
        executions.apply(changes, row, body)
        history.apply(changes, row, body)
    return changes
