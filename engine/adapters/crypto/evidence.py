"""What is looked up when somebody asks why, in the clear."""

from collections.abc import Sequence
from uuid import UUID

from msgspec.structs import replace

from engine.adapters.crypto.doors import opened_events, opened_inbox, opened_letters
from engine.adapters.crypto.keychain import KeyChain
from engine.ports.evidence import Evidence, Standing, StoredCloudEvent, TypeSeen
from engine.ports.rows import (
    DeadLetter,
    InboxRow,
    StreamEvent,
    SubscriptionRow,
    TriggerRow,
)


class OpeningEvidence:
    """Implements `engine.ports.evidence.Evidence` over another."""

    def __init__(self, evidence: Evidence, keys: KeyChain) -> None:
        self._evidence = evidence
        self._keys = keys

    async def standing(self, shard: int) -> Standing | None:
        return await self._evidence.standing(shard)

    async def waiting_for(self, execution_id: UUID, limit: int) -> list[InboxRow]:
        found = await self._evidence.waiting_for(execution_id, limit)
        return await opened_inbox(found, self._keys)

    async def waiting_at(self, namespace: str, position: int, limit: int) -> list[InboxRow]:
        found = await self._evidence.waiting_at(namespace, position, limit)
        return await opened_inbox(found, self._keys)

    async def latest(
        self,
        namespace: str,
        types: Sequence[str],
        after: int,
        upto: int,
        limit: int,
        key: bytes | None = None,
    ) -> list[StreamEvent]:
        found = await self._evidence.latest(namespace, types, after, upto, limit, key)
        return await opened_events(found, self._keys)

    async def types_seen(self, namespace: str, limit: int) -> list[TypeSeen]:
        return await self._evidence.types_seen(namespace, limit)

    async def stored(self, namespace: str, position: int) -> StoredCloudEvent | None:
        found = await self._evidence.stored(namespace, position)
        if found is None:
            return None
        return replace(found, event=(await opened_events([found.event], self._keys))[0])

    async def position_of(self, namespace: str, source: str, event_id: str) -> int | None:
        return await self._evidence.position_of(namespace, source, event_id)

    async def triggers(
        self, namespace: str, event_type: str, position: int, limit: int
    ) -> list[TriggerRow]:
        return await self._evidence.triggers(namespace, event_type, position, limit)

    async def subscriptions(
        self, namespace: str, types: Sequence[str], limit: int
    ) -> list[SubscriptionRow]:
        return await self._evidence.subscriptions(namespace, types, limit)

    async def subscribed_types(self, namespace: str, limit: int) -> list[str]:
        return await self._evidence.subscribed_types(namespace, limit)

    async def letter(self, namespace: str, number: int) -> DeadLetter | None:
        found = await self._evidence.letter(namespace, number)
        return None if found is None else (await opened_letters([found], self._keys))[0]

    async def latest_letters(self, namespace: str, limit: int) -> list[DeadLetter]:
        return await opened_letters(
            await self._evidence.latest_letters(namespace, limit), self._keys
        )
