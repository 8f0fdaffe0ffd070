"""Erasing data by deleting its key: a request that is carried on until it is done."""

from collections.abc import Sequence
from typing import Final, Protocol
from uuid import UUID

import msgspec

from engine.ports.audit import Deed

ERASED_TYPE: Final = "refold.erased"
"""The type of a CloudEvent of which only id and source are left: no wait, no trigger wants it."""


class Erasure(msgspec.Struct, frozen=True):
    """A request to erase what a key seals. `target`: the execution's id, or the key's where it is
    all of a data subject. `cancel`: executions that run are cancelled first. Times in ms since
    1970; counts once it is done."""

    id: int
    namespace: str
    key_id: str
    target: str
    cancel: bool
    actor: str
    origin: str
    reason: str
    asked_at: int
    done_at: int | None = None
    executions: int | None = None
    cloudevents: int | None = None


class Erasures(Protocol):
    """All methods may raise Unavailable."""

    async def ask(self, key_id: str, cancel: bool, deed: Deed) -> Erasure:
        """Note that this key of the deed's namespace is to be erased, and record the deed. Where
        an erasure of it is under way or was done, that one. Raises NotFound."""

    async def get(self, namespace: str, number: int) -> Erasure | None:
        """One of them."""

    async def latest(self, namespace: str, before: int | None, limit: int) -> list[Erasure]:
        """The newest first, with id < before."""

    async def under_way(self, limit: int) -> list[Erasure]:
        """Those of all namespaces that are not done, the oldest first."""

    async def snapshots(self, executions: Sequence[UUID]) -> int:
        """How many snapshots of these executions there are."""

    async def erase_cloudevents(
        self, namespace: str, positions: Sequence[int], keys: Sequence[bytes]
    ) -> int:
        """Leave id and source of these CloudEvents, which were found under these attribute keys
        (all of them together); returns how many were not erased before. Under the same source and
        id any other is a duplicate from then on: nobody can tell whether it is another."""

    async def finish(
        self, erasure: Erasure, executions: Sequence[UUID], cloudevents: int, deed: Deed
    ) -> bool:
        """Delete the key, and the snapshots and inbox rows of these executions, and record the
        deed, at once. False: the key seals others than these by now; look again."""
