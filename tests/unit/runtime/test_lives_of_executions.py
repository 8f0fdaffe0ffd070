"""From the inbox to the end of an execution, on the memory twins."""

import asyncio

import msgspec

from engine.model.ids import idempotency_key, read_callback_token
from engine.ports.requests import CallbackRequest, CancelRequest, encode
from engine.ports.world import Call, Failed
from engine.runtime.calls import state_name
from schemas.events.parts import Error
from tests.runtime_harness import NAMESPACE, World, eventually, steps


async def test_a_started_execution_runs_its_actions_in_order_and_completes(world: World) -> None:
    row = await world.apply(steps("line", 3))
    await world.started_node()
    execution_id = await world.start(row, {"given": 1})
    state = await world.closed(execution_id)
    assert state.phase == "completed"
    assert [call.arguments for call in world.handler.calls] == [{"step": n} for n in (1, 2, 3)]
    assert [call.state for call in world.handler.calls] == ["s1", "s2", "s3"]
    rows = await world.rows(execution_id)
    assert [one.seq for one in rows] == list(range(1, len(rows) + 1))
    assert not world.storage.store.inbox


async def test_hundreds_of_executions_share_commits(world: World) -> None:
    row = await world.apply(steps("line", 4))
    ids = [await world.start(row) for _ in range(200)]
    node = await world.started_node()
    for execution_id in ids:
        assert (await world.closed(execution_id)).phase == "completed"
    counters = node.counters
    assert counters.steps == 200 * 5
    assert counters.commits < counters.steps / 4
    await eventually(lambda: node.counters.hot_executions == 0)


async def test_an_action_starts_only_after_its_intent_was_committed(world: World) -> None:
    seen: list[bool] = []

    async def check(call: Call) -> dict[str, int]:
        rows = await world.rows(call.execution_id)
        seen.append(any(one.type == "ActionScheduled" for one in rows))
        return {}

    world.handler.answer = check
    row = await world.apply(steps("line", 2))
    await world.started_node()
    await world.closed(await world.start(row))
    assert seen == [True, True]


async def test_the_key_of_an_action_names_execution_frame_and_node(world: World) -> None:
    row = await world.apply(steps("line", 1))
    await world.started_node()
    execution_id = await world.start(row)
    await world.closed(execution_id)
    rows = await world.rows(execution_id)
    scheduled = next(one for one in rows if one.type == "ActionScheduled")
    (call,) = world.handler.calls
    assert call.key == idempotency_key(execution_id, scheduled.frame, scheduled.node)
    assert state_name(await world.state(execution_id), 999) == ""


async def test_a_failed_call_is_a_failed_execution_without_a_handler(world: World) -> None:
    world.handler.answer = lambda call: Failed(Error(code="http.503", message="away"))
    row = await world.apply(steps("line", 2))
    await world.started_node()
    state = await world.closed(await world.start(row))
    assert state.phase == "failed"
    assert state.error is not None
    assert state.error.code == "http.503"


async def test_a_handler_that_raises_costs_its_action_only(world: World) -> None:
    def answer(call: Call) -> dict[str, int]:
        raise RuntimeError("broken handler")

    world.handler.answer = answer
    row = await world.apply(steps("line", 1))
    await world.started_node()
    state = await world.closed(await world.start(row))
    assert state.error is not None
    assert state.error.code == "function.handler_fault"
    assert "broken handler" in state.error.message


async def test_results_that_are_too_large_or_not_json_are_errors(world: World) -> None:
    answers = iter([{"x": "y" * 2_000_000}, {"x": object()}])
    world.handler.answer = lambda call: next(answers)
    row = await world.apply(steps("line", 1))
    await world.started_node()
    codes = []
    for _ in range(2):
        state = await world.closed(await world.start(row))
        assert state.error is not None
        codes.append(state.error.code)
    assert codes == ["data.too_large", "data.not_json"]


async def test_an_action_that_takes_too_long_is_ended_and_fails(world: World) -> None:
    ended = asyncio.Event()

    async def slow(call: Call) -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            ended.set()
            raise

    world.handler.answer = slow
    text = steps("line", 1) + "timeouts:\n  actionExecTimeout: PT0.05S\n"
    row = await world.apply(text)
    await world.started_node()
    state = await world.closed(await world.start(row))
    assert state.error is not None
    assert state.error.code == "timeout"
    assert ended.is_set()


async def test_an_action_nobody_handles_fails_with_its_own_code(world: World) -> None:
    row = await world.apply(steps("line", 1))
    await world.started_node(handlers={})
    state = await world.closed(await world.start(row))
    assert state.error is not None
    assert state.error.code == "function.no_handler"


async def test_a_cancelled_execution_ends_and_so_does_its_action(world: World) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def hang(call: Call) -> None:
        started.set()
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    world.handler.answer = hang
    row = await world.apply(steps("line", 2))
    node = await world.started_node()
    execution_id = await world.start(row)
    await started.wait()
    body = encode(CancelRequest(reason="enough"))
    await world.storage.inbox.put("cancel", execution_id, NAMESPACE, body, "test", None)
    state = await world.closed(execution_id)
    assert state.phase == "cancelled"
    await asyncio.wait_for(ended.wait(), 5)
    await eventually(lambda: node.counters.actions_in_flight == 0)


async def test_a_command_for_an_execution_that_has_ended_is_taken_and_changes_nothing(
    world: World,
) -> None:
    row = await world.apply(steps("line", 1))
    node = await world.started_node()
    execution_id = await world.start(row)
    await world.closed(execution_id)
    before = await world.rows(execution_id)
    body = encode(CancelRequest())
    await world.storage.inbox.put("cancel", execution_id, NAMESPACE, body, "test", None)
    await eventually(lambda: not world.storage.store.inbox)
    assert await world.rows(execution_id) == before
    assert node.counters.rejections == 1


CALLBACK = """
id: ask
version: '1.0'
specVersion: '0.8'
name: ask
start: Ask
events:
- name: Answered
  type: answered
  source: tests
functions:
- name: work
  type: custom
  operation: python:tests:work
states:
- name: Ask
  type: callback
  action:
    functionRef: work
  eventRef: Answered
  end: true
"""


async def test_a_callback_token_sent_with_the_action_leads_its_answer_home(world: World) -> None:
    row = await world.apply(CALLBACK)
    await world.started_node()
    execution_id = await world.start(row)
    await world.until(execution_id, lambda state: bool(state.waits))
    token = world.handler.calls[0].callback_token
    assert token is not None
    named, frame = read_callback_token(b"0" * 32, token)
    assert named == execution_id
    body = encode(CallbackRequest(frame, msgspec.Raw(b'{"approved": true}')))
    await world.storage.inbox.put("callback", execution_id, NAMESPACE, body, "test", None)
    state = await world.closed(execution_id)
    assert state.output["approved"] is True
