"""Leases in memory, by the store's clock."""

from collections.abc import Sequence

from msgspec.structs import replace

from engine.adapters.memory.store import MemoryStore
from engine.ports.rows import ShardHead


class MemoryLeases:
    """Twin of `engine.ports.storage.Leases`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def announce(self, engine: str, ttl_ms: int) -> list[str]:
        await self._store.turn()
        now = self._store.now_ms()
        self._store.engines[engine] = now + ttl_ms
        return sorted(name for name, until in self._store.engines.items() if until > now)

    async def claim(self, engine: str, shard: int, ttl_ms: int) -> ShardHead | None:
        await self._store.turn()
        now = self._store.now_ms()
        head = self._store.heads.get(shard)
        if head is None or (head.owner not in {None, engine} and head.expires_at > now):
            return None
        taken = replace(head, owner=engine, epoch=head.epoch + 1, expires_at=now + ttl_ms)
        self._store.heads[shard] = taken
        return taken

    async def renew(self, engine: str, shards: Sequence[int], ttl_ms: int) -> list[int]:
        await self._store.turn()
        held = [shard for shard in sorted(set(shards)) if self._owner(shard) == engine]
        for shard in held:
            until = self._store.now_ms() + ttl_ms
            self._store.heads[shard] = replace(self._store.heads[shard], expires_at=until)
        return held

    async def release(self, engine: str, shards: Sequence[int]) -> None:
        await self._store.turn()
        for shard in set(shards):
            if self._owner(shard) == engine:
                head = self._store.heads[shard]
                self._store.heads[shard] = replace(head, owner=None, expires_at=0)

    def _owner(self, shard: int) -> str | None:
        head = self._store.heads.get(shard)
        return head.owner if head else None

    async def now_ms(self) -> int:
        await self._store.turn()
        return self._store.now_ms()
