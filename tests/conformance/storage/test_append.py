"""Append commits everything or nothing, and only on the head it was made for."""

import asyncio
from itertools import pairwise

import pytest
from msgspec.structs import asdict, replace

from engine.core.chain import commit_hash, genesis
from engine.model.errors import Fenced, NotFound
from engine.ports.rows import EVENT_COLUMNS, Append, BirthRow, SnapshotRow
from tests.conformance.storage.builders import (
    NAMESPACE,
    SHARD,
    batch,
    event,
    grow,
    next_events,
    start,
)


async def test_events_come_back_as_they_were_written(storage, head):
    [one] = await storage.inbox.mint(SHARD, 1)
    events = next_events(head, one, 1, 4)
    await storage.log.append(batch(head, events))
    assert await storage.log.read_execution(one) == events
    assert await storage.log.read_shard(SHARD, 0, 4) == events


async def test_reads_are_bounded_on_both_sides(storage, head):
    [one, two] = await storage.inbox.mint(SHARD, 2)
    head = await grow(storage.log, head, one, 1, 5)
    head = await grow(storage.log, head, two, 1, 3)
    log = storage.log
    assert [row.seq for row in await log.read_execution(one, after=2)] == [3, 4, 5]
    assert [row.seq for row in await log.read_execution(one, after=1, limit=2)] == [2, 3]
    assert [row.seq for row in await log.read_execution(one, after=1, upto=4)] == [2, 3, 4]
    assert [row.position for row in await log.read_shard(SHARD, 4, 7)] == [5, 6, 7]
    assert [row.position for row in await log.read_shard(SHARD, 0, 8, limit=3)] == [1, 2, 3]
    assert [row.execution_id for row in await log.read_shard(SHARD, 5, 6)] == [two]


async def test_the_last_event_is_the_one_with_the_highest_seq(storage, head):
    [one, two, none] = await storage.inbox.mint(SHARD, 3)
    head = await grow(storage.log, head, one, 1, 11)
    await grow(storage.log, head, two, 1, 2)
    assert await storage.log.last_event(one) == (await storage.log.read_execution(one))[-1]
    assert (await storage.log.last_event(two)).seq == 2
    assert await storage.log.last_event(none) is None


async def test_an_append_moves_the_head(storage, head):
    [one] = await storage.inbox.mint(SHARD, 1)
    made = batch(head, next_events(head, one, 1, 3))
    await storage.log.append(made)
    after = await storage.log.locked_head(SHARD)
    assert after == replace(head, last_position=3, commit_no=1, hash=made.commits[0].hash)
    assert after in await storage.log.heads()


async def test_a_commit_without_events_moves_number_and_chain_alone(storage, head):
    made = batch(head, [])
    await storage.log.append(made)
    after = await storage.log.locked_head(SHARD)
    assert (after.last_position, after.commit_no) == (0, 1)
    assert after.hash == made.commits[0].hash


async def test_an_older_epoch_is_fenced(storage, open_engine, head):
    [one] = await storage.inbox.mint(SHARD, 1)
    await storage.leases.release("e1", [SHARD])
    other = await open_engine("e2")
    assert await other.leases.claim("e2", SHARD, 60_000)
    with pytest.raises(Fenced):
        await storage.log.append(batch(head, next_events(head, one, 1, 1)))
    assert await storage.log.read_execution(one) == []


async def test_a_later_epoch_than_the_head_has_is_fenced(storage, head):
    [one] = await storage.inbox.mint(SHARD, 1)
    ahead = replace(head, epoch=head.epoch + 1)
    with pytest.raises(Fenced):
        await storage.log.append(batch(ahead, next_events(ahead, one, 1, 1)))


@pytest.mark.parametrize("off_by", [-1, 1])
async def test_another_position_is_fenced(storage, head, off_by):
    [one, two] = await storage.inbox.mint(SHARD, 2)
    head = await grow(storage.log, head, one, 1, 2)
    moved = replace(head, last_position=head.last_position + off_by)
    with pytest.raises(Fenced):
        await storage.log.append(batch(moved, next_events(moved, two, 1, 1)))
    assert await storage.log.read_execution(two) == []


async def test_a_repeated_batch_is_written_once(storage, head):
    [one] = await storage.inbox.mint(SHARD, 1)
    made = batch(head, next_events(head, one, 1, 2))
    await storage.log.append(made)
    with pytest.raises(Fenced):
        await storage.log.append(made)
    assert len(await storage.log.read_execution(one)) == 2


async def test_a_seq_that_is_there_is_refused_with_all_that_comes_with_it(storage, head):
    [one, two] = await storage.inbox.mint(SHARD, 2)
    head = await grow(storage.log, head, one, 1, 2)
    again = [event(two, 1, position=3), event(one, 2, position=4)]
    with pytest.raises(Fenced):
        await storage.log.append(batch(head, again))
    assert await storage.log.read_execution(two) == []
    assert await storage.log.locked_head(SHARD) == head


async def test_events_must_fill_the_positions_announced(storage, head):
    [one] = await storage.inbox.mint(SHARD, 1)
    gap = [event(one, 1, position=1), event(one, 2, position=3)]
    with pytest.raises(AssertionError):
        await storage.log.append(batch(head, gap))
    stranger = batch(head, next_events(head, one, 1, 1))
    stranger.events.append(event(one, 2, position=1, shard=SHARD + 1))
    with pytest.raises(AssertionError):
        await storage.log.append(stranger)
    assert await storage.log.read_execution(one) == []


