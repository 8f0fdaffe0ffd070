"""What comes for an execution at the very moment it leaves memory is neither lost nor put aside."""

import asyncio
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from engine.model.ids import shard_of
from engine.ports.requests import CancelRequest, encode
from tests.runtime_harness import NAMESPACE, QUICK, World

LONG_SLEEPER = """
id: sleeper
version: '1.0'
specVersion: '0.8'
name: sleeper
start: Nap
states:
- name: Nap
  type: sleep
  duration: PT1H
  end: true
"""


class SlowInbox:
    """The inbox, slow to say what was accepted, so that others leave memory meanwhile."""

    def __init__(self, inbox: Any) -> None:
        self._inbox = inbox

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inbox, name)

    async def is_accepted(self, namespace: str, execution_id: UUID) -> bool:
        await asyncio.sleep(0.3)
        return await self._inbox.is_accepted(namespace, execution_id)


async def test_a_cancel_reaches_an_execution_that_was_passivated_while_it_was_dealt_with(
    world: World,
) -> None:
    row = await world.apply(LONG_SLEEPER)
    first = await world.started_node()
    execution_id = await world.start(row)
    await world.until(execution_id, lambda state: bool(state.timers))
    await first.stop()
    nobody = UUID(int=execution_id.int ^ 1)
    assert shard_of(nobody) == shard_of(execution_id)
    body = encode(CancelRequest(reason="enough"))
    for one in (nobody, execution_id):
        await world.storage.inbox.put("cancel", one, NAMESPACE, body, "test", None)
    await world.started_node(
        inbox=SlowInbox(world.storage.inbox),
        settings=replace(QUICK, idle_ms=20, sweep_interval_ms=10),
    )
    assert (await world.closed(execution_id)).phase == "cancelled"
