"""Forks on memory twins: what is copied, what runs, what survives an engine's death."""

import asyncio
from types import SimpleNamespace

import msgspec
import pytest

from engine.core.verify import ChainEnd, check_events
from engine.model.ids import format_execution, parse_execution
from engine.ports.codec import event_of
from engine.ports.requests import CallbackRequest, CancelRequest, encode
from engine.ports.world import Failed
from engine.runtime import forking as engine_forking
from engine.runtime.programs import ProgramCache
from schemas.api.forks import Fork
from schemas.events.parts import Asked, Error
from server.api.forking import Asker, Order, fork
from server.api.problem import ProblemRaised
from tests.runtime_harness import NAMESPACE, World, compile_row, eventually, steps

EMITTING = """
id: emitting
version: '1.0'
specVersion: '0.8'
name: emitting
start: tell
functions: [{name: work, type: custom, operation: 'python:tests:work'}]
events: [{name: told, type: told, source: here, kind: produced}]
states:
- name: tell
  type: inject
  data: {said: true}
  transition: {nextState: work, produceEvents: [{eventRef: told}]}
- name: work
  type: operation
  actions: [{functionRef: work}]
  end: true
"""


RETRYING = """
id: retrying
version: '1.0'
specVersion: '0.8'
name: retrying
start: work
functions: [{name: work, type: custom, operation: 'python:tests:work'}]
retries: [{name: soon, delay: PT0.05S, maxAttempts: 2}]
states:
- name: work
  type: operation
  actions: [{functionRef: work, retryRef: soon}]
  end: true
"""
CALLING_BACK = """
id: calling
version: '1.0'
specVersion: '0.8'
name: calling
start: ask
functions: [{name: work, type: custom, operation: 'python:tests:work'}]
events: [{name: answered, type: answered, source: bank}]
states:
- name: ask
  type: callback
  action: {functionRef: {refName: work, arguments: {}}}
  eventRef: answered
  end: true
"""
TRIGGERED = """
id: triggered
version: '1.0'
specVersion: '0.8'
name: triggered
start: begun
events:
- {name: begin, type: begin, source: tests}
- {name: more, type: go.on, source: tests}
states:
- name: begun
  type: event
  onEvents: [{eventRefs: [begin]}]
  transition: more
- name: more
  type: event
  onEvents: [{eventRefs: [more]}]
  end: true
"""
CALLED = "ActionScheduled"


def asker(world: World) -> Asker:
    door = world.storage
    services = SimpleNamespace(
        log=door.log, inbox=door.inbox, streams=door.streams, definitions=door.definitions,
        programs=ProgramCache(door.definitions, compile_row, 10), hints=world.hints,
        installation=door.installation, evaluate=world.evaluator.evaluate,
        key_office=SimpleNamespace(veiled=plain),
    )  # fmt: skip
    return Asker(services, NAMESPACE, "key:tester", Asked(origin="tests", reason="to see"))


async def plain(_namespace, text):
    return text


async def forked(world, source, redrive=False, **wanted):
    answer = await fork(asker(world), source, Order(Fork(**wanted), redrive=redrive))
    return parse_execution(answer.execution)


async def ended(world, name="three", count=3):
    """An execution that has ended."""
    source = await world.start(await world.apply(steps(name, count)))
    await world.closed(source)
    return source


async def last_of(world, ident, kind):
    return max(row.seq for row in await world.rows(ident) if row.type == kind)


async def test_a_fork_begins_with_copies_and_calls_what_follows_with_keys_of_its_own(world):
    await world.started_node()
    source = await ended(world)
    before = len(world.handler.calls)
    at = next(row.seq for row in await world.rows(source) if row.type == "ActionCompleted")
    ident = await forked(world, source, at=at)
    state = await world.closed(ident)
    assert state.phase == "completed"
    calls = world.handler.calls[before:]
    assert [call.arguments["step"] for call in calls] == [2, 3]
    assert {call.execution_id for call in calls} == {ident}
    ours, theirs = await world.rows(ident), await world.rows(source)
    assert [row.digest for row in ours[:at]] == [row.digest for row in theirs[:at]]
    assert ours[at].type == "ExecutionForked"
    assert check_events(ChainEnd(), ours).seq == len(ours)
    birth = world.storage.store.births[ident]
    assert (birth.forked_from, birth.forked_at) == (source, at)