async def test_one_stale_shard_holds_back_the_others(storage, head):
    other = await storage.leases.claim("e1", SHARD + 1, 60_000)
    [one], [two] = await storage.inbox.mint(SHARD, 1), await storage.inbox.mint(SHARD + 1, 1)
    good = batch(head, next_events(head, one, 1, 1))
    stale = replace(other, last_position=7)
    bad = batch(stale, next_events(stale, two, 1, 1))
    both = Append(commits=good.commits + bad.commits, events=good.events + bad.events)
    with pytest.raises(Fenced):
        await storage.log.append(both)
    assert await storage.log.read_execution(one) == []


async def test_several_shards_go_in_one_batch(storage, head):
    other = await storage.leases.claim("e1", SHARD + 1, 60_000)
    [one], [two] = await storage.inbox.mint(SHARD, 1), await storage.inbox.mint(SHARD + 1, 1)
    first = batch(other, next_events(other, two, 1, 2))
    second = batch(head, next_events(head, one, 1, 3))
    await storage.log.append(
        Append(commits=first.commits + second.commits, events=first.events + second.events)
    )
    assert (await storage.log.locked_head(SHARD)).last_position == 3
    assert (await storage.log.locked_head(SHARD + 1)).last_position == 2


async def test_of_two_appends_at_once_one_is_fenced(storage, head):
    ids = await storage.inbox.mint(SHARD, 8)
    rivals = [batch(head, next_events(head, one, 1, 2)) for one in ids]
    outcomes = await asyncio.gather(
        *(storage.log.append(rival) for rival in rivals), return_exceptions=True
    )
    assert sorted(type(one).__name__ for one in outcomes) == ["Fenced"] * 7 + ["NoneType"]
    assert len(await storage.log.read_shard(SHARD, 0, 100)) == 2


async def test_the_commits_of_a_shard_are_a_chain_from_its_genesis(storage, head):
    ids = await storage.inbox.mint(SHARD, 3)
    for number, one in enumerate(ids):
        head = await grow(storage.log, head, one, 1, number + 1)
    rows = await storage.log.read_commits(SHARD, 0)
    assert [row["commit_no"] for row in rows] == [1, 2, 3]
    assert [row["first_position"] for row in rows] == [1, 2, 4]
    previous = genesis(storage.installation.cluster_id, SHARD)
    for row in rows:
        columns = (
            "shard", "commit_no", "first_position", "count", "epoch", "at", "writer_version",
            "min_execution", "max_execution",
        )  # fmt: skip
        assert row["hash"] == commit_hash(previous, [row[one] for one in columns], row["parts"])
        previous = row["hash"]
    assert previous == head.hash
    assert [row["commit_no"] for row in await storage.log.read_commits(SHARD, 1, limit=1)] == [2]


async def test_a_start_is_taken_with_its_birth(storage, head):
    one, _ = await start(storage.inbox, "k")
    [row] = await storage.inbox.read([SHARD], [], 10)
    birth = BirthRow(SHARD, one, NAMESPACE, "order", "1", "hash", "cncf-0.8", 1, "k")
    events = next_events(head, one, 1, 1)
    await storage.log.append(batch(head, events, births=[birth], inbox_taken=[(SHARD, row.id)]))
    assert await storage.inbox.read([SHARD], [], 10) == []
    assert await storage.catalog.find_birth(NAMESPACE, one) == birth


async def test_a_fenced_batch_takes_nothing_from_the_inbox(storage, head):
    await start(storage.inbox)
    [row] = await storage.inbox.read([SHARD], [], 10)
    stale = replace(head, epoch=0)
    with pytest.raises(Fenced):
        await storage.log.append(batch(stale, [], inbox_taken=[(SHARD, row.id)]))
    assert await storage.inbox.read([SHARD], [], 10) == [row]


async def test_an_execution_is_born_once(storage, head):
    [one] = await storage.inbox.mint(SHARD, 1)
    birth = BirthRow(SHARD, one, NAMESPACE, "order", "1", "hash", "cncf-0.8", 1, None)
    await storage.log.append(batch(head, next_events(head, one, 1, 1), births=[birth]))
    head = await storage.log.locked_head(SHARD)
    with pytest.raises(Fenced):
        await storage.log.append(batch(head, next_events(head, one, 2, 1), births=[birth]))


async def test_an_unknown_shard_is_named(storage):
    with pytest.raises(NotFound, match="999"):
        await storage.log.locked_head(999)


async def test_ids_carry_shard_and_time_and_rise(storage):
    before = await storage.leases.now_ms()
    ids = await storage.inbox.mint(63, 50)
    after = await storage.leases.now_ms()
    assert len(set(ids)) == 50
    for one in ids:
        assert (one.version, one.variant) == (7, "specified in RFC 4122")
        assert one.int >> 64 & 0xFFF == 63
        assert before <= one.int >> 80 <= after
    times = [one.int >> 80 for one in ids]
    assert all(first <= second for first, second in pairwise(times))


async def test_a_snapshot_replaces_an_older_one_only(storage, head):
    [one, two] = await storage.inbox.mint(SHARD, 2)
    rows = [SnapshotRow(SHARD, one, seq, 1, b"%d" % seq) for seq in (10, 20)]
    await storage.log.save_snapshots(rows)
    await storage.log.save_snapshots(rows[:1])
    assert await storage.log.load_snapshots([(SHARD, one), (SHARD, two)]) == [rows[1]]
    await storage.log.save_snapshots([])


async def test_columns_of_an_event_are_all_compared(storage, head):
    [one] = await storage.inbox.mint(SHARD, 1)
    await grow(storage.log, head, one, 1, 2)
    odd, even = await storage.log.read_execution(one)
    unset = {name for name, value in asdict(even).items() if value is None}
    columns = set(even.__struct_fields__[:EVENT_COLUMNS])
    assert unset & columns == {"traceparent", "branch", "iteration", "attempt", "key_id"}
    assert not unset & columns & {k for k, value in asdict(odd).items() if value is None}
