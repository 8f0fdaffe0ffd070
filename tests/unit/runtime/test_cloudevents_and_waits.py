"""CloudEvents start, reach and pass by executions, whenever they come."""

import asyncio
from uuid import UUID

import pytest

from engine.model.state import ExecutionState
from tests.runtime_harness import World, eventually

WAITING = """
id: wait
version: '1.0'
specVersion: '0.8'
name: wait
start: First
events:
- name: Paid
  type: paid
  source: tests
  correlation:
  - contextAttributeName: order
    contextAttributeValue: ${ .order }
functions:
- name: work
  type: custom
  operation: python:tests:work
states:
- name: First
  type: operation
  actions:
  - functionRef: work
  transition: Wait
- name: Wait
  type: event
  onEvents:
  - eventRefs: [Paid]
    eventDataFilter:
      toStateData: ${ .paid }
  timeouts:
    eventTimeout: PT20S
  end: true
"""

LOOP = """
id: loop
version: '1.0'
specVersion: '0.8'
name: loop
start: Take
events:
- name: Tick
  type: tick
  source: tests
states:
- name: Take
  type: event
  onEvents:
  - eventRefs: [Tick]
    eventDataFilter:
      toStateData: ${ .last }
  transition: More
- name: More
  type: switch
  dataConditions:
  - condition: ${ .last.n < 4 }
    transition: Take
  defaultCondition:
    end: true
"""

STARTED = """
id: started
version: '1.0'
specVersion: '0.8'
name: started
start: Begin
events:
- name: Ordered
  type: ordered
  source: tests
states:
- name: Begin
  type: event
  onEvents:
  - eventRefs: [Ordered]
  end: true
"""

BOTH = """
id: both
version: '1.0'
specVersion: '0.8'
name: both
start: Begin
events:
- name: Left
  type: left
  source: tests
  correlation:
  - contextAttributeName: order
- name: Right
  type: right
  source: tests
  correlation:
  - contextAttributeName: order
states:
- name: Begin
  type: event
  exclusive: false
  onEvents:
  - eventRefs: [Left, Right]
  timeouts:
    eventTimeout: TIMEOUT
  end: true
"""

TIMED = """
id: timed
version: '1.0'
specVersion: '0.8'
name: timed
start: Wait
events:
- name: Paid
  type: paid
  source: tests
states:
- name: Wait
  type: event
  onEvents:
  - eventRefs: [Paid]
    eventDataFilter:
      toStateData: ${ .paid }
  timeouts:
    eventTimeout: PT0.15S
  end: true
"""


def waiting(state: ExecutionState) -> bool:
    return bool(state.waits)


async def test_an_event_that_comes_while_waiting_is_taken(world: World) -> None:
    row = await world.apply(WAITING)
    await world.started_node()
    execution_id = await world.start(row, {"order": "7"})
    await world.until(execution_id, waiting)
    await world.publish("paid", {"n": 1}, order="8")
    await world.publish("paid", {"n": 2}, order="7")
    state = await world.closed(execution_id)
    assert state.output["paid"] == {"n": 2}


async def test_an_event_that_came_before_the_wait_opened_is_taken(world: World) -> None:
    hold = asyncio.Event()

    async def held(call: object) -> dict[str, int]:
        await hold.wait()
        return {}

    world.handler.answer = held
    row = await world.apply(WAITING)
    await world.started_node()
    execution_id = await world.start(row, {"order": "7"})
    await eventually(lambda: world.handler.calls)
    await world.publish("paid", {"n": 1}, order="7")
    await eventually(lambda: _matched(world, 1))
    hold.set()
    state = await world.closed(execution_id)
    assert state.output["paid"] == {"n": 1}


async def test_an_event_from_before_the_start_is_not_for_this_execution(world: World) -> None:
    row = await world.apply(WAITING)
    await world.publish("paid", {"n": 1}, order="7")
    await world.started_node()
    execution_id = await world.start(row, {"order": "7"})
    await world.until(execution_id, waiting)
    await world.publish("paid", {"n": 2}, order="7")
    state = await world.closed(execution_id)
    assert state.output["paid"] == {"n": 2}


async def test_events_published_all_the_while_reach_every_execution_once(world: World) -> None:
    row = await world.apply(WAITING)
    await world.started_node()
    ids: dict[str, UUID] = {}
    for number in range(40):
        ids[str(number)] = await world.start(row, {"order": str(number)})
        if number % 3 == 0:
            await asyncio.sleep(0)
        await world.publish("paid", {"n": number}, order=str(number))
    for order, execution_id in ids.items():
        state = await world.closed(execution_id)
        assert state.output["paid"] == {"n": int(order)}
        assert (await world.types(execution_id)).count("EventReceived") == 1


