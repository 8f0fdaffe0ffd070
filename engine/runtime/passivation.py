"""Executions leave memory when they are idle or it is full; snapshots make them cheap to fold."""

import time

from engine.ports.snapshots import snapshot_of
from engine.runtime.context import EngineContext
from engine.runtime.hot import HotExecution
from engine.runtime.residents import Residents
from engine.runtime.round import Round


class Passivation:
    """Sweeps the memory of one lane. `limit`: hot executions it may keep."""

    def __init__(self, context: EngineContext, residents: Residents, limit: int) -> None:
        self._context = context
        self._residents = residents
        self._limit = limit
        self.round = Round(
            "passivation", self._work, interval=context.settings.sweep_interval_ms / 1000,
            backoff=context.backoff(), tally=context.tally,
        )  # fmt: skip

    @property
    def room(self) -> int:
        """How many more executions memory may hold; what is idle is asked to leave in time."""
        room = self._limit - len(self._residents.executions)
        if room * 10 <= self._limit:
            self.round.wake()
        return room

    async def _work(self) -> float | None:
        leaving = self._leaving()
        await self._snapshot(self._large(leaving))
        for hot in leaving:
            if not hot.busy:
                self._residents.forget(hot)
        return None

    def _leaving(self) -> list[HotExecution]:
        """Idle for long, or the least recently used beyond nine tenths of the limit."""
        since = time.monotonic() - self._context.settings.idle_ms / 1000
        surplus = len(self._residents.executions) - self._limit * 9 // 10
        leaving: list[HotExecution] = []
        for hot in self._residents.executions.values():
            if hot.used_at > since and len(leaving) >= surplus:
                break
            if not hot.busy:
                leaving.append(hot)
        return leaving

    def _large(self, leaving: list[HotExecution]) -> list[HotExecution]:
        """Executions with many events since their last snapshot."""
        settings = self._context.settings
        worth = {hot.id: hot for hot in leaving if _fresh(hot) >= settings.snapshot_at_passivation}
        for hot in self._residents.executions.values():
            if _fresh(hot) >= settings.snapshot_every:
                worth[hot.id] = hot
        return [hot for hot in worth.values() if not hot.state.closed]

    async def _snapshot(self, executions: list[HotExecution]) -> None:
        size = self._context.settings.snapshot_batch
        for start in range(0, len(executions), size):
            rows = [
                snapshot_of(hot.shard.number, hot.state) for hot in executions[start : start + size]
            ]
            await self._context.ports.log.save_snapshots(rows)
            self._context.tally.snapshots += len(rows)
            for hot, row in zip(executions[start : start + size], rows, strict=True):
                hot.snapshot_seq = row.seq


def _fresh(hot: HotExecution) -> int:
    return hot.state.seq - hot.snapshot_seq