async def test_the_source_notes_its_fork_also_when_it_has_ended(world):
    await world.started_node()
    source = await ended(world)
    ident = await forked(world, source, at=1)
    await world.until(source, lambda state: state.seq > 0)
    await eventually(lambda: noted(world, source))
    assert (await world.state(source)).phase == "completed"
    await world.closed(ident)


async def noted(world, source):
    return (await world.types(source))[-1] == "ForkTaken"


async def test_every_event_of_an_ended_execution_can_be_forked_at(world):
    await world.started_node()
    source = await ended(world)
    rows = await world.rows(source)
    output = (await world.state(source)).output
    for row in rows[:-1]:
        ident = await forked(world, source, at=row.seq)
        assert (await world.closed(ident)).output == output
    with pytest.raises(ProblemRaised) as raised:
        await forked(world, source, at=rows[-1].seq)
    assert raised.value.code == "fork.not_here"


async def test_copied_emissions_are_published_once_by_their_source(world):
    await world.started_node()
    source = await world.start(await world.apply(EMITTING))
    await world.closed(source)
    at = await last_of(world, source, "EventEmitted")
    ident = await forked(world, source, at=at)
    again = await forked(world, source, at=at - 1)
    await world.closed(ident)
    await world.closed(again)
    await eventually(lambda: len(world.publisher.published) == 2)
    await asyncio.sleep(0.2)
    assert len(world.publisher.published) == 2, "of the source, and of the fork before the emission"


async def test_an_engine_that_dies_in_the_midst_of_a_copy_is_followed_by_one_that_goes_on(
    world, monkeypatch
):
    monkeypatch.setattr(engine_forking, "CHUNK", 3)
    first = await world.started_node()
    source = await ended(world, count=4)
    before = len(world.handler.calls)
    at = [row.seq for row in await world.rows(source) if row.type == "ActionScheduled"][2]
    stop_behind(world, first, monkeypatch, chunks=2)
    ident = await forked(world, source, at=at)
    await eventually(lambda: first not in world.nodes)
    half = await world.rows(ident)
    assert 0 < len(half) < at
    assert len(world.handler.calls) == before, "nothing of a fork runs that is not complete"
    await world.started_node()
    assert (await world.closed(ident)).phase == "completed"
    rows = await world.rows(ident)
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    assert [call.arguments["step"] for call in world.handler.calls[before:]] == [3, 4]
    assert check_events(ChainEnd(), rows).seq == len(rows)


def stop_behind(world, node, monkeypatch, chunks):
    """End the engine, as if it died, when so many chunks are copied."""
    log, left = world.storage.log, [chunks]
    append = log.append

    async def counted(batch):
        await append(batch)
        if any(row.seq < 3 * chunks + 1 and births_of(world, row) for row in batch.events):
            left[0] -= 1
            if not left[0]:
                world.nodes.remove(node)
                asyncio.get_running_loop().create_task(node.abort())
                await asyncio.sleep(30)

    monkeypatch.setattr(log, "append", counted)


def births_of(world, row):
    birth = world.storage.store.births.get(row.execution_id)
    return birth is not None and birth.forked_from is not None


async def test_what_comes_for_a_fork_waits_until_it_is_complete(world, monkeypatch):
    monkeypatch.setattr(engine_forking, "CHUNK", 2)
    node = await world.started_node()
    source = await ended(world)
    held = asyncio.Event()
    world.handler.answer = lambda call: wait_for(held)
    await node.stop()
    world.nodes.remove(node)
    ident = await forked(world, source, at=8)
    body = encode(CancelRequest(asked=Asked(reason="not needed")))
    await world.storage.inbox.put("cancel", ident, NAMESPACE, body, "tester", None)
    await world.started_node()
    state = await world.closed(ident)
    assert state.phase == "cancelled"
    types = await world.types(ident)
    assert types[8] == "ExecutionForked"
    held.set()


async def wait_for(held):
    await held.wait()
    return {}


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


async def test_a_failed_execution_is_tried_again_from_its_failed_action(world):
    await world.started_node()
    fails = [True]
    world.handler.answer = lambda call: (
        Failed(Error(code="down", message="down")) if fails[0] and call.arguments["step"] == 2
        else {"n": call.arguments["step"]}
    )  # fmt: skip
    source = await world.start(await world.apply(steps("three", 3)))
    assert (await world.closed(source)).phase == "failed"
    fails[0] = False
    ident = await forked(world, source, redrive=True)
    assert (await world.closed(ident)).output == {"n": 3}
    assert [call.arguments["step"] for call in world.handler.calls] == [1, 2, 2, 3]
    with pytest.raises(ProblemRaised) as raised:
        await forked(world, ident, redrive=True)
    assert raised.value.code == "execution.not_failed"


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


