"""Background work in rounds: when woken, or when it is time; a failed round is tried again."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable

from engine.model.errors import Unavailable
from engine.runtime.backoff import Backoff
from engine.runtime.tally import Tally

logger = logging.getLogger(__name__)


class Round:
    """Calls `work` again and again. `work` returns after how many seconds it wants to be called if
    nobody wakes it (None: after `interval`). An exception costs a back-off, never the round."""

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[float | None]],
        *,
        interval: float,
        backoff: Backoff,
        tally: Tally,
    ) -> None:
        self._name = name
        self._work = work
        self._interval = interval
        self._backoff = backoff
        self._tally = tally
        self._woken = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Work soon. Cheap; many wake-ups are one."""
        self._woken.set()

    def start(self) -> None:
        """Begin with a first round at once."""
        self._woken.set()
        self._task = asyncio.create_task(self._run(), name=self._name)

    async def stop(self) -> None:
        """End the rounds; one in flight is cancelled."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def _run(self) -> None:
        delay = 0.0
        while True:
            await self._rest(delay)
            self._woken.clear()
            try:
                wanted = await self._work()
            except Unavailable as away:
                logger.info("%s: %s", self._name, away.message)
                await self._fail()
                delay = 0.0
            except Exception:
                logger.exception("%s failed and will be tried again", self._name)
                await self._fail()
                delay = 0.0
            else:
                self._backoff.reset()
                delay = self._interval if wanted is None else max(wanted, 0.0)

    async def _rest(self, delay: float) -> None:
        if delay == 0.0:
            await asyncio.sleep(0)
        elif not self._woken.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._woken.wait()

    async def _fail(self) -> None:
        self._tally.loop_failures += 1
        await asyncio.sleep(self._backoff.delay())
