"""Keys at rest in memory, wrapped."""

from collections.abc import Sequence
from uuid import UUID

from msgspec.structs import replace

from engine.adapters.memory.audit import record
from engine.adapters.memory.store import MemoryStore
from engine.ports.audit import Deed
from engine.ports.keys import Encryption, EncryptionSetting, KeyClaim, KeyKind, KeyRow


class MemoryKeys:
    """Twin of `engine.ports.keys.KeyStore`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def settings(self) -> list[EncryptionSetting]:
        await self._store.turn()
        return [one for _, one in sorted(self._store.encryption.items())]

    async def encryption(self, namespaces: Sequence[str]) -> dict[str, Encryption]:
        await self._store.turn()
        found = (self._store.encryption.get(name) for name in namespaces)
        return {one.namespace: one.encryption for one in found if one is not None}

    async def set_encryption(
        self, namespace: str, encryption: Encryption, key_id: str, wrapped: bytes, deed: Deed
    ) -> bool:
        await self._store.turn()
        before = self._store.encryption.get(namespace)
        if (before.encryption if before else "off") == encryption:
            return False
        now = self._store.now_ms()
        self._store.encryption[namespace] = EncryptionSetting(namespace, encryption, now)
        if encryption != "off" and self._living(namespace, "namespace", "") is None:
            self._make(key_id, namespace, "namespace", "", wrapped)
        record(self._store, deed)
        return True

    async def claim(self, claims: Sequence[KeyClaim]) -> dict[UUID, KeyRow]:
        await self._store.turn()
        found: dict[UUID, KeyRow] = {}
        for claim in claims:
            key_id = self._claimed(claim)
            if key_id is not None:
                found[claim.execution_id] = self._store.keys[key_id]
        return found

    def _claimed(self, claim: KeyClaim) -> str | None:
        uses = self._store.key_uses
        if claim.execution_id not in uses:
            if claim.source is not None:
                if claim.source not in uses:
                    return None
                uses[claim.execution_id] = uses[claim.source]
            else:
                place = claim.namespace, claim.kind, claim.owner
                living = self._living(*place) or self._make(claim.key_id, *place, claim.wrapped)
                uses[claim.execution_id] = living.key_id
        return uses[claim.execution_id]

    def _living(self, namespace: str, kind: KeyKind, owner: str) -> KeyRow | None:
        for row in self._store.keys.values():
            if (row.namespace, row.kind, row.owner) == (namespace, kind, owner) and row.wrapped:
                return row
        return None

    def _make(
        self, key_id: str, namespace: str, kind: KeyKind, owner: str, wrapped: bytes
    ) -> KeyRow:
        row = KeyRow(key_id, namespace, kind, owner, wrapped, self._store.now_ms(), None)
        self._store.keys[key_id] = row
        return row

    async def find(self, key_ids: Sequence[str]) -> list[KeyRow]:
        await self._store.turn()
        return [self._store.keys[one] for one in key_ids if one in self._store.keys]

    async def of_owner(self, namespace: str, kind: KeyKind, owner: str) -> list[KeyRow]:
        await self._store.turn()
        place = namespace, kind, owner
        rows = [
            row
            for row in self._store.keys.values()
            if (row.namespace, row.kind, row.owner) == place
        ]
        return sorted(
            rows, key=lambda row: (row.erased_at is not None, -row.created_at, row.key_id)
        )

    async def of_executions(self, ids: Sequence[UUID]) -> dict[UUID, str]:
        await self._store.turn()
        return {one: self._store.key_uses[one] for one in ids if one in self._store.key_uses}

    async def uses(self, key_id: str, after: UUID | None = None, limit: int = 1_000) -> list[UUID]:
        await self._store.turn()
        found = sorted(one for one, key in self._store.key_uses.items() if key == key_id)
        return [one for one in found if after is None or one > after][:limit]

    async def page(self, after: str, limit: int) -> list[KeyRow]:
        await self._store.turn()
        rows = [row for key_id, row in sorted(self._store.keys.items()) if key_id > after]
        return [row for row in rows if row.wrapped is not None][:limit]

    async def rewrap(self, key_id: str, before: bytes, after: bytes) -> bool:
        await self._store.turn()
        row = self._store.keys.get(key_id)
        if row is None or row.wrapped != before:
            return False
        self._store.keys[key_id] = replace(row, wrapped=after)
        return True
