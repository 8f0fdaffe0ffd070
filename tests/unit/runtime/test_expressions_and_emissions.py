"""Expressions that need workers do not hold up others; produced CloudEvents leave exactly as often
as they must."""

import asyncio
import json

from engine.model.errors import Unavailable
from engine.model.ids import format_event
from engine.ports.requests import CancelRequest, encode
from tests.runtime_harness import World, eventually, steps

PARKED = """
id: parked
version: '1.0'
specVersion: '0.8'
name: parked
start: Compute
states:
- name: Compute
  type: inject
  data: {}
  stateDataFilter:
    output: '${ {got: (["aaa" | splits("b")] | length)} }'
  end: true
"""

SECRET = """
id: secret
version: '1.0'
specVersion: '0.8'
name: secret
start: Use
secrets: [token]
functions:
- name: work
  type: custom
  operation: python:tests:work
states:
- name: Use
  type: operation
  actions:
  - functionRef:
      refName: work
      arguments:
        bearer: ${ $SECRETS.token }
        plain: 1
  end: true
"""

EMITTING = """
id: emitting
version: '1.0'
specVersion: '0.8'
name: emitting
start: Say
events:
- name: Said
  type: said.it
  source: /tests/emitting
  kind: produced
states:
- name: Say
  type: inject
  data:
    word: hello
  end:
    produceEvents:
    - eventRef: Said
      data: ${ .word }
"""


async def test_an_execution_waiting_for_an_expression_holds_up_nobody(world: World) -> None:
    world.evaluator.outputs = b'[{"got": 3}]'
    world.evaluator.gate.clear()
    parked_row, row = await world.apply(PARKED), await world.apply(steps("line", 3))
    node = await world.started_node()
    parked = [await world.start(parked_row) for _ in range(20)]
    await eventually(lambda: world.evaluator.asked)
    ids = [await world.start(row) for _ in range(20)]
    for execution_id in ids:
        assert (await world.closed(execution_id)).phase == "completed"
    assert [await world.rows(one) for one in parked] == [[]] * 20
    world.evaluator.gate.set()
    for execution_id in parked:
        assert (await world.closed(execution_id)).output == {"got": 3}
    assert node.counters.evaluations >= 1


async def test_an_evaluator_that_breaks_is_an_error_of_the_expression(world: World) -> None:
    async def broken(requests: object) -> list[object]:
        raise RuntimeError("no workers")

    world.evaluator.evaluate = broken  # type: ignore[method-assign,assignment]
    row = await world.apply(PARKED)
    await world.started_node()
    state = await world.closed(await world.start(row))
    assert state.phase == "failed"


async def test_commands_behind_a_parked_one_keep_their_order(world: World) -> None:
    world.evaluator.outputs = b'[{"got": 3}]'
    world.evaluator.gate.clear()
    row = await world.apply(PARKED)
    await world.started_node()
    execution_id = await world.start(row)
    await eventually(lambda: world.evaluator.asked)
    body = encode(CancelRequest())
    await world.storage.inbox.put("cancel", execution_id, "default", body, "test", None)
    await asyncio.sleep(0.1)
    world.evaluator.gate.set()
    state = await world.closed(execution_id)
    assert state.phase == "completed"
    await eventually(lambda: not world.storage.store.inbox)


async def test_a_secret_reaches_the_call_and_never_the_log(world: World) -> None:
    row = await world.apply(SECRET)
    await world.started_node()
    execution_id = await world.start(row)
    world.handler.answer = lambda call: {"fine": True}
    await world.closed(execution_id)
    (call,) = world.handler.calls
    assert call.arguments == {"bearer": "secret of token", "plain": 1}
    stored = b"".join(one.data for one in await world.rows(execution_id))
    assert b"secret of token" not in stored


async def test_an_emission_is_published_once_under_the_id_of_its_event(world: World) -> None:
    row = await world.apply(EMITTING)
    await world.started_node()
    execution_id = await world.start(row)
    await world.closed(execution_id)
    await eventually(lambda: world.publisher.published)
    emitted = next(one for one in await world.rows(execution_id) if one.type == "EventEmitted")
    message_id = format_event(execution_id, emitted.seq)
    namespace, event_type, body = world.publisher.published[message_id]
    event = json.loads(body)
    assert (namespace, event_type) == ("default", "said.it")
    assert event["id"] == message_id
    assert event["data"] == "hello"
    assert event["source"] == "/tests/emitting"
    assert event["time"].endswith("Z")


async def test_nothing_is_lost_while_nobody_takes_what_is_published(world: World) -> None:
    publish, down = world.publisher.publish, True

    async def maybe(namespace: str, event_type: str, message_id: str, body: bytes) -> None:
        if down:
            raise Unavailable("NATS is away")
        await publish(namespace, event_type, message_id, body)

    world.publisher.publish = maybe  # type: ignore[method-assign]
    row = await world.apply(EMITTING)
    node = await world.started_node()
    ids = [await world.start(row) for _ in range(20)]
    for execution_id in ids:
        await world.closed(execution_id)
    await node.abort()
    node = await world.started_node()
    await asyncio.sleep(0.2)
    assert not world.publisher.published
    down = False
    await eventually(lambda: len(world.publisher.published) == 20)
    await eventually(lambda: _all_read(world))
    assert world.publisher.attempts == 20


async def test_shards_without_emissions_are_passed_over_without_reading(world: World) -> None:
    reads: list[int] = []
    log = CountingLog(world.storage.log, reads)
    row = await world.apply(steps("line", 2))
    node = await world.started_node(log=log)
    await eventually(lambda: len(node.owned_shards) == 8)
    await asyncio.sleep(0.1)
    for _ in range(20):
        await world.closed(await world.start(row))
    await eventually(lambda: _all_read(world))
    assert reads == []


class CountingLog:
    def __init__(self, log: object, reads: list[int]) -> None:
        self._log = log
        self._reads = reads

    def __getattr__(self, name: str) -> object:
        return getattr(self._log, name)

    async def read_shard(self, shard: int, after: int, upto: int, limit: int = 5_000) -> object:
        self._reads.append(shard)
        return await self._log.read_shard(shard, after, upto, limit)  # type: ignore[attr-defined]


async def _all_read(world: World) -> bool:
    positions = await world.storage.readers.positions("outbox")
    heads = await world.storage.log.heads()
    return all(positions.get(head.shard, 0) == head.last_position for head in heads)
