"""Executions of many kinds over Postgres, and read tables that have caught up with them."""

from typing import Any
from uuid import UUID

import asyncpg

from engine.ports.world import Failed
from projections.runner import Projector
from projections.store import ReadStore
from schemas.events.parts import Error
from tests.runtime_harness import World, eventually, steps

MIXED = """
id: mixed
version: "1.0"
specVersion: "0.8"
start: Fan
events:
  - {name: Go, type: go, source: tests, correlation: [{contextAttributeName: no}]}
errors: [{name: Bad, code: bad}]
functions:
  - {name: work, type: custom, operation: "python:tests:work"}
states:
  - name: Fan
    type: foreach
    inputCollection: ${ .items }
    outputCollection: ${ .done }
    iterationParam: item
    actions:
      - {name: one, functionRef: {refName: work, arguments: {item: "${ .item }"}}}
    onErrors: [{errorRef: Bad, transition: Wait}]
    transition: Wait
  - name: Wait
    type: switch
    eventConditions: [{eventRef: Go, transition: Rest}]
    defaultCondition: {transition: Rest}
    timeouts: {eventTimeout: PT1H}
  - {name: Rest, type: sleep, duration: PT0.05S, end: true}
"""


def answer(call: Any) -> Any:
    """Every seventh item fails in a way that the state catches."""
    if call.arguments["item"] % 7 == 6:
        return Failed(Error(code="bad", message="as wanted"))
    return {"item": call.arguments["item"]}


class Poisoned:
    """A log with a shard whose events this release cannot read."""

    def __init__(self, log: Any, shard: int) -> None:
        self._log = log
        self._shard = shard
        self.heads = log.heads
        self.read_execution = log.read_execution
        self.kept_snapshot = log.kept_snapshot

    async def read_shard(self, shard: int, *rest: Any) -> Any:
        if shard == self._shard:
            raise ValueError("an event that this release cannot read")
        return await self._log.read_shard(shard, *rest)


async def grown(world: World, count: int = 12) -> list[UUID]:
    """Executions of many kinds, some of them left waiting."""
    world.handler.answer = answer
    mixed = await world.apply(MIXED)
    plain = await world.apply(steps("plain", 3))
    await world.started_node()
    ids = [await world.start(mixed, {"items": list(range(n % 9))}) for n in range(count)]
    await eventually(lambda: _waiting(world, ids))
    await world.publish("go", {}, no="1")
    world.handler.answer = lambda call: {"step": call.arguments["step"]}
    ids += [await world.start(plain) for _ in range(3)]
    for execution_id in ids:
        await world.closed(execution_id)
    world.handler.answer = answer
    late = [await world.start(mixed, {"items": [1, 2]}) for _ in range(2)]
    await eventually(lambda: _waiting(world, late))
    return ids + late


async def _waiting(world: World, ids: list[UUID]) -> bool:
    return all([(await world.state(one)).waits for one in ids])


async def caught_up(world: World, pool: asyncpg.Pool) -> ReadStore:
    store = ReadStore(pool)
    await store.open()
    while await Projector(world.storage.log, store).catch_up():
        continue
    return store
