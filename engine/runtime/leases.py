"""Which shards this engine owns: a fair share, by leases that the database's clock ends."""

import asyncio
import logging
import math
import time
from collections.abc import Callable

from engine.ports.rows import ShardHead
from engine.runtime.context import EngineContext
from engine.runtime.owned import OwnedShard
from engine.runtime.round import Round

logger = logging.getLogger(__name__)

_ROUNDS_A_TTL = 3
_CLAIMS_AT_ONCE = 8


class LeaseKeeper:
    """Announces the engine, renews, gives surplus back, claims what is free or expired.

    A shard's deadline is counted from before its lease was asked for, less a margin: by the
    monotonic clock we stop before the database's clock lets another engine in."""

    def __init__(
        self,
        context: EngineContext,
        *,
        adopted: Callable[[OwnedShard], None],
        dropped: Callable[[int], None],
    ) -> None:
        self._context = context
        self._adopted = adopted
        self._dropped = dropped
        self.owned: dict[int, OwnedShard] = {}
        self._broken: set[int] = set()
        ttl = context.settings.lease_ttl_ms
        self.round = Round(
            "leases", self._work, interval=ttl / _ROUNDS_A_TTL / 1000,
            backoff=context.backoff(), tally=context.tally,
        )  # fmt: skip

    def fenced(self, shard: OwnedShard) -> None:
        """The shard's head is not what we thought: let go of it; claim it anew if it is free."""
        if self.owned.get(shard.number) is shard:
            self._drop(shard.number)
            self._broken.add(shard.number)
            self.round.wake()

    async def release_all(self) -> None:
        """Give everything back and say good-bye, so that others need not wait for the leases to
        run out, nor leave a share for an engine that is gone."""
        numbers = list(self.owned)
        for number in numbers:
            self._drop(number)
        await self._context.ports.leases.release(self._context.name, numbers)
        await self._context.ports.leases.announce(self._context.name, 0)

    async def _work(self) -> float | None:
        leases, settings = self._context.ports.leases, self._context.settings
        engines = await leases.announce(self._context.name, settings.lease_ttl_ms)
        await self._renew()
        if self._broken:
            broken, self._broken = self._broken, set()
            await leases.release(self._context.name, sorted(broken))
        heads = await self._context.ports.log.heads()
        share = math.ceil(len(heads) / max(1, len(engines)))
        await self._give_back(share)
        await self._claim(heads, share)
        return None

    async def _renew(self) -> None:
        asked, numbers = time.monotonic(), list(self.owned)
        if not numbers:
            return
        ttl = self._context.settings.lease_ttl_ms
        held = set(await self._context.ports.leases.renew(self._context.name, numbers, ttl))
        for number in numbers:
            shard = self.owned.get(number)
            if shard is None:
                continue
            if number in held:
                shard.deadline = self._deadline(asked)
            else:
                logger.warning("shard %d was taken over by another engine", number)
                self._drop(number)

    async def _give_back(self, share: int) -> None:
        surplus = sorted(self.owned)[share:]
        if surplus:
            for number in surplus:
                self._drop(number)
            await self._context.ports.leases.release(self._context.name, surplus)

    async def _claim(self, heads: list[ShardHead], share: int) -> None:
        """Free ones first; engines begin at different shards, so that they rarely meet."""
        now, name = self._context.clock.now_ms(), self._context.name
        open_heads = [
            head
            for head in heads
            if head.shard not in self.owned
            and (head.owner is None or head.owner == name or head.expires_at <= now)
        ]
        start, count = hash(name), max(1, len(heads))
        open_heads.sort(key=lambda head: (head.owner is not None, (head.shard - start) % count))
        while open_heads and len(self.owned) < share:
            size = min(_CLAIMS_AT_ONCE, share - len(self.owned))
            tried, open_heads = open_heads[:size], open_heads[size:]
            await asyncio.gather(*(self._claim_one(head.shard) for head in tried))

    async def _claim_one(self, number: int) -> None:
        asked = time.monotonic()
        ttl = self._context.settings.lease_ttl_ms
        head = await self._context.ports.leases.claim(self._context.name, number, ttl)
        if head is not None:
            shard = OwnedShard(head, self._deadline(asked))
            self.owned[number] = shard
            self._adopted(shard)

    def _deadline(self, asked: float) -> float:
        settings = self._context.settings
        return asked + (settings.lease_ttl_ms - settings.lease_margin_ms) / 1000

    def _drop(self, number: int) -> None:
        shard = self.owned.pop(number, None)
        if shard is not None:
            shard.lost = True
            self._dropped(number)
