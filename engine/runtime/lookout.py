"""Open waits: after the commit that opened one, look into the stream; a hint only makes it look
again. An event beats a timeout if it was stored not after the due time.

The protocol: subscribe, commit, then look; never the other way round.
"""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

from engine.model.command import Arrived, DeliverEvent, FireTimer
from engine.model.errors import Unavailable
from engine.model.state import RunningTimer, Wait
from engine.runtime.candidates import first_taken
from engine.runtime.context import EngineContext
from engine.runtime.hot import HotExecution, Mail

logger = logging.getLogger(__name__)

Errand = Callable[[HotExecution], Coroutine[Any, Any, None]]


class Lookout:
    """Looks for the waits of one lane's executions, one errand an execution at a time."""

    def __init__(self, context: EngineContext, post: Callable[[HotExecution, Mail], None]) -> None:
        self._context = context
        self._post = post
        self._slots = asyncio.Semaphore(context.settings.look_concurrency)
        self._tasks: set[asyncio.Task[None]] = set()

    def look(self, hot: HotExecution) -> None:
        """Look for all open waits of the execution, soon."""
        if hot.gone or not hot.state.waits:
            return
        if hot.look_again is not None:
            hot.look_again = True
            return
        hot.look_again = False
        self._errand(hot, self._looking)

    def decide_timeout(self, hot: HotExecution, timer: RunningTimer) -> None:
        """The wait's time is over: a CloudEvent that came in time still wins."""
        self._errand(hot, lambda hot: self._deciding(hot, timer))

    def stop(self) -> None:
        """End what is under way."""
        for task in self._tasks:
            task.cancel()

    def _errand(self, hot: HotExecution, work: Errand) -> None:
        hot.errands += 1
        task = asyncio.create_task(self._persist(hot, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _persist(self, hot: HotExecution, work: Errand) -> None:
        try:
            async with self._slots:
                await work(hot)
        except Exception:
            logger.exception("a look into the stream failed")
        finally:
            hot.errands -= 1

    async def _looking(self, hot: HotExecution) -> None:
        try:
            while not hot.gone:
                hot.look_again = False
                await self._patiently(hot, self._look_once)
                if not hot.look_again:
                    break
        finally:
            hot.look_again = None

    async def _patiently(self, hot: HotExecution, look: Errand) -> None:
        backoff = self._context.backoff()
        while not hot.gone:
            try:
                await look(hot)
            except Unavailable:
                await asyncio.sleep(backoff.delay())
            else:
                return

    async def _look_once(self, hot: HotExecution) -> None:
        head = await self._context.ports.streams.head(hot.namespace)
        for wait in list(hot.state.waits.values()):
            found = await self._first(hot, wait, head)
            if found is None:
                hot.looked[wait.id] = max(head, hot.looked.get(wait.id, 0))
            else:
                self._deliver(hot, wait, found, self.look)

    async def _first(self, hot: HotExecution, wait: Wait, head: int) -> Arrived | None:
        return await first_taken(
            self._context.ports.streams, hot.namespace, hot.state, wait,
            after=hot.looked.get(wait.id, 0), head=head, page=self._context.settings.look_page,
        )  # fmt: skip

    def _deliver(
        self,
        hot: HotExecution,
        wait: Wait,
        arrived: Arrived,
        then: Callable[[HotExecution], None],
    ) -> None:
        def done(hot: HotExecution) -> None:
            still_open = hot.state.waits.get(wait.id)
            position = arrived.event.position
            if still_open is not None and position not in still_open.taken:
                hot.looked[wait.id] = max(position, hot.looked.get(wait.id, 0))
            then(hot)

        trace = arrived.attributes.get("traceparent")
        self._post(hot, Mail(DeliverEvent(wait.id, arrived), traceparent=trace, done=done))

    async def _deciding(self, hot: HotExecution, timer: RunningTimer) -> None:
        await self._patiently(hot, lambda hot: self._decide_once(hot, timer))

    async def _decide_once(self, hot: HotExecution, timer: RunningTimer) -> None:
        """The head is read settled, so no ingest that began before can still come below it."""
        head = await self._context.ports.streams.head(hot.namespace, settled=True)
        wait = hot.state.waits.get(timer.subject)
        found = None if wait is None else await self._first(hot, wait, head)
        if wait is None or found is None:
            self._post(hot, Mail(FireTimer(timer.id)))
        else:
            self._deliver(hot, wait, found, lambda hot: self._retry(hot, timer))

    def _retry(self, hot: HotExecution, timer: RunningTimer) -> None:
        """The wait took it; if it lacks more (all of several), those may have come in time too."""
        self.look(hot)
        if timer.id in hot.state.timers and not hot.gone:
            self.decide_timeout(hot, timer)
