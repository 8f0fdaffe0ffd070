"""Imports on memory twins: what is copied, that nothing of it runs, what survives an engine's
death."""

import asyncio
import io

import pytest

from engine.adapters.memory.storage import MemoryStorage
from engine.adapters.memory.store import MemoryStore
from engine.core.replay import fold
from engine.core.verify import ChainEnd, check_events
from engine.model.ids import parse_execution, shard_of
from engine.ports.codec import event_of
from engine.ports.requests import CancelRequest, ResumeRequest, encode
from engine.runtime import forking as engine_forking
from engine.runtime.outbox import READER
from schemas.api.forks import Fork
from schemas.events.bodies import ExecutionImported
from schemas.events.parts import Asked
from server.api.bundles import imports
from server.api.door.problem import ProblemRaised
from server.api.forks.forking import Order, fork
from server.bundles.reading import Bundle
from server.bundles.replaying import Replay
from tests.runtime_harness import NAMESPACE, World, eventually
from tests.unit.bundles.sample import PAYS, asking, bundle_of, members_of, packed, run_some
from tests.unit.runtime.test_forks import asker

CALLING = """
id: waiting
version: '1.0'
specVersion: '0.8'
name: waiting
start: call
functions: [{name: work, type: custom, operation: 'python:tests:work'}]
states:
- name: call
  type: operation
  actions: [{functionRef: work}]
  end: true
"""
WAITING = """
id: waiting
version: '1.0'
specVersion: '0.8'
name: waiting
start: begin
events: [{name: go, type: go, source: tests}]
states:
- {name: begin, type: inject, data: {}, transition: wait}
- name: wait
  type: event
  onEvents: [{eventRefs: [go]}]
  timeouts: {eventTimeout: PT2S}
  end: true
"""


async def bring(world, bundle, name="imported"):
    """Import the bytes of a bundle."""
    exchange = asking(world.storage)
    exchange.services.__dict__["hints"] = world.hints
    exchange.traceparent = None
    answer = await imports.admitted(exchange, io.BytesIO(bundle), "ab" * 32)
    return parse_execution(answer.execution), answer


async def copied(world, ident, events):
    await eventually(lambda: _is_long(world, ident, events))


async def _is_published(world):
    """Whether the outbox has dealt with all that the log holds."""
    done = await world.storage.readers.positions(READER)
    heads = await world.storage.log.heads()
    return all(done.get(one.shard, 0) == one.last_position for one in heads)


async def _is_long(world, ident, events):
    last = await world.storage.log.last_event(ident)
    return last is not None and last.seq > events


@pytest.fixture
async def elsewhere():
    """Another installation."""
    given = World(MemoryStorage(MemoryStore(shards=4)))
    yield given
    await given.close()


async def test_every_state_of_an_import_is_that_of_its_source(world, elsewhere):
    source = await run_some(world)
    there = await world.rows(source)
    await elsewhere.started_node()
    ident, _ = await bring(elsewhere, await bundle_of(world.storage, source))
    await copied(elsewhere, ident, len(there))
    here = await elsewhere.rows(ident)
    assert isinstance(check_events(ChainEnd(), here), ChainEnd)
    assert [row.digest for row in here[:-1]] == [row.digest for row in there]
    assert fold(source, map(event_of, there)) == fold(source, map(event_of, here[:-1]))
    body = event_of(here[-1]).body
    assert isinstance(body, ExecutionImported)
    assert (body.events, body.source_hash) == (len(there), there[-1].hash.hex())
    assert body.cluster == world.storage.installation.cluster_id != elsewhere.storage.installation
    assert body.asked == Asked(reason="to see")
    assert not elsewhere.storage.store.staged, "what was copied lies nowhere any more"
    assert (await bring(elsewhere, await bundle_of(world.storage, source)))[1].replayed
    birth = elsewhere.storage.store.births[ident]
    assert (birth.forked_from, birth.forked_at) == (None, len(there))
    await eventually(lambda: _is_published(elsewhere))
    assert len(world.publisher.published) == 4
    assert elsewhere.publisher.published == {}, "its source published them"


@pytest.mark.parametrize("text", [CALLING, WAITING], ids=["calling", "waiting"])
async def test_nothing_of_an_import_ever_goes_on(world, elsewhere, text):
    row = await world.apply(text)
    source = await world.start(row, {})
    world.handler.answer = lambda call: _never()
    await world.started_node()
    await world.until(source, lambda state: bool(state.actions or state.waits))
    count = len(await world.rows(source))
    await elsewhere.started_node()
    ident, _ = await bring(elsewhere, await bundle_of(world.storage, source))
    await copied(elsewhere, ident, count + 1)
    assert not elsewhere.storage.store.timers
    assert not elsewhere.storage.store.subscriptions
    assert not elsewhere.storage.store.open_actions
    inbox = elsewhere.storage.inbox
    for kind, request in (("cancel", CancelRequest()), ("resume", ResumeRequest())):
        await inbox.put(kind, ident, NAMESPACE, encode(request), "tester", None)
    await elsewhere.publish("go", {})
    await elsewhere.hints.notify(f"inbox.{shard_of(ident)}")
    await eventually(lambda: not elsewhere.storage.store.inbox)
    await elsewhere.nodes[0].abort()
    await elsewhere.started_node()
    taken = await fork(asker(elsewhere), ident, Order(Fork(at=count + 2, answers="recorded")))
    await eventually(lambda: not elsewhere.storage.store.inbox)
    assert taken.at <= count, "a fork goes on from what was copied"
    state = await elsewhere.state(ident)
    assert (state.status, state.suspended.reason) == ("suspended", "imported")
    assert (await elsewhere.types(ident))[count:] == [
        "ExecutionImported", "ExecutionSuspended", "ForkTaken",
    ]  # fmt: skip
    assert elsewhere.handler.calls == []
    assert parse_execution(taken.execution) != ident


