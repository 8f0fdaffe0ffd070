"""The growing ends of logs, for live views: one look for all who watch the same execution."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from uuid import UUID

from aiohttp import web

from engine.ports.rows import EventRow
from engine.ports.storage import Log
from engine.ports.world import Hints
from server.api.door.problem import ProblemRaised
from server.api.live.waiting import log_topic

GATHER_S = 0.05
"""After a hint, so long more of them are gathered: a busy shard sends hundreds a second."""


class Tail:
    """The end of one execution's log."""

    def __init__(self, log: Log, execution_id: UUID) -> None:
        self._log, self._execution_id = log, execution_id
        self._bell, self._one_looks = asyncio.Event(), asyncio.Lock()
        self._hints, self._hints_then = 0, -1
        self._last: EventRow | None = None
        self._looked_at = 0.0
        self.watchers = 0

    def ring(self) -> None:
        """A hint: the log may have grown."""
        self._hints += 1
        self._bell.set()

    async def rung(self, within_s: float) -> bool:
        """Wait for hints, or for growth that another watcher found. False: none within the time."""
        try:
            async with asyncio.timeout(within_s):
                await self._bell.wait()
        except TimeoutError:
            return False
        await asyncio.sleep(GATHER_S)
        return True

    async def look(self, max_age_s: float) -> EventRow | None:
        """The last event: as seen by whoever looked since the last hint and within `max_age_s`,
        else the log's. Raises Unavailable."""
        loop = asyncio.get_running_loop()
        self._bell.clear()
        async with self._one_looks:
            is_old = loop.time() - self._looked_at >= max_age_s
            if is_old or self._hints != self._hints_then:
                hints, before = self._hints, self._last
                self._last = await self._log.last_event(self._execution_id)
                self._hints_then, self._looked_at = hints, loop.time()
                if self._last != before:
                    self._wake_watchers()
        return self._last

    def _wake_watchers(self) -> None:
        """Those who wait now; who waits later looks before."""
        was_set = self._bell.is_set()
        self._bell.set()
        if not was_set:
            self._bell.clear()


class Tails:
    """All that is watched. `most`: streams at once."""

    def __init__(self, log: Log, hints: Hints, most: int) -> None:
        self._log, self._hints, self._most = log, hints, most
        self._streams = 0
        self._watched: dict[str, dict[UUID, Tail]] = {}

    async def listening(self, _application: web.Application) -> AsyncIterator[None]:
        """Hear the hints of all shards while the application runs."""
        end = await self._hints.listen("log.*", self._grown)
        yield
        await end()

    def _grown(self, topic: str) -> None:
        for tail in self._watched.get(topic, {}).values():
            tail.ring()

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place for a stream. Problem: streams.too_many."""
        if self._streams >= self._most:
            raise ProblemRaised("streams.too_many", f"{self._most} streams are open already")
        self._streams += 1
        try:
            yield
        finally:
            self._streams -= 1

    @contextmanager
    def watched(self, execution_id: UUID) -> Iterator[Tail]:
        """The tail of this execution, shared by all who watch it."""
        topic = log_topic(execution_id)
        in_shard = self._watched.setdefault(topic, {})
        tail = in_shard.setdefault(execution_id, Tail(self._log, execution_id))
        tail.watchers += 1
        try:
            yield tail
        finally:
            tail.watchers -= 1
            if not tail.watchers:
                del in_shard[execution_id]
            if not in_shard:
                self._watched.pop(topic, None)


TAILS = web.AppKey("tails", Tails)
