"""Engines over a real Postgres: lives, CloudEvents, deaths, takeovers, lost connections."""

import asyncio
import random
from uuid import UUID

import asyncpg
from msgspec.structs import replace

from engine.model.state import ExecutionState
from engine.ports.rows import Append
from engine.ports.world import Call
from tests.integration.runtime.conftest import Door
from tests.runtime_harness import QUICK, World, eventually, steps
from tests.unit.runtime.test_cloudevents_and_waits import BOTH, LOOP, STARTED, TIMED, WAITING
from tests.unit.runtime.test_faults import FrozenLeases, TroubledLog, whole


async def test_executions_run_to_their_end_and_leave_nothing_behind(
    world: World, migrated: str
) -> None:
    row = await world.apply(steps("line", 4))
    node = await world.started_node(storage=world.storage)
    ids = [await world.start(row) for _ in range(60)]
    for execution_id in ids:
        assert (await world.closed(execution_id)).phase == "completed"
        await whole(world, execution_id)
    assert node.counters.steps == 60 * 5
    session = await asyncpg.connect(migrated)
    try:
        for table in ("inbox", "timers", "subscriptions", "open_actions"):
            assert await session.fetchval(f"SELECT count(*) FROM log.{table}") == 0
    finally:
        await session.close()


async def test_the_same_start_from_two_doors_is_one_execution(world: World, door: Door) -> None:
    row = await world.apply(steps("line", 1))
    await world.started_node()
    first = await world.start(row, key="order-1")
    again = await world.start(row, key="order-1")
    assert first == again
    await world.closed(first)
    assert len(world.handler.calls) == 1


async def test_events_before_after_and_while_waiting_are_taken_once(world: World) -> None:
    row = await world.apply(WAITING)
    await world.started_node()
    ids: dict[str, UUID] = {}
    for number in range(30):
        ids[str(number)] = await world.start(row, {"order": str(number)})
        if number % 3 == 0:
            await world.until(ids[str(number)], lambda state: bool(state.waits))
        await world.publish("paid", {"n": number}, order=str(number))
    for order, execution_id in ids.items():
        assert (await world.closed(execution_id)).output["paid"] == {"n": int(order)}
        assert (await world.types(execution_id)).count("EventReceived") == 1


async def test_a_loop_takes_each_event_once_over_restarts(world: World, door: Door) -> None:
    row = await world.apply(LOOP)
    node = await world.started_node()
    execution_id = await world.start(row)
    await world.until(execution_id, lambda state: state.seq > 0)
    for number in range(1, 7):
        await world.publish("tick", {"n": number})
        await node.abort()
        node = await world.started_node(storage=await door(f"next-{number}"))
    assert (await world.closed(execution_id)).output["last"] == {"n": 4}
    assert (await world.types(execution_id)).count("EventReceived") == 4


async def test_triggers_and_gatherings_start_executions(world: World, migrated: str) -> None:
    await world.apply(STARTED)
    await world.apply(BOTH.replace("TIMEOUT", "PT20S"))
    await world.started_node()
    for number in range(5):
        await world.publish("ordered", {"n": number})
        await world.publish("left", {"left": number}, order=str(number))
        await world.publish("right", {"right": number}, order=str(number))
    session = await asyncpg.connect(migrated)
    try:
        await eventually(lambda: _births(session, 10))
        births = await session.fetch("SELECT execution_id, workflow FROM log.executions")
    finally:
        await session.close()
    outputs: dict[str, list[object]] = {"started": [], "both": []}
    for birth in births:
        state = await world.closed(UUID(str(birth["execution_id"])))
        outputs[birth["workflow"]].append(state.output)
    assert sorted(str(one) for one in outputs["started"]) == [f"{{'n': {n}}}" for n in range(5)]
    assert sorted(one["left"] for one in outputs["both"]) == list(range(5))  # type: ignore[index]
    assert all(one["left"] == one["right"] for one in outputs["both"])  # type: ignore[index]


async def _births(session: "asyncpg.Connection[asyncpg.Record]", count: int) -> bool:
    return int(await session.fetchval("SELECT count(*) FROM log.executions")) == count


