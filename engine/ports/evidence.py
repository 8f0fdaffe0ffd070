"""What is looked up when somebody asks why something did not happen: reads only, each bounded."""

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

import msgspec

from engine.ports.rows import (
    DeadLetter,
    InboxRow,
    StreamEvent,
    SubscriptionRow,
    TriggerRow,
)


class Standing(msgspec.Struct, frozen=True, gc=False):
    """How a shard stands by the database's clock `now`. `owner` had or has the lease until
    `expires_at`; `engines`: names of all that live; `rows` of its inbox, of which the oldest was
    put there at `oldest_at`."""

    shard: int
    owner: str | None
    expires_at: int
    now: int
    engines: tuple[str, ...]
    rows: int
    oldest_at: int | None


class TypeSeen(msgspec.Struct, frozen=True, gc=False):
    """A type of CloudEvents, and the last position at which one is."""

    type: str
    position: int


class StoredCloudEvent(msgspec.Struct, frozen=True, gc=False):
    """A CloudEvent of the stream and who sent it."""

    event: StreamEvent
    actor: str


class Evidence(Protocol):
    """All methods may raise Unavailable. `limit`: rows at most."""

    async def standing(self, shard: int) -> Standing | None:
        """How a shard stands; None: there is no such shard."""

    async def waiting_for(self, execution_id: UUID, limit: int) -> list[InboxRow]:
        """Rows of the inbox for this execution that the engine has not taken, oldest first; also a
        start that has not begun."""

    async def waiting_at(self, namespace: str, position: int, limit: int) -> list[InboxRow]:
        """Hints and offers that the CloudEvent at this position caused and that the engine has not
        taken, oldest first."""

    async def latest(
        self,
        namespace: str,
        types: Sequence[str],
        after: int,
        upto: int,
        limit: int,
        key: bytes | None = None,
    ) -> list[StreamEvent]:
        """CloudEvents of these types (empty: all) with after < position <= upto, the newest first;
        with `key`, which needs types, only those that have this attribute key."""

    async def types_seen(self, namespace: str, limit: int) -> list[TypeSeen]:
        """Types of the stream, in order."""

    async def stored(self, namespace: str, position: int) -> StoredCloudEvent | None:
        """The CloudEvent at a position, if it is kept."""

    async def position_of(self, namespace: str, source: str, event_id: str) -> int | None:
        """The position of the CloudEvent with this source and id."""

    async def triggers(
        self, namespace: str, event_type: str, position: int, limit: int
    ) -> list[TriggerRow]:
        """Triggers that are or were active at the position, whatever their types, and those of this
        type that were so at another time; those that were active first, then the newest."""

    async def subscriptions(
        self, namespace: str, types: Sequence[str], limit: int
    ) -> list[SubscriptionRow]:
        """Open subscriptions of these types, whatever their key, the newest executions first; of
        more than 10,000 some."""

    async def subscribed_types(self, namespace: str, limit: int) -> list[str]:
        """Types that an open subscription waits for, in order."""

    async def letter(self, namespace: str, number: int) -> DeadLetter | None:
        """A dead letter."""

    async def latest_letters(self, namespace: str, limit: int) -> list[DeadLetter]:
        """Dead letters, the newest first."""