async def test_an_event_without_correlation_goes_to_all_who_wait(world: World) -> None:
    row = await world.apply(TIMED.replace("PT0.15S", "PT20S"))
    await world.started_node()
    ids = [await world.start(row) for _ in range(10)]
    for execution_id in ids:
        await world.until(execution_id, waiting)
    await world.publish("paid", {"n": 1})
    for execution_id in ids:
        assert (await world.closed(execution_id)).output["paid"] == {"n": 1}


async def test_a_loop_takes_each_event_once_and_in_order(world: World) -> None:
    row = await world.apply(LOOP)
    await world.started_node()
    execution_id = await world.start(row)
    await world.until(execution_id, lambda state: state.seq > 0)
    for number in range(1, 7):
        await world.publish("tick", {"n": number})
    state = await world.closed(execution_id)
    assert state.output["last"] == {"n": 4}
    assert (await world.types(execution_id)).count("EventReceived") == 4


async def test_each_event_of_a_trigger_starts_one_execution(world: World) -> None:
    await world.publish("ordered", {"n": 0})
    await world.apply(STARTED)
    await world.started_node()
    for number in range(1, 4):
        await world.publish("ordered", {"n": number})
    births = world.storage.store.births
    await eventually(lambda: len(births) == 3)
    outputs = [(await world.closed(one)).output["n"] for one in births]
    assert sorted(outputs) == [1, 2, 3]


@pytest.mark.parametrize("first", ["left", "right"])
async def test_a_start_gathers_one_event_of_each_kind_with_the_same_value(
    world: World, first: str
) -> None:
    second = "right" if first == "left" else "left"
    await world.apply(BOTH.replace("TIMEOUT", "PT20S"))
    await world.started_node()
    await world.publish(first, {first: "a"}, order="a")
    await world.publish(first, {first: "a2"}, order="a")
    await world.publish(second, {second: "b"}, order="b")
    await world.publish(second, {second: "a"}, order="a")
    births = world.storage.store.births
    await eventually(lambda: len(births) == 3)
    await eventually(lambda: _phases(world, ["completed", "gathering", "gathering"]))
    (output,) = [state.output for state in await _states(world) if state.phase == "completed"]
    assert output == {"left": "a", "right": "a"}


async def test_a_gathering_that_lacks_an_event_too_long_expires(world: World) -> None:
    await world.apply(BOTH.replace("TIMEOUT", "PT0.1S"))
    await world.started_node()
    await world.publish("left", {"left": "a"}, order="a")
    births = world.storage.store.births
    await eventually(lambda: len(births) == 1)
    (state,) = [await world.closed(one) for one in births]
    assert state.phase == "expired"
    assert not world.storage.store.gatherings
    assert not world.storage.store.timers


async def test_a_wait_nobody_answers_times_out(world: World) -> None:
    row = await world.apply(TIMED)
    await world.started_node()
    execution_id = await world.start(row)
    state = await world.closed(execution_id)
    assert state.phase == "completed"
    assert "paid" not in state.output
    assert (await world.types(execution_id)).count("EventWaitClosed") == 1


async def test_an_event_in_time_beats_the_timeout_even_if_it_is_seen_late(world: World) -> None:
    row = await world.apply(TIMED)
    node = await world.started_node()
    execution_id = await world.start(row)
    await world.until(execution_id, waiting)
    await node.abort()
    await world.publish("paid", {"n": 1})
    await asyncio.sleep(0.25)
    await world.publish("paid", {"n": 2})
    await world.started_node()
    state = await world.closed(execution_id)
    assert state.output["paid"] == {"n": 1}


async def test_an_event_after_the_due_time_does_not_beat_the_timeout(world: World) -> None:
    row = await world.apply(TIMED)
    node = await world.started_node()
    execution_id = await world.start(row)
    await world.until(execution_id, waiting)
    await node.abort()
    await asyncio.sleep(0.25)
    await world.publish("paid", {"n": 1})
    await world.started_node()
    state = await world.closed(execution_id)
    assert "paid" not in state.output


async def test_waits_leave_no_rows_behind(world: World) -> None:
    row = await world.apply(WAITING)
    await world.started_node()
    execution_id = await world.start(row, {"order": "7"})
    await world.until(execution_id, waiting)
    assert len(world.storage.store.subscriptions) == 1
    assert len(world.storage.store.timers) == 1
    await world.publish("paid", {"n": 2}, order="7")
    await world.closed(execution_id)
    assert not world.storage.store.subscriptions
    assert not world.storage.store.timers
    await eventually(lambda: not world.storage.store.inbox)


async def _matched(world: World, position: int) -> bool:
    return await world.storage.streams.matched("default") >= position


async def _states(world: World) -> list[ExecutionState]:
    return [await world.state(one) for one in world.storage.store.births]


async def _phases(world: World, wanted: list[str]) -> bool:
    return sorted(state.phase for state in await _states(world)) == wanted
