"""Operational indexes are written by the append that causes them."""

import pytest
from msgspec.structs import replace

from engine.model.errors import Fenced
from engine.ports.rows import GatheringRow, Handle, SubscriptionRow, TimerRow
from tests.conformance.storage.builders import NAMESPACE, SHARD, batch

SHARDS = [SHARD]


def wait(execution_id, number, ref="a", *, kind="paid", key=None, after=0):
    return SubscriptionRow(SHARD, execution_id, number, ref, NAMESPACE, kind, key, after)


async def written(storage, **rows):
    """Append the rows without events."""
    await storage.log.append(batch(await storage.log.locked_head(SHARD), [], **rows))


async def test_timers_come_in_the_order_they_are_due(storage, head):
    ids = await storage.inbox.mint(SHARD, 4)
    dues = [300, 100, 200, 999]
    timers = [TimerRow(SHARD, one, 1, due) for one, due in zip(ids, dues, strict=True)]
    await written(storage, timers_set=timers)
    due = await storage.indexes.due_timers(SHARDS, 300, 10)
    assert [row.due for row in due] == [100, 200, 300]
    assert await storage.indexes.due_timers(SHARDS, 300, 1) == [timers[1]]
    assert await storage.indexes.due_timers(SHARDS, 99, 10) == []
    assert await storage.indexes.due_timers([SHARD + 1], 999, 10) == []


async def test_due_timers_of_several_shards_come_earliest_first(storage, head):
    other = await storage.leases.claim("e1", SHARD + 1, 60_000)
    [one], [two] = await storage.inbox.mint(SHARD, 1), await storage.inbox.mint(SHARD + 1, 1)
    await written(storage, timers_set=[TimerRow(SHARD, one, 1, 500)])
    await storage.log.append(batch(other, [], timers_set=[TimerRow(SHARD + 1, two, 1, 400)]))
    both = [SHARD, SHARD + 1, SHARD + 2]
    due = await storage.indexes.due_timers(both, 10_000, 10)
    assert due == [TimerRow(SHARD + 1, two, 1, 400), TimerRow(SHARD, one, 1, 500)]
    assert await storage.indexes.due_timers(SHARDS, 10_000, 10) == [TimerRow(SHARD, one, 1, 500)]


async def test_a_timer_set_again_moves_and_one_cleared_is_gone(storage, head):
    [one] = await storage.inbox.mint(SHARD, 1)
    await written(storage, timers_set=[TimerRow(SHARD, one, 1, 500), TimerRow(SHARD, one, 2, 600)])
    await written(storage, timers_set=[TimerRow(SHARD, one, 1, 700)])
    await written(storage, timers_cleared=[Handle(SHARD, one, 2), Handle(SHARD, one, 9)])
    left = await storage.indexes.due_timers(SHARDS, 10_000, 10)
    assert left == [TimerRow(SHARD, one, 1, 700)]


async def test_a_timer_set_and_cleared_in_one_batch_is_cleared(storage, head):
    [one] = await storage.inbox.mint(SHARD, 1)
    await written(
        storage,
        timers_set=[TimerRow(SHARD, one, 1, 500)],
        timers_cleared=[Handle(SHARD, one, 1)],
    )
    assert await storage.indexes.due_timers(SHARDS, 10_000, 10) == []


async def test_a_fenced_append_sets_no_timer(storage, head):
    [one] = await storage.inbox.mint(SHARD, 1)
    stale = replace(head, epoch=9)
    with pytest.raises(Fenced):
        await storage.log.append(batch(stale, [], timers_set=[TimerRow(SHARD, one, 1, 5)]))
    assert await storage.indexes.due_timers(SHARDS, 10_000, 10) == []


async def test_a_wait_opens_and_closes_with_all_its_definitions(storage, head):
    [one] = await storage.inbox.mint(SHARD, 1)
    rows = [wait(one, 3, "a"), wait(one, 3, "b", key=b"k", after=7), wait(one, 8, "a")]
    await written(storage, subscriptions_opened=rows)
    assert await storage.indexes.open_subscriptions(SHARDS) == rows
    assert await storage.indexes.open_subscriptions([SHARD + 1]) == []
    await written(storage, subscriptions_closed=[Handle(SHARD, one, 3)])
    assert await storage.indexes.open_subscriptions(SHARDS) == rows[2:]


async def test_a_definition_opened_again_has_its_key_fixed(storage, head):
    [one] = await storage.inbox.mint(SHARD, 1)
    await written(storage, subscriptions_opened=[wait(one, 3)])
    fixed = wait(one, 3, key=b"value", after=4)
    await written(storage, subscriptions_opened=[fixed])
    assert await storage.indexes.open_subscriptions(SHARDS) == [fixed]


async def test_subscribers_are_found_by_type_and_key_or_want_any(storage, head):
    ids = sorted(await storage.inbox.mint(SHARD, 4))
    any_key, this_key, other_key, other_type = (
        wait(ids[0], 1),
        wait(ids[1], 1, key=b"1"),
        wait(ids[2], 1, key=b"2"),
        wait(ids[3], 1, kind="shipped"),
    )
    await written(storage, subscriptions_opened=[any_key, this_key, other_key, other_type])
    found = storage.streams.subscribers
    assert await found(NAMESPACE, ["paid"], [b"1", b"9"]) == [any_key, this_key]
    assert await found(NAMESPACE, ["paid"], []) == [any_key]
    assert await found(NAMESPACE, ["paid", "shipped"], [b"2"]) == [any_key, other_key, other_type]
    assert await found("another", ["paid"], [b"1"]) == []


async def test_gatherings_are_found_by_trigger_and_key_oldest_first(storage, head):
    [first] = await storage.inbox.mint(SHARD, 1)
    [second, third] = sorted(await storage.inbox.mint(SHARD, 2))
    rows = [
        GatheringRow(SHARD, one, NAMESPACE, "t", key)
        for one, key in [(second, b"k"), (first, b"k"), (third, b"other")]
    ]
    await written(storage, gatherings_opened=rows)
    assert await storage.indexes.gatherings(SHARD, "t", b"other") == [rows[2]]
    expected = sorted(rows[:2], key=lambda row: row.execution_id)
    assert await storage.indexes.gatherings(SHARD, "t", b"k") == expected
    await written(storage, gatherings_closed=[Handle(SHARD, first, 0)])
    assert await storage.indexes.gatherings(SHARD, "t", b"k") == [rows[0]]
    assert await storage.indexes.gatherings(SHARD, "u", b"k") == []


async def test_executions_with_open_actions_are_known(storage, head):
    [one, two] = sorted(await storage.inbox.mint(SHARD, 2))
    await written(storage, actions_opened=[(SHARD, one), (SHARD, two)])
    await written(storage, actions_opened=[(SHARD, one)])
    assert await storage.indexes.open_actions(SHARDS) == [one, two]
    assert await storage.indexes.open_actions([SHARD + 1]) == []
    await written(storage, actions_closed=[(SHARD, one)])
    assert await storage.indexes.open_actions(SHARDS) == [two]
