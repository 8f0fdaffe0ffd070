"""Between rows of the log and events of the core: pure conversions."""

from uuid import UUID

from engine.core.chain import event_hash, merkle_root
from engine.core.upcast import upcast
from engine.model.event import Event
from engine.ports.rows import EventRow
from schemas.events.bodies import EventBody
from schemas.events.wire import decode_body, encode_body, type_of, version_of

JSON_CODEC = 1
"""Codec number of a body stored as JSON in the clear."""


def body_of(row: EventRow) -> EventBody:
    """The body that a row holds, in the newest version of its type. Raises UnknownEventType,
    msgspec.DecodeError."""
    return upcast(decode_body(row.type, row.version, row.data))


def event_of(row: EventRow) -> Event:
    """The event that a row holds. Raises UnknownEventType, msgspec.DecodeError."""
    return Event(
        seq=row.seq,
        at=row.at,
        body=body_of(row),
        frame=row.frame,
        node=row.node,
        name=row.name,
        branch=row.branch,
        iteration=row.iteration,
        attempt=row.attempt,
        actor=row.actor,
        causation=row.causation,
        traceparent=row.traceparent,
    )


def row_of(
    event: Event,
    execution_id: UUID,
    *,
    shard: int,
    position: int,
    namespace: str,
    epoch: int,
    salt: bytes,
    previous_hash: bytes,
) -> EventRow:
    """The row that stores an event, with its digest and its hash chained to the one before."""
    data = encode_body(event.body)
    digest = merkle_root(data, salt)
    name, version = type_of(event.body), version_of(event.body)
    columns = (
        execution_id, event.seq, namespace, name, version, event.at, event.actor, event.causation,
        event.traceparent, event.frame, event.node, event.name, event.branch, event.iteration,
        event.attempt, JSON_CODEC, None,
    )  # fmt: skip
    return EventRow(
        shard, position, execution_id, event.seq, namespace, name, version, event.at, event.actor,
        event.causation, event.traceparent, event.frame, event.node, event.name, event.branch,
        event.iteration, event.attempt, epoch, JSON_CODEC, None, salt, data, digest,
        event_hash(previous_hash, columns, digest),
    )  # fmt: skip
