"""Waiting for an execution: woken by hints, never dependent on one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

from engine.model.ids import format_execution, shard_of
from engine.model.state import ExecutionState
from engine.ports.world import Hints
from server.api.door.exchange import Exchange
from server.api.past.reading import folded

FIRST_LOOK_S = 0.1
"""A fresh execution is not looked at before this, unless a hint says that it has ended."""

LOOK_AGAIN_S = 1.0
"""How long to trust that a hint comes before looking without one."""


@asynccontextmanager
async def woken(hints: Hints, topic: str) -> AsyncIterator[asyncio.Event]:
    """An event that is set at each hint for the topic."""
    bell = asyncio.Event()

    def ring(_topic: str) -> None:
        bell.set()

    end = await hints.listen(topic, ring)
    try:
        yield bell
    finally:
        await end()


async def rung(bell: asyncio.Event, within_s: float) -> None:
    """Wait for the bell, at most so long."""
    try:
        async with asyncio.timeout(within_s):
            await bell.wait()
    except TimeoutError:
        return
    bell.clear()


async def until_closed(
    exchange: Exchange, execution_id: UUID, wait_s: float, *, fresh: bool = False
) -> ExecutionState | None:
    """The state when the execution has ended, or as it is when the time is up. `fresh`: it was
    accepted a moment ago and the engine not told yet."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + wait_s
    hints = exchange.services.hints
    async with woken(hints, closed_topic(execution_id)) as bell:
        if fresh:
            await hints.notify(inbox_topic(execution_id))
            await rung(bell, FIRST_LOOK_S)
        state: ExecutionState | None = None
        while True:
            state = await folded(exchange, execution_id, since=state)
            remaining = ends_at - loop.time()
            if remaining <= 0 or (state is not None and state.closed):
                return state
            await rung(bell, min(LOOK_AGAIN_S, remaining))


def closed_topic(execution_id: UUID) -> str:
    """The topic of the hint that the execution has ended."""
    return f"closed.{format_execution(execution_id)}"


def inbox_topic(execution_id: UUID) -> str:
    """The topic of the hint that something lies in the inbox of the execution's shard."""
    return f"inbox.{shard_of(execution_id)}"


def log_topic(execution_id: UUID) -> str:
    """The topic of the hint that the execution's shard has grown."""
    return f"log.{shard_of(execution_id)}"