async def _never():
    await asyncio.Event().wait()


async def test_a_fork_of_an_import_with_recorded_answers_is_what_the_source_was(world, elsewhere):
    source = await run_some(world)
    await elsewhere.started_node()
    ident, answer = await bring(elsewhere, await bundle_of(world.storage, source))
    await copied(elsewhere, ident, answer.events)
    for at in (2, 5, answer.events + 1):
        wanted = Fork(at=at, answers="recorded")
        if at > answer.events:
            with pytest.raises(ProblemRaised):
                await fork(asker(elsewhere), ident, Order(wanted))
            continue
        made = parse_execution((await fork(asker(elsewhere), ident, Order(wanted))).execution)
        state = await elsewhere.closed(made)
        assert state.output == (await world.state(source)).output
    assert elsewhere.handler.calls == []


async def test_a_redacted_import_folds_and_verifies(world, elsewhere):
    source = await run_some(world)
    await elsewhere.started_node()
    bundle = await bundle_of(world.storage, source, redact=("/customer",))
    ident, answer = await bring(elsewhere, bundle)
    await copied(elsewhere, ident, answer.events)
    rows = await elsewhere.rows(ident)
    assert isinstance(check_events(ChainEnd(), rows), ChainEnd)
    steps = list(Replay(Bundle(io.BytesIO(bundle))).steps())
    assert [event_of(row).body for row in rows[:-1]] == [step.event.body for step in steps]
    assert not any(b"4111" in row.data for row in rows)


@pytest.mark.parametrize("chunk", [1, 3])
async def test_an_import_goes_on_where_its_engine_died(world, elsewhere, monkeypatch, chunk):
    monkeypatch.setattr(engine_forking, "CHUNK", chunk)
    source = await run_some(world)
    ident, answer = await bring(elsewhere, await bundle_of(world.storage, source))
    for events in (0, 2, 5):
        await elsewhere.started_node(f"engine-after-{events}")
        await eventually(lambda: _is_long(elsewhere, ident, events))  # noqa: B023
        await elsewhere.nodes[-1].abort()
    await elsewhere.started_node("the-last")
    await copied(elsewhere, ident, answer.events)
    rows = await elsewhere.rows(ident)
    assert [row.seq for row in rows] == list(range(1, answer.events + 2))
    assert isinstance(check_events(ChainEnd(), rows), ChainEnd)


async def test_a_version_that_holds_other_content_here_gets_a_suffix(world, elsewhere):
    source = await run_some(world)
    await elsewhere.apply(PAYS.replace("done: true", "done: false"))
    await elsewhere.started_node()
    ident, answer = await bring(elsewhere, await bundle_of(world.storage, source))
    await copied(elsewhere, ident, answer.events)
    state = await elsewhere.state(ident)
    kept = await elsewhere.storage.definitions.by_hash(NAMESPACE, state.definition_hash)
    assert kept.version == f"1.0+import.{state.definition_hash[:8]}"
    assert not kept.active
    active = await elsewhere.storage.definitions.get(NAMESPACE, "pays", None)
    assert active.definition_hash != state.definition_hash


async def test_without_its_definition_it_needs_one_here(world, elsewhere):
    source = await run_some(world)
    bundle = await bundle_of(world.storage, source, definition="false")
    await elsewhere.started_node()
    with pytest.raises(ProblemRaised) as raised:
        await bring(elsewhere, bundle)
    assert raised.value.code == "import.not_possible"
    assert not elsewhere.storage.store.staged
    await elsewhere.apply(PAYS)
    ident, answer = await bring(elsewhere, bundle)
    await copied(elsewhere, ident, answer.events)


async def test_a_bundle_that_was_changed_is_not_imported(world, elsewhere):
    source = await run_some(world)
    members = members_of(await bundle_of(world.storage, source))
    made = members["events.ndjson"].replace(b"4111-2222-3333", b"4111-2222-3334")
    with pytest.raises(ProblemRaised) as raised:
        await bring(elsewhere, packed({**members, "events.ndjson": made}))
    assert raised.value.code == "bundle.not_intact"
    assert "event 1" in raised.value.errors[0].detail
    assert not elsewhere.storage.store.inbox
