"""Reads of everything that the log holds, in order and page by page: for proofs and exports."""

from typing import Protocol
from uuid import UUID

import msgspec

from engine.ports.rows import BirthRow, DefinitionRow, EventRow


class Born(msgspec.Struct, frozen=True, gc=False):
    """An execution, and how far its log went up to a position of its shard: `events` of them, the
    last with `hash`. 0: it has none at all; None: it began behind that position."""

    birth: BirthRow
    events: int | None
    hash: bytes


class MarkRow(msgspec.Struct, frozen=True, gc=False):
    """What a commit records of an event, without the event."""

    position: int
    execution_id: UUID
    seq: int
    epoch: int
    hash: bytes


class StoredDigest(msgspec.Struct, frozen=True, gc=False):
    """The digest that was stored with a CloudEvent of a stream."""

    namespace: str
    position: int
    digest: bytes


class Sender(msgspec.Struct, frozen=True, gc=False):
    """Who sent a CloudEvent of a stream, and when."""

    position: int
    at: int
    actor: str
    id: str
    source: str
    type: str


class Survey(Protocol):
    """All methods may raise Unavailable. `limit`: rows at most."""

    async def births(self, shard: int, after: UUID, upto: int, limit: int) -> list[Born]:
        """Executions of a shard with a larger id than `after`, in order of id, as they stood at the
        position `upto`."""

    async def events(
        self, shard: int, after: tuple[UUID, int], upto: int, limit: int
    ) -> list[EventRow]:
        """Events of a shard behind (execution, seq), in that order, with position <= upto."""

    async def marks(self, shard: int, after: int, upto: int) -> list[MarkRow]:
        """Marks of the events with after < position <= upto, in order of position; all of them:
        whoever asks keeps the stretch short."""

    async def definitions(self, after: tuple[str, str, str], limit: int) -> list[DefinitionRow]:
        """Versions of all namespaces behind (namespace, workflow, version), in that order."""

    async def digests(self, after: tuple[str, int], limit: int) -> list[StoredDigest]:
        """Digests of CloudEvents of all namespaces behind (namespace, position), in that order."""

    async def senders(self, namespace: str, before: int, limit: int) -> list[Sender]:
        """Who sent the CloudEvents of a namespace at positions below `before`, the newest first."""
