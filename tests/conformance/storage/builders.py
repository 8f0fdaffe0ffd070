"""Rows for the storage suite: small, and fitting each other."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from engine.ports.commits import commit_row
from engine.ports.rows import (
    Append,
    DefinitionRow,
    EventRow,
    IngestRow,
    ShardHead,
)
from engine.ports.storage import Inbox, Log

NAMESPACE = "default"
SHARD = 5


def event(
    execution_id: UUID, seq: int, *, shard: int = SHARD, position: int, epoch: int = 1
) -> EventRow:
    """An event with every optional column set on odd seqs and none on even ones."""
    odd = seq % 2 == 1
    return EventRow(
        shard=shard,
        position=position,
        execution_id=execution_id,
        seq=seq,
        namespace=NAMESPACE,
        type="StateEntered",
        version=1,
        at=1_700_000_000_000 + seq,
        actor="tester",
        causation=0,
        traceparent="00-ab-cd-01" if odd else None,
        frame=0,
        node="n0",
        name="Größe",
        branch=1 if odd else None,
        iteration=2 if odd else None,
        attempt=3 if odd else None,
        epoch=epoch,
        codec=1,
        key_id="k" if odd else None,
        salt=b"\x00salt",
        data=b'{"n":12345678901234567890,"t":"\xc3\xa9"}',
        digest=seq.to_bytes(32, "big"),
        hash=(seq + 1).to_bytes(32, "big"),
    )


def batch(head: ShardHead, events: Sequence[EventRow], **rest: Any) -> Append:
    """The events on top of a head, with their commit record."""
    commit = commit_row(
        events,
        shard=head.shard,
        epoch=head.epoch,
        last_position=head.last_position,
        commit_no=head.commit_no,
        previous_hash=head.hash,
        at=1_700_000_000_000,
        writer_version="test",
    )
    return Append(commits=[commit], events=list(events), **rest)


def next_events(head: ShardHead, execution_id: UUID, first_seq: int, count: int) -> list[EventRow]:
    """`count` events of one execution at the next positions of the shard."""
    return [
        event(
            execution_id,
            first_seq + offset,
            shard=head.shard,
            position=head.last_position + 1 + offset,
            epoch=head.epoch,
        )
        for offset in range(count)
    ]


async def grow(
    log: Log, head: ShardHead, execution_id: UUID, first_seq: int, count: int
) -> ShardHead:
    """Append events and give the head after them, as an owner reckons it without asking."""
    made = batch(head, next_events(head, execution_id, first_seq, count))
    await log.append(made)
    return replace(
        head,
        last_position=head.last_position + count,
        commit_no=head.commit_no + 1,
        hash=made.commits[0].hash,
    )


async def start(
    inbox: Inbox,
    *keys: str,
    request: bytes = b"request",
    shard: int = SHARD,
    workflow: str = "order",
) -> tuple[UUID, bool]:
    """Accept a start."""
    return await inbox.accept_start(
        NAMESPACE, workflow, keys, shard, request, b'{"workflow":"order"}', "tester", None
    )


def cloudevent(
    number: int, *, kind: str = "order.placed", content: str = "", keys: tuple[bytes, ...] = ()
) -> IngestRow:
    """A CloudEvent with the id `number`; another `content` makes it conflict."""
    body = f'{{"id":"{number}","content":"{content}"}}'.encode()
    return IngestRow(
        id=str(number),
        source="/tests",
        type=kind,
        digest=body,
        attributes=b'{"subject":"s"}',
        body=body,
        keys=keys,
        actor="publisher",
    )


def definition(
    version: str, *, workflow: str = "order", content: bytes = b"source", **resources: bytes
) -> DefinitionRow:
    """A version whose hash names its content."""
    return DefinitionRow(
        namespace=NAMESPACE,
        workflow=workflow,
        version=version,
        definition_hash=f"{workflow}-{version}-{content.hex()}",
        dialect="cncf-0.8",
        media_type="application/yaml",
        source=content,
        resources=resources,
        created_at=0,
        actor="tester",
        active=False,
    )