async def test_nothing_goes_on_from_the_midst_of_what_closes(world):
    await world.started_node()
    hangs = asyncio.Event()
    world.handler.answer = lambda call: (
        Failed(Error(code="no", message="no")) if call.arguments["n"] == 2 else wait_for(hangs)
    )
    source = await world.start(await world.apply(BOTH))
    await world.closed(source)
    failed, closing = [await last_of(world, source, kind) for kind in CLOSED_BY]
    assert closing > failed
    answer = await fork(asker(world), source, Order(Fork(at=closing)))
    assert (answer.at, answer.asked_at) == (failed, closing)
    hangs.set()
    assert (await world.closed(parse_execution(answer.execution))).error.code == "no"


CLOSED_BY = ("ActionFailed", "ActionCancelled")
BOTH = """
id: both
version: '1.0'
specVersion: '0.8'
name: both
start: both
functions: [{name: work, type: custom, operation: 'python:tests:work'}]
states:
- name: both
  type: parallel
  branches:
  - {name: one, actions: [{functionRef: {refName: work, arguments: {n: 1}}}]}
  - {name: two, actions: [{functionRef: {refName: work, arguments: {n: 2}}}]}
  end: true
"""
CHOOSING = """
id: choosing
version: '1.0'
specVersion: '0.8'
name: choosing
start: begin
states:
- {name: begin, type: inject, data: {large: 'yes'}, transition: choose}
- name: choose
  type: switch
  dataConditions: [{condition: '${ .large }', end: true}]
  defaultCondition: {end: true}
"""


async def test_where_an_expression_failed_a_corrected_version_goes_on(world):
    await world.started_node()
    source = await world.start(await world.apply(CHOOSING))
    assert (await world.closed(source)).error.code == "condition.not_boolean"
    corrected = CHOOSING.replace("'1.0'", "'2.0'").replace(".large }", '.large == "yes" }')
    await world.apply(corrected)
    ident = await forked(world, source, redrive=True, version="2.0")
    state = await world.closed(ident)
    assert (state.phase, state.version) == ("completed", "2.0")
    again = await forked(world, source, redrive=True)
    assert (await world.closed(again)).error.code == "condition.not_boolean"


async def test_what_was_cancelled_is_taken_up_where_it_stood(world):
    await world.started_node()
    hangs = asyncio.Event()
    world.handler.answer = lambda call: wait_for(hangs)
    source = await world.start(await world.apply(steps("one", 1)))
    await world.until(source, lambda state: bool(state.actions))
    body = encode(CancelRequest(asked=Asked(reason="wrong one")))
    await world.storage.inbox.put("cancel", source, NAMESPACE, body, "tester", None)
    assert (await world.closed(source)).phase == "cancelled"
    ident = await forked(world, source, redrive=True)
    hangs.set()
    assert (await world.closed(ident)).phase == "completed"
    assert {call.execution_id for call in world.handler.calls} == {source, ident}


async def test_a_fork_of_a_fork_knows_its_own_source(world):
    await world.started_node()
    source = await ended(world)
    first = await forked(world, source, at=2, answers="recorded")
    output = (await world.closed(first)).output
    before = len(world.handler.calls)
    at = await last_of(world, first, "ExecutionForked")
    second = await forked(world, first, at=at, answers="recorded")
    state = await world.closed(second)
    assert (state.output, parse_execution(state.fork.source)) == (output, first)
    assert len(world.handler.calls) == before
    third = await forked(world, first, at=at)
    assert (await world.closed(third)).output == output
    assert len(world.handler.calls) == before + 3


async def test_a_running_execution_is_forked_and_goes_on_by_itself(world):
    await world.started_node()
    hangs = asyncio.Event()
    world.handler.answer = lambda call: wait_for(hangs)
    source = await world.start(await world.apply(steps("two", 2)))
    await world.until(source, lambda state: bool(state.actions))
    at = await last_of(world, source, "ActionScheduled")
    ident = await forked(world, source, at=at)
    await eventually(lambda: len(world.handler.calls) == 2)
    hangs.set()
    assert (await world.closed(source)).phase == (await world.closed(ident)).phase == "completed"
    assert {call.key.split(":")[0] for call in world.handler.calls} == {
        format_execution(source), format_execution(ident),
    }  # fmt: skip
