"""Snapshots of the past are found from any event, and the last event at or before a time."""

from msgspec.structs import replace

from engine.ports.rows import SnapshotRow
from tests.conformance.storage.builders import SHARD, batch, grow, next_events


def kept(execution_id, seq, version=1, state=b"{}"):
    return SnapshotRow(SHARD, execution_id, seq, version, state)


async def test_the_last_snapshot_between_two_events_is_found(storage, head):
    [one, two] = await storage.inbox.mint(SHARD, 2)
    rows = [kept(one, seq, state=b"%d" % seq) for seq in (10, 20, 30)]
    await storage.log.keep_snapshots([*rows, kept(two, 25)])
    find = storage.log.kept_snapshot
    assert await find(one, 0, None, 1) == rows[2]
    assert await find(one, 0, 29, 1) == rows[1]
    assert await find(one, 0, 20, 1) == rows[1]
    assert await find(one, 0, 9, 1) is None
    assert await find(one, 20, 29, 1) is None
    await storage.log.keep_snapshots([])


async def test_a_snapshot_of_another_fold_is_not_in_the_way_of_one_that_can_be_read(storage, head):
    [one] = await storage.inbox.mint(SHARD, 1)
    await storage.log.keep_snapshots([kept(one, 10, 1), kept(one, 20, 2)])
    assert (await storage.log.kept_snapshot(one, 0, None, 1)).seq == 10
    assert (await storage.log.kept_snapshot(one, 0, None, 2)).seq == 20
    assert await storage.log.kept_snapshot(one, 0, None, 3) is None


async def test_a_newer_fold_replaces_a_snapshot_and_an_older_one_does_not(storage, head):
    [one] = await storage.inbox.mint(SHARD, 1)
    newer, older = kept(one, 10, 2, b"newer"), kept(one, 10, 1, b"older")
    await storage.log.keep_snapshots([older])
    await storage.log.keep_snapshots([newer])
    await storage.log.keep_snapshots([older])
    assert await storage.log.kept_snapshot(one, 0, None, 2) == newer
    assert await storage.log.kept_snapshot(one, 0, None, 1) is None


async def test_the_newest_snapshot_and_those_of_the_past_are_separate(storage, head):
    [one] = await storage.inbox.mint(SHARD, 1)
    await storage.log.save_snapshots([kept(one, 30)])
    await storage.log.keep_snapshots([kept(one, 10)])
    assert await storage.log.load_snapshots([(SHARD, one)]) == [kept(one, 30)]
    assert await storage.log.kept_snapshot(one, 0, None, 1) == kept(one, 10)


async def test_the_last_event_at_or_before_a_time_is_found(storage, head):
    [one, two, none] = await storage.inbox.mint(SHARD, 3)
    head = await grow(storage.log, head, two, 1, 3)
    times = [100, 100, 200, 300, 300, 300, 700]
    events = [
        replace(row, at=at)
        for row, at in zip(next_events(head, one, 1, len(times)), times, strict=True)
    ]
    await storage.log.append(batch(head, events))
    for moment in (0, 99, 100, 150, 200, 299, 300, 301, 700, 10**15):
        expected = max((row.seq for row in events if row.at <= moment), default=0)
        assert await storage.log.seq_at(one, moment) == expected
    assert await storage.log.seq_at(none, 10**15) == 0
