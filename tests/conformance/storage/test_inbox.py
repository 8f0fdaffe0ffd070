"""What comes from outside is committed once, and read until an append takes it."""

import asyncio
from uuid import UUID

import pytest

from engine.model.errors import Conflict
from engine.model.ids import shard_of
from tests.conformance.storage.builders import NAMESPACE, SHARD, batch, cloudevent, start


async def test_a_start_is_in_the_inbox_of_its_shard(storage):
    one, existed = await start(storage.inbox, "k")
    assert not existed
    assert shard_of(one) == SHARD
    [row] = await storage.inbox.read([SHARD], [], 10)
    assert (row.kind, row.execution_id, row.namespace) == ("start", one, NAMESPACE)
    assert (row.body, row.actor, row.traceparent) == (b'{"workflow":"order"}', "tester", None)
    assert await storage.inbox.read([SHARD + 1], [], 10) == []


async def test_fifty_calls_with_one_key_start_once(storage):
    answers = await asyncio.gather(*(start(storage.inbox, "k") for _ in range(50)))
    assert len({one for one, _ in answers}) == 1
    assert [existed for _, existed in answers].count(False) == 1
    assert len(await storage.inbox.read([SHARD], [], 100)) == 1


async def test_calls_with_two_keys_in_any_order_do_not_block_each_other(storage):
    answers = await asyncio.gather(
        *(start(storage.inbox, *(("a", "b") if n % 2 else ("b", "a"))) for n in range(30))
    )
    assert len({one for one, _ in answers}) == 1


async def test_a_start_without_key_is_always_new(storage):
    first, second = await start(storage.inbox), await start(storage.inbox)
    assert first[0] != second[0]
    assert not first[1]
    assert not second[1]


async def test_a_key_with_another_request_is_a_conflict(storage):
    await start(storage.inbox, "k")
    with pytest.raises(Conflict, match="k"):
        await start(storage.inbox, "k", request=b"other")
    assert len(await storage.inbox.read([SHARD], [], 10)) == 1


async def test_a_refused_start_leaves_its_new_keys_free(storage):
    await start(storage.inbox, "k")
    with pytest.raises(Conflict):
        await start(storage.inbox, "k", "fresh", request=b"other")
    assert await storage.catalog.find_by_key(NAMESPACE, "order", "fresh") is None


async def test_a_new_key_beside_a_known_one_names_the_same_execution(storage):
    one, _ = await start(storage.inbox, "name")
    assert await start(storage.inbox, "name", "request-2") == (one, True)
    assert await start(storage.inbox, "request-2") == (one, True)
    assert await storage.catalog.find_by_key(NAMESPACE, "order", "request-2") == one


async def test_keys_of_two_executions_are_a_conflict(storage):
    await start(storage.inbox, "a")
    await start(storage.inbox, "b")
    with pytest.raises(Conflict):
        await start(storage.inbox, "a", "b")


async def test_the_same_key_of_another_workflow_is_another_key(storage):
    first, _ = await start(storage.inbox, "k")
    second, existed = await start(storage.inbox, "k", workflow="invoice")
    assert first != second
    assert not existed


async def test_a_start_remembers_the_head_of_the_stream(storage):
    await storage.streams.ingest(NAMESPACE, [cloudevent(1), cloudevent(2)])
    await start(storage.inbox)
    [row] = await storage.inbox.read([SHARD], [], 10)
    assert row.position == 2


async def test_callbacks_and_cancels_go_to_the_shard_of_the_id(storage):
    [one] = await storage.inbox.mint(9, 1)
    await storage.inbox.put("callback", one, NAMESPACE, b"a", "caller", "00-1")
    await storage.inbox.put("cancel", one, NAMESPACE, b"b", "caller", None)
    rows = await storage.inbox.read([9], [], 10)
    assert [(row.kind, row.body, row.traceparent) for row in rows] == [
        ("callback", b"a", "00-1"),
        ("cancel", b"b", None),
    ]
    assert {row.position for row in rows} == {0}


async def test_nobody_puts_a_start_past_the_keys(storage):
    [one] = await storage.inbox.mint(9, 1)
    with pytest.raises(AssertionError):
        await storage.inbox.put("start", one, NAMESPACE, b"", "caller", None)
    assert await storage.inbox.read([9], [], 10) == []


async def test_all_rows_present_are_read_but_those_in_hand(storage):
    for _ in range(5):
        await start(storage.inbox)
    rows = await storage.inbox.read([SHARD], [], 10)
    assert [row.id for row in rows] == sorted(row.id for row in rows)
    in_hand = [rows[0].id, rows[3].id]
    rest = await storage.inbox.read([SHARD, SHARD + 1], in_hand, 10)
    assert [row.id for row in rest] == [rows[1].id, rows[2].id, rows[4].id]
    assert await storage.inbox.read([SHARD], in_hand, 1) == [rows[1]]


async def test_a_row_that_was_not_taken_comes_again_behind_later_ones(storage, head):
    for _ in range(3):
        await start(storage.inbox)
    rows = await storage.inbox.read([SHARD], [], 10)
    taken = [(SHARD, rows[1].id), (SHARD, rows[2].id)]
    await storage.log.append(batch(head, [], inbox_taken=taken))
    assert await storage.inbox.read([SHARD], [], 10) == [rows[0]]


async def test_an_accepted_start_is_known_before_its_log_begins(storage):
    one, _ = await start(storage.inbox)
    assert await storage.inbox.is_accepted(NAMESPACE, one)
    assert not await storage.inbox.is_accepted("another", one)
    assert not await storage.inbox.is_accepted(NAMESPACE, UUID(int=one.int ^ 1))
    assert await storage.catalog.find_birth(NAMESPACE, one) is None