async def test_an_event_in_time_beats_the_timeout_after_a_restart(world: World, door: Door) -> None:
    row = await world.apply(TIMED)
    node = await world.started_node()
    execution_id = await world.start(row)
    state = await world.until(execution_id, lambda state: bool(state.waits))
    await node.abort()
    await world.publish("paid", {"n": 1})
    in_time = await world.storage.leases.now_ms() <= next(iter(state.timers.values())).due
    await asyncio.sleep(0.25)
    await world.started_node(storage=await door("next"))
    closed: ExecutionState = await world.closed(execution_id)
    assert ("paid" in closed.output) == in_time


async def test_a_pending_action_runs_again_after_a_death_with_the_same_key(
    world: World, door: Door
) -> None:
    async def hang(call: Call) -> None:
        await asyncio.sleep(60)

    world.handler.answer = hang
    row = await world.apply(steps("line", 2))
    node = await world.started_node()
    execution_id = await world.start(row)
    await eventually(lambda: world.handler.calls)
    await node.abort()
    world.handler.answer = lambda call: {}
    await world.started_node(storage=await door("next"))
    assert (await world.closed(execution_id)).phase == "completed"
    first, again, other = world.handler.calls
    assert first.key == again.key != other.key


async def test_two_engines_share_the_work_and_one_takes_over(world: World, door: Door) -> None:
    row = await world.apply(steps("line", 3))
    one = await world.started_node(storage=await door("one"))
    two = await world.started_node(storage=await door("two"))
    await eventually(lambda: len(one.owned_shards) == len(two.owned_shards) == 4)
    assert not set(one.owned_shards) & set(two.owned_shards)
    before = [await world.start(row) for _ in range(30)]
    for execution_id in before[:10]:
        await world.closed(execution_id)
    await one.abort()
    after = [await world.start(row) for _ in range(30)]
    for execution_id in before + after:
        assert (await world.closed(execution_id)).phase == "completed"
        await whole(world, execution_id)
    await eventually(lambda: len(two.owned_shards) == 8)


async def test_a_frozen_owner_cannot_write_when_it_wakes(world: World, door: Door) -> None:
    storage = await door("frozen")
    log = TroubledLog(storage.log)
    frozen, woken = asyncio.Event(), asyncio.Event()

    async def freeze(batch: Append) -> None:
        if batch.events and not woken.is_set():
            frozen.set()
            await woken.wait()

    log.before = freeze
    row = await world.apply(steps("line", 3))
    one = await world.started_node(
        storage=storage, log=log, leases=FrozenLeases(storage.leases, frozen)
    )
    await eventually(lambda: len(one.owned_shards) == 8)
    ids = [await world.start(row) for _ in range(10)]
    await frozen.wait()
    await world.started_node(storage=await door("other"))
    for execution_id in ids:
        assert (await world.closed(execution_id)).phase == "completed"
    before = [await world.rows(execution_id) for execution_id in ids]
    woken.set()
    await eventually(lambda: one.counters.fenced > 0)
    assert [await world.rows(execution_id) for execution_id in ids] == before


async def test_connections_cut_at_random_lose_and_double_nothing(
    world: World, door: Door, migrated: str
) -> None:
    """Sessions of the engine are ended by the server while it appends."""
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    row = await world.apply(steps("line", 10))
    node = await world.started_node(
        storage=await door("cut"), settings=replace(QUICK, lease_ttl_ms=5_000)
    )
    await eventually(lambda: len(node.owned_shards) == 8)
    ids = [await world.start(row) for _ in range(100)]
    session = await asyncpg.connect(migrated)
    cuts = 0
    try:
        for _ in range(40):
            await asyncio.sleep(chance.uniform(0.005, 0.06))
            cuts += await session.fetchval(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
                " WHERE application_name = 'refold/cut' AND random() < 0.5"
            )
    finally:
        await session.close()
    assert cuts >= 20
    for execution_id in ids:
        assert (await world.closed(execution_id)).phase == "completed"
        await whole(world, execution_id)
