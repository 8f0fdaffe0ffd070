"""Running actions: after the commit of their intent, so many at once, ended when unwanted."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable

from engine.model.state import Action
from engine.runtime.calls import perform
from engine.runtime.context import EngineContext
from engine.runtime.hot import HotExecution, Mail

logger = logging.getLogger(__name__)

_LEASE_PAUSE_S = 0.05


class Dispatcher:
    """The actions of one lane. `post` takes their outcomes."""

    def __init__(
        self, context: EngineContext, post: Callable[[HotExecution, Mail], None], limit: int
    ) -> None:
        self._context = context
        self._post = post
        self._limit = limit
        self._running: dict[tuple[HotExecution, int], asyncio.Task[None]] = {}
        self._backlog: deque[tuple[HotExecution, Action]] = deque()
        self._closing = False

    @property
    def in_flight(self) -> int:
        """Actions running now."""
        return len(self._running)

    @property
    def full(self) -> bool:
        """Whether so many wait that no new work should be taken in."""
        return len(self._backlog) >= self._context.settings.max_action_backlog

    def submit(self, hot: HotExecution, action: Action) -> None:
        """Run the action; at once or when others have ended. Not where no more begin: its intent is
        committed, so whoever owns the execution next runs it."""
        if self._closing:
            return
        if len(self._running) >= self._limit:
            self._backlog.append((hot, action))
        else:
            self._begin(hot, action)

    def recall(self, hot: HotExecution, action_id: int) -> None:
        """Its answer is not wanted any more."""
        task = self._running.get((hot, action_id))
        if task is not None:
            task.cancel()

    def drop(self, executions: list[HotExecution]) -> None:
        """These executions left memory: end what runs for them."""
        for hot in executions:
            for action_id in hot.state.actions:
                self.recall(hot, action_id)

    def begin_no_more(self) -> None:
        """What runs may end; nothing else begins."""
        self._closing = True
        self._backlog.clear()

    async def stop(self) -> None:
        """End everything; the actions are run again by whoever owns their executions then."""
        self._backlog.clear()
        tasks = list(self._running.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, hot: HotExecution, action: Action) -> None:
        key = (hot, action.id)
        if key in self._running:
            return
        task = asyncio.create_task(self._run(hot, action))
        self._running[key] = task
        task.add_done_callback(lambda _: self._ended(key))

    def _ended(self, key: tuple[HotExecution, int]) -> None:
        self._running.pop(key, None)
        while self._backlog and len(self._running) < self._limit:
            hot, action = self._backlog.popleft()
            if not hot.gone and action.id in hot.state.actions:
                self._begin(hot, action)

    async def _run(self, hot: HotExecution, action: Action) -> None:
        while not hot.shard.alive(time.monotonic()):
            if hot.gone or hot.shard.lost:
                return
            await asyncio.sleep(_LEASE_PAUSE_S)
        self._context.tally.actions_started += 1
        try:
            command = await perform(hot, action, self._context)
        except Exception:
            logger.exception("an action could not be run; it is tried again after a restart")
            return
        self._post(hot, Mail(command))
