"""Pausing, stepping and breakpoints of engines, on the memory twins."""

import asyncio
from typing import Any
from uuid import UUID

from msgspec.structs import replace

from engine.model.state import ExecutionState
from engine.ports.breakpoints import TOPIC, BreakpointRow
from engine.ports.requests import ResumeRequest, SuspendRequest, encode
from engine.ports.rows import DefinitionRow
from engine.ports.world import Call
from schemas.events.parts import Asked
from tests.runtime_harness import NAMESPACE, QUICK, World, eventually, steps

HOUR_MS = 3_600_000


async def ask(world: World, kind: str, execution_id: UUID, **members: Any) -> None:
    request = SuspendRequest if kind == "suspend" else ResumeRequest
    body = encode(request(asked=Asked(origin="test", reason="to look"), **members))
    await world.storage.inbox.put(kind, execution_id, NAMESPACE, body, "key:ann", None)


async def break_at(
    world: World, row: DefinitionRow, state: str, expires_in_ms: int = HOUR_MS, **changes: Any
) -> UUID:
    [ident] = await world.storage.inbox.mint(0, 1)
    members: dict[str, Any] = {
        "namespace": NAMESPACE, "id": ident, "workflow": row.workflow, "version": None,
        "state": state, "execution_id": None, "condition": None, "once": False, "share": 1.0,
        "release_on_expiry": True, "created_at": 0, "expires_at": 0, "actor": "key:ann",
        "origin": "", "reason": "", **changes,
    }  # fmt: skip
    assert await world.storage.breakpoints.set(BreakpointRow(**members), expires_in_ms)
    await world.hints.notify(TOPIC)
    return ident


async def stored(world: World, ident: UUID) -> BreakpointRow:
    row = await world.storage.breakpoints.get(NAMESPACE, ident)
    assert row is not None
    return row


def suspended(state: ExecutionState) -> bool:
    return state.suspended is not None


async def test_a_paused_execution_finishes_its_call_and_goes_on_when_it_is_resumed(
    world: World,
) -> None:
    gate = asyncio.Event()

    async def answer(call: Call) -> dict[str, int]:
        await gate.wait()
        return {}

    world.handler.answer = answer
    row = await world.apply(steps("line", 2))
    await world.started_node()
    execution_id = await world.start(row)
    await eventually(lambda: world.handler.calls)
    await ask(world, "suspend", execution_id)
    state = await world.until(execution_id, suspended)
    assert state.suspended is not None
    assert (state.suspended.actor, state.suspended.asked.reason) == ("key:ann", "to look")
    gate.set()
    state = await world.until(execution_id, lambda state: bool(state.held))
    assert [one.name for one in state.held.values()] == ["s1"]
    await ask(world, "resume", execution_id)
    assert (await world.closed(execution_id)).phase == "completed"


async def test_a_held_execution_leaves_memory_and_stays_held_with_the_next_engine(
    world: World,
) -> None:
    quick = replace(QUICK, idle_ms=20, sweep_interval_ms=10)
    row = await world.apply(steps("line", 3))
    await break_at(world, row, "s2")
    node = await world.started_node(settings=quick)
    execution_id = await world.start(row)
    before = await world.until(execution_id, suspended)
    await eventually(lambda: node.counters.hot_executions == 0)
    assert [one.execution_id for one in world.storage.store.timers.values()] == [execution_id]
    await node.abort()
    await world.started_node(settings=quick)
    await ask(world, "resume", execution_id, mode="step")
    state = await world.until(execution_id, lambda state: suspended(state) and state != before)
    assert state.suspended is not None
    assert state.suspended.reason == "step"
    assert [(one.name, one.node != "") for one in state.held.values()] == [("work", True)]
    await ask(world, "resume", execution_id)
    assert (await world.closed(execution_id)).phase == "completed"
    assert [call.arguments["step"] for call in world.handler.calls] == [1, 2, 3]


