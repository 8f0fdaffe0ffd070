"""The lineage of CloudEvents: which execution took one and what for, which one emitted it."""

from uuid import UUID

from engine.model.errors import BadIdentifier
from engine.model.ids import parse_id
from engine.ports.rows import EventRow
from projections.views.changes import Changes, Notes
from projections.views.rows import EmittedRow, TakenRow
from projections.views.text import plain
from projections.views.waits import GATHERING
from schemas.events import bodies
from schemas.events.parts import CloudEventRef

_MAX_SEQ_DIGITS = 9


def _emitted(changes: Changes, row: EventRow, body: bodies.EventEmitted) -> None:
    changes.emitted.append(
        EmittedRow(
            execution_id=row.execution_id,
            seq=row.seq,
            namespace=row.namespace,
            source=plain(body.source),
            type=plain(body.type),
            ref=plain(body.ref),
            frame=row.frame,
            at=row.at,
        )
    )


def _started(changes: Changes, row: EventRow, body: bodies.ExecutionStarted) -> None:
    if body.trigger is not None:
        changes.taken.append(_taken(row, body.trigger, "", "started", name=""))


def _received(changes: Changes, row: EventRow, body: bodies.EventReceived) -> None:
    if body.event is not None and body.wait:  # the start itself says what it took
        changes.taken.append(_taken(row, body.event, body.ref, _role(body), name=row.name))


def _role(body: bodies.EventReceived) -> str:
    if body.wait == GATHERING:
        return "started"
    return "resumed" if body.done else "kept"


def _taken(row: EventRow, event: CloudEventRef, ref: str, role: str, *, name: str) -> TakenRow:
    emitter = emitted_by(event.id)
    return TakenRow(
        execution_id=row.execution_id,
        seq=row.seq,
        namespace=row.namespace,
        position=event.position,
        event_id=plain(event.id),
        source=plain(event.source),
        type=plain(event.type),
        ref=plain(ref),
        role=role,
        name=name,
        at=row.at,
        emitter=None if emitter is None else emitter[0],
        emitter_seq=None if emitter is None else emitter[1],
    )


def emitted_by(event_id: str) -> tuple[UUID, int] | None:
    """The execution and the seq that a CloudEvent's id names, where it has the form of an id that
    we give (`engine.model.ids.format_event`)."""
    head, dot, seq = event_id.partition(".")
    if not (dot and seq.isascii() and seq.isdigit() and len(seq) <= _MAX_SEQ_DIGITS):
        return None
    try:
        return parse_id("ev", head), int(seq)
    except BadIdentifier:
        return None


NOTES: Notes = {
    bodies.EventEmitted: _emitted,
    bodies.ExecutionStarted: _started,
    bodies.EventReceived: _received,
}
"""Which events took or emitted a CloudEvent."""
