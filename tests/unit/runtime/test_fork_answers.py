"""Who answers a fork, what is edited in it, what a dry run says."""

import msgspec
import pytest

from engine.ports.codec import event_of
from engine.ports.requests import CallbackRequest, encode
from engine.ports.world import Failed
from schemas.api.forks import Fork
from schemas.events.parts import Error
from server.api.door.problem import ProblemRaised
from server.api.forks.forking import Order, fork
from tests.fork_harness import CALLING_BACK, RETRYING, TRIGGERED, asker, ended, forked, last_of
from tests.runtime_harness import NAMESPACE, eventually, steps

CALLED = "ActionScheduled"


async def test_recorded_answers_are_given_again_and_nothing_is_called(world):
    await world.started_node()
    source = await ended(world)
    before = len(world.handler.calls)
    ident = await forked(world, source, at=2, answers="recorded")
    state = await world.closed(ident)
    assert state.output == (await world.state(source)).output
    assert len(world.handler.calls) == before
    calls = [event_of(row).body for row in await world.rows(ident) if row.type == CALLED]
    assert {one.answered_by for one in calls} == {"recorded"}
    assert [(one.path, one.occurrence) for one in calls] == [(f"s{n}/work", 1) for n in (1, 2, 3)]


async def test_a_failed_attempt_fails_again_and_is_tried_again_as_recorded(world):
    await world.started_node()
    answers = iter([Failed(Error(code="shaky", message="not now")), {"at": "last"}])
    world.handler.answer = lambda call: next(answers)
    source = await world.start(await world.apply(RETRYING))
    await world.closed(source)
    at = await last_of(world, source, "RetryScheduled")
    for point in (1, at - 2, at):
        ident = await forked(world, source, at=point, answers="recorded", skip_timers=True)
        state = await world.closed(ident)
        assert state.output == {"at": "last"}
        failed = [row for row in await world.rows(ident) if row.type == "ActionFailed"]
        assert len(failed) == 1
    assert len(world.handler.calls) == 2


async def test_what_was_not_recorded_fails_the_fork_or_is_called(world):
    await world.started_node()
    source = await ended(world)
    other = await world.apply(steps("three", 4).replace("'1.0'", "'2.0'"))
    at = await last_of(world, source, "ActionScheduled")
    before = len(world.handler.calls)
    ident = await forked(world, source, at=at, answers="recorded", version=other.version)
    state = await world.closed(ident)
    assert (state.error.code, state.error.state) == ("fork.not_recorded", "s4")
    assert "s4/work" in state.error.message
    assert len(world.handler.calls) == before
    ident = await forked(
        world, source, at=at, answers="recorded", missing="live", version=other.version
    )
    assert (await world.closed(ident)).phase == "completed"
    assert [call.arguments["step"] for call in world.handler.calls[before:]] == [4]


async def test_answers_that_are_made_up_take_the_place_of_calls(world):
    await world.started_node()
    source = await ended(world)
    before = len(world.handler.calls)
    mocks = {"s2/work": [{"result": {"made": "up"}}], "work": [{"error": {"code": "no"}}]}
    ident = await forked(world, source, at=1, mocks=mocks, actions={"s1/work": "live"})
    state = await world.closed(ident)
    assert (state.error.code, state.error.state) == ("no", "s3")
    assert [call.arguments["step"] for call in world.handler.calls[before:]] == [1]
    data = [event_of(row).body for row in await world.rows(ident) if row.type == "ActionCompleted"]
    assert data[-1].result == {"made": "up"}


async def test_a_callback_is_answered_as_it_was(world):
    await world.started_node()
    source = await world.start(await world.apply(CALLING_BACK))
    state = await world.until(source, lambda state: bool(state.waits))
    (wait,) = state.waits.values()
    body = encode(CallbackRequest(frame=wait.frame, data=msgspec.Raw(b'{"paid": true}')))
    await world.storage.inbox.put("callback", source, NAMESPACE, body, "tester", None)
    output = (await world.closed(source)).output
    assert output == {"done": {}, "paid": True}
    for at in (1, wait.id):
        ident = await forked(world, source, at=at, answers="recorded")
        assert (await world.closed(ident)).output == output


async def test_a_fork_takes_the_cloudevents_of_its_source_or_what_they_were_edited_to(world):
    await world.started_node()
    row = await world.apply(TRIGGERED)
    first = await world.publish("begin", {"n": 1})
    source = await eventually_started(world)
    await world.until(source, lambda state: bool(state.waits))
    second = await world.publish("go.on", {"m": 1})
    assert (await world.closed(source)).output == {"n": 1, "m": 1}
    ident = await forked(world, source, at=2)
    assert (await world.closed(ident)).output == {"n": 1, "m": 1}
    assert (await world.types(ident))[:2] == ["ExecutionStarted", "ExecutionForked"]
    edit = [{"op": "replace", "path": "/data/n", "value": 5}]
    ident = await forked(world, source, at=0, patch_events={str(first.position): edit})
    assert (await world.closed(ident)).output == {"n": 5, "m": 1}
    edit = [{"op": "add", "path": "/data", "value": {"m": 7}}]
    at = await last_of(world, source, "EventAwaited")
    ident = await forked(world, source, at=at, patch_events={str(second.position): edit})
    assert (await world.closed(ident)).output == {"n": 1, "m": 7}
    assert row.workflow == "triggered"


async def eventually_started(world):
    await eventually(lambda: world.storage.store.births)
    return next(iter(world.storage.store.births))


async def test_data_of_a_frame_is_edited(world):
    await world.started_node()
    source = await ended(world)
    patch = [{"op": "add", "path": "/kept", "value": {"a": [1]}}]
    ident = await forked(world, source, at=2, patch_data=patch)
    assert (await world.closed(ident)).output["kept"] == {"a": [1]}
    with pytest.raises(ProblemRaised) as raised:
        await forked(world, source, at=2, patch_data=[{"op": "remove", "path": "/not"}])
    assert (raised.value.code, raised.value.errors[0].pointer) == (
        "patch.no_target", "/patch_data/0",
    )  # fmt: skip


async def test_a_dry_run_writes_nothing_and_says_where_a_call_is_needed(world):
    await world.started_node()
    source = await ended(world)
    await eventually(lambda: not world.storage.store.inbox)
    size = sum(map(len, world.storage.store.events.values()))
    at = await last_of(world, source, "StateEntered")
    answer = await fork(asker(world), source, Order(Fork(at=at, dry_run=True)))
    assert (answer.execution, answer.dry_run.stop) == (None, "live_call")
    assert [one.type for one in answer.dry_run.events] == ["ExecutionForked", "ActionScheduled"]
    assert answer.dry_run.diverges_at is None
    wanted = Fork(at=2, answers="recorded", dry_run=True)
    answer = await fork(asker(world), source, Order(wanted))
    assert (answer.dry_run.stop, answer.dry_run.status) == (None, "completed")
    assert (answer.dry_run.output, answer.dry_run.diverges_at) == (
        (await world.state(source)).output, None,
    )  # fmt: skip
    mocks = {"s2/work": [{"result": {"other": 1}}]}
    wanted = Fork(at=2, answers="recorded", mocks=mocks, dry_run=True)
    answer = await fork(asker(world), source, Order(wanted))
    completed = [row.seq for row in await world.rows(source) if row.type == "ActionCompleted"]
    assert answer.dry_run.diverges_at == completed[1]
    assert sum(map(len, world.storage.store.events.values())) == size
    assert not world.storage.store.inbox