async def test_a_breakpoint_set_while_an_engine_runs_holds_what_comes_and_counts_it(
    world: World,
) -> None:
    row = await world.apply(steps("line", 2))
    node = await world.started_node()
    assert (await world.closed(await world.start(row))).phase == "completed"
    ident = await break_at(world, row, "s2")
    await eventually(lambda: bool(node._context.armed))
    first, second = await world.start(row), await world.start(row)
    for execution_id in (first, second):
        state = await world.until(execution_id, suspended)
        assert state.suspended is not None
        assert state.suspended.breakpoint == (await stored(world, ident)).text_id
    await eventually(lambda: world.storage.store.breakpoints[ident].hits == 2)


async def test_a_breakpoint_is_for_its_namespace_workflow_version_and_execution(
    world: World,
) -> None:
    row = await world.apply(steps("line", 2))
    others = {"namespace": "other"}, {"workflow": "other"}, {"version": "2.0"}, {"state": "s9"}
    for changes in (*others, {"execution_id": UUID(int=1)}):
        await break_at(world, row, changes.pop("state", "s2"), **changes)  # type: ignore[arg-type]
    await break_at(world, row, "s2", expires_in_ms=-1)
    await world.started_node()
    assert (await world.closed(await world.start(row))).phase == "completed"


async def test_one_that_holds_once_lets_all_others_go_by(world: World) -> None:
    row = await world.apply(steps("line", 2))
    ident = await break_at(world, row, "s2", once=True)
    ids = [await world.start(row) for _ in range(50)]
    await world.started_node()
    await eventually(lambda: world.storage.store.breakpoints[ident].hits == 1)
    held = world.storage.store.breakpoints[ident].last_hit
    assert held in ids
    for execution_id in ids:
        if execution_id != held:
            assert (await world.closed(execution_id)).phase == "completed"
    assert suspended(await world.state(held))


async def test_what_a_second_engine_held_at_the_same_instant_is_let_go(world: World) -> None:
    row = await world.apply(steps("line", 2))
    ident = await break_at(world, row, "s2", once=True)
    await world.storage.breakpoints.reached(ident, UUID(int=7), 1)
    spent = world.storage.store.breakpoints[ident]
    world.storage.store.breakpoints[ident] = replace(spent, hits=0)  # as it was read before
    await world.started_node()
    execution_id = await world.start(row)
    assert (await world.closed(execution_id)).phase == "completed"
    assert "ExecutionSuspended" in await world.types(execution_id)


async def test_what_is_held_while_its_breakpoint_is_removed_with_release_is_let_go(
    world: World,
) -> None:
    row = await world.apply(steps("line", 2))
    node = await world.started_node(settings=replace(QUICK, breakpoint_interval_ms=60_000))
    ident = await break_at(world, row, "s2")
    await eventually(lambda: bool(node._context.armed))
    await world.storage.breakpoints.remove(NAMESPACE, ident, "ann", Asked(), release=True)
    execution_id = await world.start(row)
    assert (await world.closed(execution_id)).phase == "completed"
    assert "ExecutionSuspended" in await world.types(execution_id)


async def test_what_a_breakpoint_holds_is_let_go_when_it_expires(world: World) -> None:
    row = await world.apply(steps("line", 2))
    await break_at(world, row, "s2", expires_in_ms=700)
    first = await world.started_node()
    execution_id = await world.start(row)
    await world.until(execution_id, suspended)
    await first.abort()
    await world.started_node()
    assert (await world.closed(execution_id)).phase == "completed"
    assert "TimerFired" in await world.types(execution_id)


async def test_a_condition_that_an_expression_worker_answers_holds_by_its_answer(
    world: World,
) -> None:
    row = await world.apply(steps("line", 2))
    await break_at(world, row, "s2", condition="def f: true; f")
    world.evaluator.outputs = b"[true]"
    await world.started_node()
    await world.until(await world.start(row), suspended)
    assert [one.source for one in world.evaluator.asked] == ["def f: true; f"]


async def test_a_condition_without_a_boolean_is_remarked_on_the_breakpoint(world: World) -> None:
    row = await world.apply(steps("line", 2))
    ident = await break_at(world, row, "s2", condition=".n")
    await world.started_node()
    assert (await world.closed(await world.start(row))).phase == "completed"
    await eventually(lambda: world.storage.store.breakpoints[ident].last_error)
    assert "not true or false" in ((await stored(world, ident)).last_error or "")
