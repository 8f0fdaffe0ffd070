"""Holds over a real Postgres: two engines and one breakpoint; steps while engines die."""

import asyncio
from uuid import UUID

from msgspec.structs import replace

from engine.model.state import ExecutionState
from tests.integration.runtime.conftest import Door
from tests.runtime_harness import QUICK, World, eventually, steps
from tests.unit.runtime.test_holding_executions import ask, break_at, stored, suspended

SHORT = replace(QUICK, lease_ttl_ms=600, lease_margin_ms=150)


async def test_of_two_engines_one_execution_is_held_by_a_breakpoint_that_holds_once(
    world: World, door: Door
) -> None:
    row = await world.apply(steps("line", 2))
    ident = await break_at(world, row, "s2", once=True)
    ids = [await world.start(row) for _ in range(40)]
    doors = [await door(name) for name in ("one", "two")]
    await asyncio.gather(*(world.started_node(storage=one) for one in doors))

    async def held() -> set[UUID]:
        return {one for one in ids if suspended(await world.state(one))}

    async def all_others_ended() -> bool:
        states = [await world.state(one) for one in ids]
        return sum(state.closed for state in states) == len(ids) - 1

    await eventually(all_others_ended)
    assert await held() == {(await stored(world, ident)).last_hit}
    assert (await stored(world, ident)).hits == 1


async def test_steps_go_on_where_they_were_though_every_engine_dies(
    world: World, door: Door
) -> None:
    row = await world.apply(steps("line", 2))
    await break_at(world, row, "s1")
    execution_id = await world.start(row)
    stops: list[list[str]] = []
    before = 0

    def stands(state: ExecutionState) -> bool:
        return state.closed or (state.suspended is not None and state.suspended.id > before)

    for number in range(10):
        node = await world.started_node(storage=await door(f"engine-{number}"), settings=SHORT)
        state = await world.until(execution_id, stands)
        if state.suspended is None:
            break
        stops.append([one.name for one in state.held.values()])
        before = state.suspended.id
        await ask(world, "resume", execution_id, mode="step")
        await node.abort()
    assert stops == [["s1"], ["work"], ["s2"], ["work"]]
    assert (await world.closed(execution_id)).phase == "completed"
    assert [call.arguments["step"] for call in world.handler.calls] == [1, 2]
