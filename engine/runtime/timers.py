"""Timers of a lane's shards: those due soon in memory, all of them in Postgres, none early."""

import asyncio
import heapq
from collections.abc import Iterable
from typing import Protocol
from uuid import UUID

from engine.model.command import FireTimer
from engine.model.ids import shard_of
from engine.model.state import RunningTimer
from engine.runtime.acceptance import EVENT_TIMEOUT
from engine.runtime.context import EngineContext
from engine.runtime.hot import HotExecution, Mail
from engine.runtime.loading import Loader
from engine.runtime.residents import Residents
from engine.runtime.round import Round


class TimeoutJudge(Protocol):
    """Decides a timeout against CloudEvents that came in time; posts the FireTimer in the end."""

    def decide_timeout(self, hot: HotExecution, timer: RunningTimer) -> None:
        """Look first, then fire."""


class Poster(Protocol):
    """Gives an execution a command."""

    def post(self, hot: HotExecution, mail: Mail) -> None:
        """See `CommitCycle.post`."""


class Timers:
    """`known` timers are in the heap or being fired; `horizon`: all timers due before it (ms) were
    read from Postgres or set by ourselves since."""

    def __init__(
        self,
        context: EngineContext,
        residents: Residents,
        loader: Loader,
        cycle: Poster,
        judge: TimeoutJudge,
    ) -> None:
        self._context = context
        self._residents = residents
        self._loader = loader
        self._cycle = cycle
        self._judge = judge
        self._heap: list[tuple[int, UUID, int]] = []
        self._known: dict[tuple[UUID, int], int] = {}
        self._horizon = 0
        self.round = Round(
            "timers", self._work, interval=context.settings.poll_interval_ms / 1000,
            backoff=context.backoff(), tally=context.tally,
        )  # fmt: skip

    def adopted(self) -> None:
        """There are new shards: read their timers."""
        self._horizon = 0
        self.round.wake()

    def dropped(self, shard: int) -> None:
        """Forget the shard's timers."""
        self._known = {key: due for key, due in self._known.items() if shard_of(key[0]) != shard}

    def forget(self, execution_id: UUID) -> None:
        """Forget the execution's timers, so that they are read again."""
        self._known = {key: due for key, due in self._known.items() if key[0] != execution_id}
        self.adopted()

    def changed(self, hot: HotExecution, new: Iterable[RunningTimer], old: Iterable[int]) -> None:
        """A commit set and cleared these."""
        for number in old:
            self._known.pop((hot.id, number), None)
        for timer in new:
            if timer.due < self._horizon:
                self._remember(timer.due, hot.id, timer.id)
                if self._heap[0][0] >= timer.due:
                    self.round.wake()

    def _remember(self, due: int, execution_id: UUID, number: int) -> None:
        if (execution_id, number) not in self._known:
            self._known[(execution_id, number)] = due
            heapq.heappush(self._heap, (due, execution_id, number))

    async def _work(self) -> float | None:
        """Fire what is due; read ahead when the horizon comes near."""
        now = self._context.clock.now_ms()
        half = self._context.settings.timer_horizon_ms // 2
        if self._horizon - now < half and (not self._heap or self._heap[0][0] > now):
            await self._read_ahead(now)
        due = self._pop_due(self._context.clock.now_ms())
        if due:
            await self._fire(due)
        return self._rest()

    def _rest(self) -> float:
        now = self._context.clock.now_ms()
        poll = self._context.settings.poll_interval_ms
        if not self._heap:
            return poll / 1000
        return max(0, min(self._heap[0][0] - now, poll)) / 1000

    async def _read_ahead(self, now: int) -> None:
        shards = list(self._residents.shards)
        if not shards:
            return
        horizon = now + self._context.settings.timer_horizon_ms
        self._horizon = horizon
        limit = self._context.settings.timer_batch
        try:
            rows = await self._context.ports.indexes.due_timers(shards, horizon, limit)
        except BaseException:
            self._horizon = 0
            raise
        for row in rows:
            if row.shard in self._residents.shards:
                self._remember(row.due, row.execution_id, row.timer)
        if len(rows) >= limit:
            self._horizon = min(self._horizon, rows[-1].due)

    def _pop_due(self, now: int) -> list[tuple[UUID, int]]:
        due: list[tuple[UUID, int]] = []
        while self._heap and self._heap[0][0] <= now:
            _, execution_id, number = heapq.heappop(self._heap)
            if (execution_id, number) in self._known:
                due.append((execution_id, number))
        return due

    async def _fire(self, due: list[tuple[UUID, int]]) -> None:
        try:
            found = await self._loader.get_all(execution_id for execution_id, _ in due)
        except BaseException:
            for execution_id, number in due:
                heapq.heappush(self._heap, (0, execution_id, number))
            raise
        for execution_id, number in due:
            hot = found.get(execution_id)
            if hot is None:
                self._known.pop((execution_id, number), None)
            else:
                self._fire_one(hot, number)
        await asyncio.sleep(0)

    def _fire_one(self, hot: HotExecution, number: int) -> None:
        timer = hot.state.timers.get(number)
        if timer is not None and timer.purpose == EVENT_TIMEOUT:
            self._judge.decide_timeout(hot, timer)
        else:
            key = (hot.id, number)
            self._cycle.post(hot, Mail(FireTimer(number), done=lambda _: self._fired(key)))

    def _fired(self, key: tuple[UUID, int]) -> None:
        self._known.pop(key, None)
