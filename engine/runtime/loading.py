"""Bringing executions into memory: a snapshot if there is one, and the events after it."""

import asyncio
from collections.abc import Callable, Iterable
from uuid import UUID

from engine.core.replay import fold
from engine.model.errors import Erased, Unavailable
from engine.model.ids import shard_of
from engine.ports.codec import event_of
from engine.ports.rows import EventRow
from engine.ports.snapshots import state_of
from engine.runtime.context import EngineContext
from engine.runtime.hot import HotExecution
from engine.runtime.owned import OwnedShard
from engine.runtime.residents import Residents


class Loader:
    """Loads each execution once however many ask at the same time. `poisoned` is told of those that
    cannot be loaded, `loaded` of those that have been; `incomplete`: of which the beginning is
    still being copied."""

    def __init__(
        self,
        context: EngineContext,
        residents: Residents,
        *,
        loaded: Callable[[HotExecution], None],
        poisoned: Callable[[UUID, Exception], None],
        incomplete: Callable[[UUID], bool],
        now: Callable[[], float],
    ) -> None:
        self._context = context
        self._residents = residents
        self._loaded = loaded
        self._poisoned = poisoned
        self._incomplete = incomplete
        self._now = now
        self._under_way: dict[tuple[UUID, int], asyncio.Future[HotExecution | None]] = {}
        self._slots = asyncio.Semaphore(context.settings.load_concurrency)

    async def get(self, execution_id: UUID) -> HotExecution | None:
        """The execution in memory. None: it has no events, is quarantined, is a fork that is not
        complete, or its shard is not ours. Raises Unavailable."""
        hot = self._residents.find(execution_id, self._now())
        if hot is not None or execution_id in self._residents.quarantined:
            return hot
        shard = self._residents.shards.get(shard_of(execution_id))
        if shard is None or self._incomplete(execution_id):
            return None
        key = (execution_id, shard.epoch)
        under_way = self._under_way.get(key)
        if under_way is None:
            under_way = asyncio.ensure_future(self._load(execution_id, shard))
            self._under_way[key] = under_way
            under_way.add_done_callback(lambda _: self._under_way.pop(key, None))
        return await asyncio.shield(under_way)

    async def get_all(self, ids: Iterable[UUID]) -> dict[UUID, HotExecution]:
        """Those of the executions that can be had. Raises Unavailable."""
        distinct = list(dict.fromkeys(ids))
        found = await asyncio.gather(*(self.get(one) for one in distinct))
        return {one: hot for one, hot in zip(distinct, found, strict=True) if hot is not None}

    async def _load(self, execution_id: UUID, shard: OwnedShard) -> HotExecution | None:
        try:
            async with self._slots:
                hot = await self._read(execution_id, shard)
        except Unavailable:
            raise
        except Exception as fault:  # noqa: BLE001 - told to `poisoned`
            if not shard.lost:
                self._poisoned(execution_id, fault)
            return None
        if hot is None or shard.lost:
            return None
        existing = self._residents.find(execution_id, self._now())
        if existing is not None:
            return existing
        self._context.tally.loads += 1
        self._residents.add(hot, self._now())
        self._loaded(hot)
        return hot

    async def _read(self, execution_id: UUID, shard: OwnedShard) -> HotExecution | None:
        log = self._context.ports.log
        snapshots = await log.load_snapshots([(shard.number, execution_id)])
        state = state_of(snapshots[0]) if snapshots else None
        snapshot_seq = state.seq if state is not None else 0
        last: EventRow | None = None
        after = max(0, snapshot_seq - 1)
        while True:
            page = self._context.settings.load_page
            rows = await log.read_execution(execution_id, after, page)
            fresh = [event_of(row) for row in rows if row.seq > snapshot_seq]
            state = fold(execution_id, fresh, state)
            if rows:
                last, after = rows[-1], rows[-1].seq
            if len(rows) < page:
                break
        if last is None or state is None:
            return None
        loaded = await self._context.programs.get(last.namespace, state.definition_hash)
        cipher = None
        if last.key_id is not None:
            cipher = (await self._context.ports.keys.ciphers([last.key_id]))[last.key_id]
            if cipher is None:
                raise Erased(f"the key {last.key_id} was erased: the execution cannot go on")
        return HotExecution(
            execution_id, last.namespace, shard, loaded,
            state=state, hash_=last.hash, snapshot_seq=snapshot_seq,
            cipher=cipher,
        )  # fmt: skip
