"""Executions of other installations on their way in: their rows lie here, page by page, until the
engine that owns the shard has copied them into the log."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from engine.core.chain import JSON_CODEC
from engine.ports.rows import EventRow

PAGE_ROWS = 1_000
PAGE_BYTES = 4 * 1024 * 1024
"""How much lies in one page at most, but for a row that is larger."""


class StagedRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an event row of the copy has before it is in the log: data in the clear."""

    seq: int
    type: str
    version: int
    at: int
    actor: str
    causation: int
    traceparent: str | None
    frame: int
    node: str
    name: str
    branch: int | None
    iteration: int | None
    attempt: int | None
    salt: bytes
    data: bytes
    digest: bytes


class AcceptedImport(msgspec.Struct, frozen=True, gc=False):
    """An import as it is accepted: all its pages are there. `execution`: its id, minted before;
    `body`: ImportRequest; `key` and `request_hash` as of a start."""

    namespace: str
    workflow: str
    key: str
    execution: UUID
    body: bytes
    request_hash: bytes
    actor: str
    traceparent: str | None = None


class Imports(Protocol):
    """All methods may raise Unavailable."""

    async def stage(self, namespace: str, execution_id: UUID, first: int, page: bytes) -> None:
        """Keep a page of rows, the first with seq `first`. What was staged for a day without being
        accepted is gone."""

    async def page(self, execution_id: UUID, seq: int) -> bytes | None:
        """The page that begins with this seq."""

    async def accept(self, wanted: AcceptedImport) -> tuple[UUID, bool]:
        """Put an import into the inbox of its shard, once for its key. Returns (id, whether it
        existed): under a key that came before the id of then. Raises Conflict as `accept_start`
        does."""

    async def drop(self, execution_id: UUID) -> None:
        """Forget its pages."""


_rows = msgspec.msgpack.Decoder(list[StagedRow])


def page_of(rows: Sequence[StagedRow]) -> bytes:
    """Rows as a page."""
    return msgspec.msgpack.encode(rows)


def rows_of(page: bytes, execution_id: UUID, shard: int, namespace: str) -> list[EventRow]:
    """The rows of a page, as if another execution's log held them. Raises msgspec.DecodeError."""
    return [
        EventRow(
            shard, 0, execution_id, one.seq, namespace, one.type, one.version, one.at, one.actor,
            one.causation, one.traceparent, one.frame, one.node, one.name, one.branch,
            one.iteration, one.attempt, 0, JSON_CODEC, None, one.salt, one.data, one.digest, b"",
        )
        for one in _rows.decode(page)
    ]  # fmt: skip
