"""Running actions: after the commit of their intent, so many at once, ended when unwanted."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TypeVar

from engine.model.command import Command
from engine.model.errors import Unavailable
from engine.model.state import Action, Wait
from engine.runtime.calls import perform
from engine.runtime.context import EngineContext
from engine.runtime.hot import HotExecution, Mail
from engine.runtime.recorded_answers import RecordedAnswers

logger = logging.getLogger(__name__)

_LEASE_PAUSE_S = 0.05
Answer = TypeVar("Answer")


class Dispatcher:
    """The actions of one lane. `post` takes their outcomes."""

    def __init__(
        self, context: EngineContext, post: Callable[[HotExecution, Mail], None], limit: int
    ) -> None:
        self._context = context
        self._post = post
        self._limit = limit
        self._recorded = RecordedAnswers(context)
        self._running: dict[tuple[HotExecution, int], asyncio.Task[None]] = {}
        self._backlog: deque[tuple[HotExecution, Action]] = deque()
        self._closing = False
        self._callbacks: set[asyncio.Task[None]] = set()

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
        tasks = [*self._running.values(), *self._callbacks]
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
        try:
            command = await self._outcome(hot, action)
        except Exception:
            logger.exception("an action could not be run; it is tried again after a restart")
            return
        self._post(hot, Mail(command))

    async def _outcome(self, hot: HotExecution, action: Action) -> Command:
        """What the source of a fork recorded, if that is who answers; else what a call gives."""
        answer = await self._patiently(lambda: self._recorded.answer(hot.state, action))
        if answer is not None:
            return answer
        self._context.tally.actions_started += 1
        return await perform(hot, action, self._context)

    def call_back(self, hot: HotExecution, wait: Wait) -> None:
        """Answer a callback of a fork as it was answered in its source, if that is wanted."""
        if hot.state.fork is not None and wait.callback and not self._closing:
            task = asyncio.create_task(self._call_back(hot, wait))
            self._callbacks.add(task)
            task.add_done_callback(self._callbacks.discard)

    async def _call_back(self, hot: HotExecution, wait: Wait) -> None:
        hot.errands += 1
        try:
            answer = await self._patiently(lambda: self._recorded.callback(hot.state, wait))
            if answer is not None:
                self._post(hot, Mail(answer))
        except Exception:
            logger.exception("the recorded answer of a callback cannot be had; its token still can")
        finally:
            hot.errands -= 1

    async def _patiently(self, ask: Callable[[], Awaitable[Answer]]) -> Answer:
        """Ask until the database answers."""
        backoff = self._context.backoff()
        while True:
            try:
                return await ask()
            except Unavailable as away:
                logger.info("a recorded answer waits: %s", away.message)
                await asyncio.sleep(backoff.delay())
