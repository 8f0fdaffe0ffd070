"""Starts that gather several CloudEvents: for each trigger and key the offers are dealt with one
after the other, in order of position; the oldest open gathering that lacks the event takes it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from engine.model.command import Arrived, FireTimer, OfferEvent
from engine.model.errors import Unavailable
from engine.model.state import RunningTimer
from engine.ports.keys import KeyWanted
from engine.ports.requests import OfferRequest
from engine.ports.rows import InboxRow
from engine.runtime.acceptance import takes
from engine.runtime.context import EngineContext
from engine.runtime.hot import HotExecution, Mail
from engine.runtime.loading import Loader
from engine.runtime.owned import OwnedShard
from engine.runtime.programs import Loaded
from engine.runtime.residents import Residents

logger = logging.getLogger(__name__)

_GONE_CHECK_S = 0.2
_OFFERS_READ = 1_000


@dataclass(frozen=True, slots=True)
class Offer:
    """A CloudEvent offered to the gatherings of a trigger and key."""

    row: InboxRow
    request: OfferRequest
    arrived: Arrived
    loaded: Loaded
    shard: OwnedShard


class Gatherer:
    """Offers of one lane's shards."""

    def __init__(
        self,
        context: EngineContext,
        residents: Residents,
        loader: Loader,
        post: Callable[[HotExecution, Mail], None],
        now: Callable[[], float],
    ) -> None:
        self._context = context
        self._residents = residents
        self._loader = loader
        self._post = post
        self._now = now
        self._queues: dict[tuple[int, str, str], deque[Offer]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def offer(self, offer: Offer) -> None:
        """Deal with it after those before it."""
        key = (offer.row.shard, offer.request.trigger, offer.request.key)
        queue = self._queues.get(key)
        if queue is not None:
            queue.append(offer)
            return
        queue = self._queues[key] = deque([offer])
        self._begin(self._serve(key, queue))

    def decide_timeout(self, hot: HotExecution, timer: RunningTimer) -> None:
        """The gathering's time is over once all CloudEvents that came in time were offered."""
        hot.errands += 1
        self._begin(self._expire(hot, timer))

    def stop(self) -> None:
        """End what is under way; offers stay in the inbox."""
        for task in self._tasks:
            task.cancel()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, key: tuple[int, str, str], queue: deque[Offer]) -> None:
        backoff = self._context.backoff()
        while queue:
            offer = queue[0]
            if not offer.shard.lost:
                try:
                    await self._deal(offer)
                except Unavailable:
                    await asyncio.sleep(backoff.delay())
                    continue
                except Exception:
                    logger.exception("an offer failed; it stays in the inbox for the next owner")
            queue.popleft()
            backoff.reset()
        self._queues.pop(key, None)

    async def _deal(self, offer: Offer) -> None:
        """Again if the gathering that was to take it expired meanwhile."""
        while await self._is_refused(offer):
            logger.info("an offer came too late for its gathering and goes to another")

    async def _is_refused(self, offer: Offer) -> bool:
        hot = await self._taker(offer)
        if hot is None:
            hot = await self._new(offer)
        committed = asyncio.Event()
        mail = Mail(
            OfferEvent(offer.arrived),
            offer.row.actor,
            offer.row.traceparent,
            taken=((offer.row.shard, offer.row.id),),
            done=lambda _: committed.set(),
        )
        self._post(hot, mail)
        while not committed.is_set() and not hot.gone:
            try:
                async with asyncio.timeout(_GONE_CHECK_S):
                    await committed.wait()
            except TimeoutError:
                continue
        return mail.refused and not offer.shard.lost

    async def _taker(self, offer: Offer) -> HotExecution | None:
        """The open gathering that takes the CloudEvent; of several, that whose first CloudEvent
        has the lowest position."""
        rows = await self._context.ports.indexes.gatherings(
            offer.row.shard, offer.request.trigger, bytes.fromhex(offer.request.key)
        )
        takers: list[HotExecution] = []
        for row in rows:
            hot = await self._loader.get(row.execution_id)
            if hot is not None and _would_take(hot, offer.arrived):
                takers.append(hot)
        return min(takers, key=lambda hot: hot.state.from_position, default=None)

    async def _new(self, offer: Offer) -> HotExecution:
        (execution_id,) = await self._context.ports.inbox.mint(offer.row.shard, 1)
        namespace = offer.row.namespace
        ciphers = await self._context.ports.keys.begin([KeyWanted(execution_id, namespace)])
        hot = HotExecution(
            execution_id, namespace, offer.shard, offer.loaded, cipher=ciphers.get(execution_id)
        )
        hot.gathering = (offer.request.trigger, bytes.fromhex(offer.request.key))
        self._residents.add(hot, self._now())
        return hot

    async def _expire(self, hot: HotExecution, timer: RunningTimer) -> None:
        try:
            pause = self._context.settings.poll_interval_ms / 1000
            head: int | None = None
            while not hot.gone:
                try:
                    if head is None:
                        streams = self._context.ports.streams
                        head = await streams.head(hot.namespace, settled=True)
                    if await self._all_offered(hot, head):
                        break
                except Unavailable:
                    logger.info("a gathering's timeout waits for the database")
                await asyncio.sleep(pause)
            self._post(hot, Mail(FireTimer(timer.id)))
        finally:
            hot.errands -= 1

    async def _all_offered(self, hot: HotExecution, head: int) -> bool:
        """Whether every CloudEvent up to `head` was matched and its offer dealt with."""
        if await self._context.ports.streams.matched(hot.namespace) < head:
            return False
        number = hot.shard.number
        rows = await self._context.ports.inbox.read([number], (), _OFFERS_READ)
        return not any(row.kind == "offer" and row.position <= head for row in rows)


def _would_take(hot: HotExecution, arrived: Arrived) -> bool:
    return any(takes(hot.state, wait, arrived) for wait in hot.state.waits.values())
