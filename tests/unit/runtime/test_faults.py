"""Engines that die, freeze, lose replies; executions that are poisoned. On the memory twins, whose
calls can be made to fail at a chosen place."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

import pytest
from msgspec.structs import replace

from engine.model.errors import OutcomeUnknown, Unavailable
from engine.model.state import ExecutionState
from engine.ports.rows import Append
from engine.ports.world import Call
from engine.runtime.settings import EngineSettings
from tests.runtime_harness import NAMESPACE, QUICK, World, compile_row, eventually, steps
from tests.unit.runtime.test_cloudevents_and_waits import WAITING

SLEEPER = """
id: sleeper
version: '1.0'
specVersion: '0.8'
name: sleeper
start: Nap
states:
- name: Nap
  type: sleep
  duration: PT0.4S
  end: true
"""


class TroubledLog:
    """The log, with trouble before or after an append (told by what `trouble` raises)."""

    def __init__(self, log: Any) -> None:
        self._log = log
        self.before: Callable[[Append], Awaitable[None]] | None = None
        self.after: Callable[[Append], Awaitable[None]] | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    async def append(self, batch: Append) -> None:
        if self.before is not None:
            await self.before(batch)
        await self._log.append(batch)
        if self.after is not None:
            await self.after(batch)


class Once:
    """Raises the first `times` times."""

    def __init__(self, error: Exception, times: int = 1) -> None:
        self.error = error
        self.left = times

    async def __call__(self, batch: Append) -> None:
        if batch.events and self.left:
            self.left -= 1
            raise self.error


async def whole(world: World, execution_id: UUID) -> None:
    """seq has no gap, and exactly one terminal event stands at the end."""
    rows = await world.rows(execution_id)
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    terminal = [row.type for row in rows if row.type.startswith("Execution")][1:]
    assert len(terminal) == 1
    assert rows[-1].type == terminal[0]


@pytest.mark.parametrize("error", [OutcomeUnknown("reply lost"), Unavailable("away")])
@pytest.mark.parametrize("committed", [False, True])
async def test_an_append_of_unknown_outcome_happens_once(
    world: World, error: Exception, committed: bool
) -> None:
    log = TroubledLog(world.storage.log)
    trouble = Once(error, times=3)
    if committed:
        log.after = trouble
    else:
        log.before = trouble
    row = await world.apply(steps("line", 3))
    await world.started_node(log=log)
    ids = [await world.start(row) for _ in range(10)]
    for execution_id in ids:
        assert (await world.closed(execution_id)).phase == "completed"
        await whole(world, execution_id)
    assert trouble.left == 0
    assert len(world.handler.calls) == 30


async def test_work_goes_on_when_the_database_comes_back(world: World) -> None:
    log = TroubledLog(world.storage.log)
    down = asyncio.Event()

    async def away(batch: Append) -> None:
        if down.is_set():
            raise Unavailable("away")

    log.before = away
    row = await world.apply(steps("line", 3))
    node = await world.started_node(log=log)
    await eventually(lambda: len(node.owned_shards) == 8)
    down.set()
    execution_id = await world.start(row)
    await asyncio.sleep(0.3)
    assert await world.rows(execution_id) == []
    down.clear()
    assert (await world.closed(execution_id)).phase == "completed"


async def test_a_pending_action_runs_again_after_a_death_with_the_same_key(world: World) -> None:
    async def hang(call: Call) -> None:
        await asyncio.sleep(60)

    world.handler.answer = hang
    row = await world.apply(steps("line", 2))
    node = await world.started_node()
    execution_id = await world.start(row)
    await eventually(lambda: world.handler.calls)
    await node.abort()
    world.handler.answer = lambda call: {}
    await world.started_node()
    assert (await world.closed(execution_id)).phase == "completed"
    first, again, other = world.handler.calls
    assert first.key == again.key != other.key
    assert (first.attempt, again.attempt) == (1, 1)
    assert (await world.types(execution_id)).count("ActionScheduled") == 2


async def test_a_timer_set_before_a_death_fires_after_it_and_not_early(world: World) -> None:
    row = await world.apply(SLEEPER)
    node = await world.started_node()
    execution_id = await world.start(row)
    state = await world.until(execution_id, lambda state: bool(state.timers))
    (timer,) = state.timers.values()
    await node.abort()
    await world.started_node()
    await world.closed(execution_id)
    fired = next(one for one in await world.rows(execution_id) if one.type == "TimerFired")
    assert fired.at >= timer.due


async def test_two_engines_share_the_shards_and_the_work(world: World) -> None:
    row = await world.apply(steps("line", 3))
    one, two = await world.started_node(), await world.started_node()
    await eventually(lambda: len(one.owned_shards) == len(two.owned_shards) == 4)
    assert not set(one.owned_shards) & set(two.owned_shards)
    ids = [await world.start(row) for _ in range(30)]
    for execution_id in ids:
        assert (await world.closed(execution_id)).phase == "completed"
        await whole(world, execution_id)
    assert one.counters.steps + two.counters.steps == 30 * 4
    assert min(one.counters.steps, two.counters.steps) > 0
    assert len(world.handler.calls) == 90


async def test_a_stopped_engine_hands_over_at_once(world: World) -> None:
    row = await world.apply(steps("line", 1))
    settings = replace(QUICK, lease_ttl_ms=60_000)
    one = await world.started_node(settings=settings)
    await eventually(lambda: len(one.owned_shards) == 8)
    await one.stop()
    two = await world.started_node(settings=settings)
    await eventually(lambda: len(two.owned_shards) == 8)
    await world.closed(await world.start(row))


async def test_shards_of_a_dead_engine_are_taken_over(world: World) -> None:
    row = await world.apply(steps("line", 3))
    one, two = await world.started_node(), await world.started_node()
    await eventually(lambda: len(one.owned_shards) == len(two.owned_shards) == 4)
    await one.abort()
    ids = [await world.start(row) for _ in range(30)]
    for execution_id in ids:
        assert (await world.closed(execution_id)).phase == "completed"
        await whole(world, execution_id)
    await eventually(lambda: len(two.owned_shards) == 8)


async def test_a_frozen_owner_cannot_write_when_it_wakes(world: World) -> None:
    """Its append is held back until another engine has taken over and gone on."""
    log = TroubledLog(world.storage.log)
    frozen, woken = asyncio.Event(), asyncio.Event()

    async def freeze(batch: Append) -> None:
        if batch.events and not woken.is_set():
            frozen.set()
            await woken.wait()

    log.before = freeze
    row = await world.apply(steps("line", 3))
    leases = FrozenLeases(world.storage.leases, frozen)
    one = await world.started_node(log=log, leases=leases)
    await eventually(lambda: len(one.owned_shards) == 8)
    ids = [await world.start(row) for _ in range(10)]
    await frozen.wait()
    await world.started_node()
    for execution_id in ids:
        assert (await world.closed(execution_id)).phase == "completed"
    before = {execution_id: await world.rows(execution_id) for execution_id in ids}
    woken.set()
    await eventually(lambda: one.counters.fenced > 0)
    await asyncio.sleep(0.1)
    for execution_id in ids:
        assert await world.rows(execution_id) == before[execution_id]
        await whole(world, execution_id)


class FrozenLeases:
    """Leases of an engine that stands still: from then on nothing is renewed or claimed."""

    def __init__(self, leases: Any, frozen: asyncio.Event) -> None:
        self._leases = leases
        self._frozen = frozen

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._leases, name)
        if name == "now_ms":
            return method

        async def call(*arguments: Any) -> Any:
            if self._frozen.is_set():
                raise Unavailable("frozen")
            return await method(*arguments)

        return call


async def test_an_engine_that_cannot_renew_starts_nothing_any_more(world: World) -> None:
    row = await world.apply(steps("line", 1))
    cut = asyncio.Event()
    leases = FrozenLeases(world.storage.leases, cut)
    one = await world.started_node(leases=leases)
    await eventually(lambda: len(one.owned_shards) == 8)
    cut.set()
    await asyncio.sleep((QUICK.lease_ttl_ms - QUICK.lease_margin_ms) / 1000 + 0.1)
    execution_id = await world.start(row)
    await asyncio.sleep(0.3)
    assert await world.rows(execution_id) == []
    assert world.handler.calls == []
    cut.clear()
    assert (await world.closed(execution_id)).phase == "completed"


async def test_one_poisoned_execution_does_not_stop_its_shard(world: World) -> None:
    """One start has a body that cannot be read, one a definition that does not exist."""
    row = await world.apply(steps("line", 2))
    node = await world.started_node()
    ghost = replace(row, definition_hash="0" * 64)
    lost = await world.start(ghost)
    bad = await world.start(row)
    store = world.storage.store
    for number, entry in list(store.inbox.items()):
        if entry.execution_id == bad:
            store.inbox[number] = replace(entry, body=b"{not json")
    ids = [await world.start(row) for _ in range(40)]
    for execution_id in ids:
        assert (await world.closed(execution_id)).phase == "completed"
    await eventually(lambda: node.counters.quarantined >= 2)
    assert await world.rows(lost) == await world.rows(bad) == []
    assert {entry.execution_id for entry in store.inbox.values()} == {lost, bad}


async def test_an_execution_whose_log_cannot_be_read_is_left_alone(world: World) -> None:
    async def hang(call: Call) -> None:
        await asyncio.sleep(60)

    world.handler.answer = hang
    row = await world.apply(steps("line", 2))
    node = await world.started_node()
    poisoned, fine = await world.start(row), await world.start(row)
    await eventually(lambda: len(world.handler.calls) == 2)
    await node.abort()
    world.handler.answer = lambda call: {}
    rows = world.storage.store.events[poisoned]
    rows[-1] = replace(rows[-1], type="FromTheFuture")
    node = await world.started_node()
    assert (await world.closed(fine)).phase == "completed"
    await eventually(lambda: node.counters.quarantined == 1)


async def test_rows_that_the_database_refuses_cost_their_execution_only(world: World) -> None:
    log = TroubledLog(world.storage.log)
    row = await world.apply(steps("line", 2))
    refused: set[UUID] = set()

    async def refuse(batch: Append) -> None:
        if any(event.execution_id in refused for event in batch.events):
            raise ValueError("invalid byte sequence")

    log.before = refuse
    ids = [await world.start(row) for _ in range(20)]
    refused.add(ids[7])
    node = await world.started_node(log=log)
    for execution_id in ids:
        if execution_id not in refused:
            assert (await world.closed(execution_id)).phase == "completed"
    assert await world.rows(ids[7]) == []
    await eventually(lambda: node.counters.quarantined == 1)


async def test_a_quarantine_that_is_over_lets_the_execution_go_on(world: World) -> None:
    row = await world.apply(steps("line", 1))
    settings = replace(QUICK, quarantine_ms=300)
    broken = True

    def compile_or_not(definition: Any) -> Any:
        if broken:
            raise RuntimeError("cannot compile today")
        return compile_row(definition)

    node = await world.started_node(settings=settings, compile=compile_or_not)
    execution_id = await world.start(row)
    await eventually(lambda: node.counters.quarantined > 0)
    broken = False
    assert (await world.closed(execution_id)).phase == "completed"


async def test_a_fenced_shard_is_forgotten_and_worked_for_again(world: World) -> None:
    log = TroubledLog(world.storage.log)
    row = await world.apply(steps("line", 2))
    node = await world.started_node(log=log)
    await eventually(lambda: len(node.owned_shards) == 8)
    store = world.storage.store
    hit: list[int] = []

    async def steal(batch: Append) -> None:
        if batch.events and not hit:
            number = batch.commits[0].shard
            hit.append(number)
            store.heads[number] = replace(store.heads[number], epoch=store.heads[number].epoch + 1)

    log.before = steal
    ids = [await world.start(row) for _ in range(20)]
    for execution_id in ids:
        assert (await world.closed(execution_id)).phase == "completed"
        await whole(world, execution_id)
    assert node.counters.fenced > 0


async def test_a_sleeping_execution_leaves_memory_and_comes_back(world: World) -> None:
    row = await world.apply(SLEEPER.replace("PT0.4S", "PT1S"))
    settings: EngineSettings = replace(QUICK, idle_ms=50, snapshot_at_passivation=1)
    node = await world.started_node(settings=settings)
    ids = [await world.start(row) for _ in range(20)]
    for execution_id in ids:
        await world.until(execution_id, lambda state: bool(state.timers))
    await eventually(lambda: node.counters.hot_executions == 0)
    assert node.counters.snapshots == 20
    for execution_id in ids:
        state: ExecutionState = await world.closed(execution_id)
        assert state.phase == "completed"
    assert node.counters.loads == 20


async def test_memory_stays_near_its_limit(world: World) -> None:
    """New executions wait in the inbox; only those whose timer is due may come on top."""
    row = await world.apply(SLEEPER.replace("PT0.4S", "PT1S"))
    settings = replace(QUICK, max_hot_executions=20, idle_ms=60_000, sweep_interval_ms=20)
    node = await world.started_node(settings=settings)
    ids = [await world.start(row) for _ in range(120)]
    most = 0
    for execution_id in ids:
        await world.until(execution_id, lambda state: state.seq > 0)
        most = max(most, node.counters.hot_executions)
    assert 0 < most <= 2 * 20
    for execution_id in ids:
        assert (await world.closed(execution_id)).phase == "completed"


async def test_a_cloudevent_that_cannot_be_read_does_not_stop_its_stream(world: World) -> None:
    row = await world.apply(WAITING)
    await world.started_node()
    execution_id = await world.start(row, {"order": "7"})
    await world.until(execution_id, lambda state: bool(state.waits))
    await world.publish("paid", {"n": 1}, order="7")
    events = world.storage.store.streams[NAMESPACE].events
    events[0] = replace(events[0], body=b'{"data": ')
    await world.publish("paid", {"n": 2}, order="7")
    assert (await world.closed(execution_id)).output["paid"] == {"n": 2}
