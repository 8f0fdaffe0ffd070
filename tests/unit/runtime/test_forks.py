"""Forks on memory twins: what is copied, what runs, what survives an engine's death."""

import asyncio

import pytest

from engine.core.verify import ChainEnd, check_events
from engine.model.ids import format_execution, parse_execution
from engine.ports.requests import CancelRequest, encode
from engine.ports.world import Failed
from engine.runtime import forking as engine_forking
from schemas.api.forks import Fork
from schemas.events.parts import Asked, Error
from server.api.door.problem import ProblemRaised
from server.api.forks.forking import Order, fork
from tests.fork_harness import (
    BOTH,
    EMITTING,
    asker,
    ended,
    forked,
    last_of,
    wait_for,
)
from tests.runtime_harness import NAMESPACE, eventually, steps

CLOSED_BY = ("ActionFailed", "ActionCancelled")


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


async def test_large_events_are_copied_a_few_at_a_time(world, monkeypatch):
    monkeypatch.setattr(engine_forking, "CHUNK_BYTES", 1)
    await world.started_node()
    source = await ended(world)
    commits = len(commits_of(world))
    ident = await forked(world, source, at=8)
    await world.closed(ident)
    rows = await world.rows(ident)
    assert [row.seq for row in rows] == list(range(1, len(rows) + 1))
    assert len(commits_of(world)) - commits >= 8, "one for each"


def commits_of(world):
    return [one for shard in world.storage.store.commits.values() for one in shard]
