"""The matcher's cursor moves with what it causes, both or neither, under its owner's epoch."""

import pytest

from engine.model.errors import Fenced
from engine.model.ids import shard_of, shard_of_namespace
from engine.ports.rows import Match
from tests.conformance.storage.builders import NAMESPACE, SHARD, cloudevent

STREAM_SHARD = shard_of_namespace(NAMESPACE, 64)


@pytest.fixture
async def matcher(storage):
    """The epoch of the shard that matches the namespace, with four CloudEvents to match."""
    owned = await storage.leases.claim("e1", STREAM_SHARD, 60_000)
    await storage.streams.ingest(NAMESPACE, [cloudevent(number) for number in range(1, 5)])
    return owned.epoch


def begin(position, key="trigger/1", body=b"start"):
    return Match("start", SHARD, position, workflow="order", start_key=key, body=body)


async def inbox(storage):
    return await storage.inbox.read([SHARD], [], 100)


async def test_a_hint_wakes_an_execution_once_for_each_position(storage, matcher):
    [one] = await storage.inbox.mint(SHARD, 1)
    hints = [Match("hint", SHARD, position, one) for position in (1, 1, 2)]
    await storage.streams.advance(STREAM_SHARD, matcher, NAMESPACE, 0, 2, hints)
    rows = await inbox(storage)
    assert [(row.kind, row.execution_id, row.position) for row in rows] == [
        ("hint", one, 1),
        ("hint", one, 2),
    ]
    assert await storage.streams.matched(NAMESPACE) == 2


async def test_a_start_is_minted_in_its_shard_and_keeps_the_position(storage, matcher):
    await storage.streams.advance(STREAM_SHARD, matcher, NAMESPACE, 0, 3, [begin(3)])
    [row] = await inbox(storage)
    assert (row.kind, row.position, row.body) == ("start", 3, b"start")
    assert row.actor == "publisher"
    assert shard_of(row.execution_id) == SHARD
    found = await storage.catalog.find_by_key(NAMESPACE, "order", "trigger/1")
    assert found == row.execution_id
    assert await storage.inbox.is_accepted(NAMESPACE, row.execution_id)


async def test_a_start_key_that_came_before_starts_nothing(storage, matcher):
    advance = storage.streams.advance
    await advance(STREAM_SHARD, matcher, NAMESPACE, 0, 1, [begin(1), begin(1)])
    await advance(STREAM_SHARD, matcher, NAMESPACE, 1, 2, [begin(2), begin(2, key="other")])
    assert [row.position for row in await inbox(storage)] == [1, 2]


async def test_offers_keep_the_order_of_positions(storage, matcher):
    offers = [Match("offer", SHARD, n, body=body) for n in (1, 2, 3) for body in (b"x", b"y")]
    await storage.streams.advance(STREAM_SHARD, matcher, NAMESPACE, 0, 3, offers)
    rows = await inbox(storage)
    assert [(row.position, row.body) for row in rows] == [
        (n, body) for n in (1, 2, 3) for body in (b"x", b"y")
    ]
    assert {row.execution_id.int for row in rows} == {0}


async def test_another_epoch_is_fenced_and_puts_nothing(storage, matcher):
    with pytest.raises(Fenced):
        await storage.streams.advance(STREAM_SHARD, matcher + 1, NAMESPACE, 0, 1, [begin(1)])
    assert await inbox(storage) == []
    assert await storage.streams.matched(NAMESPACE) == 0


async def test_a_cursor_that_has_moved_is_fenced(storage, matcher):
    await storage.streams.advance(STREAM_SHARD, matcher, NAMESPACE, 0, 2, [])
    with pytest.raises(Fenced):
        await storage.streams.advance(STREAM_SHARD, matcher, NAMESPACE, 0, 2, [begin(1)])
    assert await inbox(storage) == []


async def test_only_the_shard_of_the_stream_matches_it(storage, matcher):
    other = await storage.leases.claim("e1", (STREAM_SHARD + 1) % 64, 60_000)
    with pytest.raises(Fenced):
        await storage.streams.advance(other.shard, other.epoch, NAMESPACE, 0, 1, [begin(1)])


@pytest.mark.parametrize(("expected", "to", "position"), [(0, 5, 5), (0, 2, 3), (2, 3, 2)])
async def test_matches_lie_between_the_cursor_and_the_head(
    storage, matcher, expected, to, position
):
    if expected:
        await storage.streams.advance(STREAM_SHARD, matcher, NAMESPACE, 0, expected, [])
    with pytest.raises(AssertionError):
        await storage.streams.advance(
            STREAM_SHARD, matcher, NAMESPACE, expected, to, [begin(position)]
        )
    assert await inbox(storage) == []


async def test_streams_with_unmatched_cloudevents_are_listed(storage, matcher):
    namespaces = storage.streams.namespaces
    assert await namespaces([STREAM_SHARD]) == [NAMESPACE]
    assert await namespaces([(STREAM_SHARD + 1) % 64]) == []
    await storage.streams.advance(STREAM_SHARD, matcher, NAMESPACE, 0, 4, [])
    assert await namespaces([STREAM_SHARD]) == []
