"""Between rows of the log and events of the core: pure conversions."""

from uuid import UUID

from msgspec.structs import replace

from engine.core.chain import (
    JSON_CODEC,
    SEALED_CODEC,
    event_hash,
    merkle_root,
    opened_parts,
    sealed_data,
    sealed_digest,
)
from engine.core.upcast import upcast
from engine.model.errors import Erased, Sealed
from engine.model.event import Event
from engine.model.ids import format_event, format_execution
from engine.ports.keys import Cipher
from engine.ports.rows import EventRow
from schemas.events.bodies import EventBody
from schemas.events.wire import decode_body, encode_body, type_of, version_of


def json_of(row: EventRow) -> bytes:
    """The body of a row as JSON in the clear. Raises Erased where its key was deleted, Sealed where
    nobody opened the row or its key did not."""
    if row.codec == JSON_CODEC:
        return row.data
    if row.opened is not None:
        return row.opened
    if row.erased:
        name = format_execution(row.execution_id)  # all of it: one event would say less
        raise Erased(f"the data of {name} was erased: its key is deleted, its chain still verifies")
    name = format_event(row.execution_id, row.seq)
    raise Sealed(f"{name} is sealed and does not open: `exec verify` tells whether it was changed")


def context_of(key_id: str, seq: int, type_name: str, version: int) -> bytes:
    """What sealed data is bound to: its place in the order and its type. Not the execution: a fork
    copies the first events of another."""
    return f"event\0{key_id}\0{seq}\0{type_name}\0{version}".encode()


def opened(row: EventRow, cipher: Cipher | None) -> EventRow:
    """A sealed row with its body in the clear; `cipher` None: its key is erased. A row that does
    not open stays as it is."""
    if cipher is None:
        return replace(row, erased=True)
    try:
        _, sealed = opened_parts(row.data)
        context = context_of(cipher.key_id, row.seq, row.type, row.version)
        return replace(row, opened=cipher.open(sealed, context))
    except (ValueError, Sealed):
        return row


def body_of(row: EventRow) -> EventBody:
    """The body that a row holds, in the newest version of its type. Raises UnknownEventType,
    msgspec.DecodeError, Erased, Sealed."""
    return upcast(decode_body(row.type, row.version, json_of(row)))


def event_of(row: EventRow) -> Event:
    """The event that a row holds. Raises UnknownEventType, msgspec.DecodeError, Erased, Sealed."""
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


def copy_of(
    row: EventRow,
    execution_id: UUID,
    *,
    shard: int,
    position: int,
    epoch: int,
    previous_hash: bytes,
) -> EventRow:
    """The row as the beginning of a fork has it: data, salt and digest as they were written, sealed
    or not; its hash is chained to the fork's own."""
    columns = (
        execution_id, row.seq, row.namespace, row.type, row.version, row.at, row.actor,
        row.causation, row.traceparent, row.frame, row.node, row.name, row.branch, row.iteration,
        row.attempt, row.codec, row.key_id,
    )  # fmt: skip
    return replace(
        row, execution_id=execution_id, shard=shard, position=position, epoch=epoch,
        hash=event_hash(previous_hash, columns, row.digest),
    )  # fmt: skip


def sealed_row(row: EventRow, cipher: Cipher) -> EventRow:
    """A row whose data is in the clear, as it is stored under a key."""
    context = context_of(cipher.key_id, row.seq, row.type, row.version)
    root = merkle_root(row.data, cipher.salt(row.salt))
    data = sealed_data(root, cipher.seal(row.data, context))
    return replace(
        row, codec=SEALED_CODEC, key_id=cipher.key_id, data=data, digest=sealed_digest(data)
    )


def row_of(  # noqa: PLR0913 - what a row is made of
    event: Event,
    execution_id: UUID,
    *,
    shard: int,
    position: int,
    namespace: str,
    epoch: int,
    salt: bytes,
    previous_hash: bytes,
    cipher: Cipher | None = None,
) -> EventRow:
    """The row that stores an event, with its digest and its hash chained to the one before. With a
    cipher its data is stored sealed."""
    name, version = type_of(event.body), version_of(event.body)
    data = encode_body(event.body)
    if cipher is None:
        codec, key_id, digest = JSON_CODEC, None, merkle_root(data, salt)
    else:
        codec, key_id = SEALED_CODEC, cipher.key_id
        context = context_of(key_id, event.seq, name, version)
        data = sealed_data(merkle_root(data, cipher.salt(salt)), cipher.seal(data, context))
        digest = sealed_digest(data)
    columns = (
        execution_id, event.seq, namespace, name, version, event.at, event.actor, event.causation,
        event.traceparent, event.frame, event.node, event.name, event.branch, event.iteration,
        event.attempt, codec, key_id,
    )  # fmt: skip
    return EventRow(
        shard, position, execution_id, event.seq, namespace, name, version, event.at, event.actor,
        event.causation, event.traceparent, event.frame, event.node, event.name, event.branch,
        event.iteration, event.attempt, epoch, codec, key_id, salt, data, digest,
        event_hash(previous_hash, columns, digest),
    )  # fmt: skip
