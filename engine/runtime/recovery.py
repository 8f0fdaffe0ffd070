"""After a shard was taken over, what its last owner left is picked up: pending actions run again
with the same key, open waits are looked for once more."""

import asyncio
import time
from collections.abc import Callable, Iterable
from uuid import UUID

from engine.ports.rows import SubscriptionRow
from engine.runtime.context import EngineContext
from engine.runtime.hot import HotExecution
from engine.runtime.loading import Loader
from engine.runtime.owned import OwnedShard
from engine.runtime.residents import Residents
from engine.runtime.round import Round

_CHUNK = 200
_FULL_PAUSE_S = 0.1


class Recovery:
    """Shards of one lane that were adopted and not yet recovered."""

    def __init__(
        self,
        context: EngineContext,
        residents: Residents,
        loader: Loader,
        *,
        look: Callable[[HotExecution], None],
        full: Callable[[], bool],
        lifted: Callable[[UUID], None],
    ) -> None:
        self._context = context
        self._residents = residents
        self._loader = loader
        self._look = look
        self._full = full
        self._lifted = lifted
        self._waiting: dict[int, OwnedShard] = {}
        self.round = Round(
            "recovery", self._work, interval=1.0, backoff=context.backoff(), tally=context.tally
        )

    def adopted(self, shard: OwnedShard) -> None:
        """Recover this shard soon."""
        self._waiting[shard.number] = shard
        self.round.wake()

    def dropped(self, shard: int) -> None:
        """Not ours any more."""
        self._waiting.pop(shard, None)

    async def _work(self) -> float | None:
        await self._lift()
        adopted = dict(self._waiting)
        if not adopted:
            return None
        shards, indexes = sorted(adopted), self._context.ports.indexes
        await self._load(await indexes.open_actions(shards))
        await self._look_cold(await indexes.open_subscriptions(shards))
        for number, shard in adopted.items():
            if self._waiting.get(number) is shard:
                del self._waiting[number]
        return 0.0 if self._waiting else None

    async def _lift(self) -> None:
        """Executions whose quarantine is over are tried again."""
        over = self._residents.lift(time.monotonic())
        for execution_id in over:
            self._lifted(execution_id)
        for hot in (await self._loader.get_all(over)).values():
            self._look(hot)

    async def _load(self, ids: Iterable[UUID]) -> list[HotExecution]:
        """Loading an execution starts its pending actions; memory's limit holds here too."""
        wanted = list(ids)
        loaded: list[HotExecution] = []
        for start in range(0, len(wanted), _CHUNK):
            while self._full():  # noqa: ASYNC110 - nobody signals that memory has room
                await asyncio.sleep(_FULL_PAUSE_S)
            found = await self._loader.get_all(wanted[start : start + _CHUNK])
            loaded.extend(found.values())
        return loaded

    async def _look_cold(self, rows: list[SubscriptionRow]) -> None:
        """Only executions for which the stream holds a candidate are loaded."""
        heads: dict[str, int] = {}
        for row in rows:
            if row.namespace not in heads:
                heads[row.namespace] = await self._context.ports.streams.head(row.namespace)
        worth: dict[UUID, None] = {}
        for start in range(0, len(rows), _CHUNK):
            chunk = rows[start : start + _CHUNK]
            hits = await asyncio.gather(*(self._candidate(row, heads) for row in chunk))
            found = zip(chunk, hits, strict=True)
            worth.update((row.execution_id, None) for row, hit in found if hit)
        for start in range(0, len(worth), _CHUNK):
            for hot in await self._load(list(worth)[start : start + _CHUNK]):
                self._look(hot)

    async def _candidate(self, row: SubscriptionRow, heads: dict[str, int]) -> bool:
        """Whether the stream holds anything of the row's type and key behind its start."""
        head = heads[row.namespace]
        if head <= row.after:
            return False
        streams = self._context.ports.streams
        found = await streams.read(row.namespace, (row.type,), row.after, head, row.key, 1)
        return bool(found)
