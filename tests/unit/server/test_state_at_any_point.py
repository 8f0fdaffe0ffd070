"""The state at any event is read from the snapshot before it; a long read leaves snapshots."""

import pytest
from msgspec.structs import replace

from engine.core.replay import fold
from engine.model.ids import shard_of
from engine.ports.codec import event_of
from engine.ports.snapshots import snapshot_of
from server.api.past import gaps
from tests.unit.server.test_long_logs import api as api  # noqa: PLC0414 - a fixture
from tests.unit.server.test_long_logs import small_pages as small_pages  # noqa: PLC0414


def kept_at(rows, seq, **changes):
    state = fold(rows[0].execution_id, map(event_of, rows[:seq]))
    return replace(snapshot_of(rows[0].shard, state), **changes)


async def past(api, path, count):
    return {seq: (await api.ask("GET", f"{path}/state?at={seq}"))[1] for seq in range(1, count + 1)}


async def test_a_state_is_folded_from_the_last_snapshot_kept_before_it(api):
    path, rows = await api.ended()
    states = await past(api, path, len(rows))
    await api.log.keep_snapshots([kept_at(rows, seq) for seq in (10, 20, 30)])
    for seq, state in states.items():
        assert (await api.ask("GET", f"{path}/state?at={seq}"))[1] == state
        assert api.log.read <= 2 + seq - min(seq // 10 * 10, 30)


@pytest.mark.parametrize(
    "changes", [{"evolve_version": 99}, {"state": b"no state"}], ids=["version", "bytes"]
)
async def test_a_snapshot_that_cannot_be_read_gives_way_to_the_one_before(api, changes):
    path, rows = await api.ended()
    states = await past(api, path, len(rows))
    await api.log.keep_snapshots([kept_at(rows, 10), kept_at(rows, 20, **changes)])
    assert (await api.ask("GET", f"{path}/state?at=25"))[1] == states[25]
    assert api.log.read == 1 + 1 + 15


async def test_a_kept_snapshot_of_events_that_the_log_has_lost_is_not_believed(api):
    path, rows = await api.ended()
    await api.log.keep_snapshots([kept_at(rows, 30)])
    del api.storage.store.events[rows[0].execution_id][20:]
    assert (await api.ask("GET", path))[1]["last_seq"] == 20


async def test_a_kept_snapshot_shows_nothing_to_another_namespace(api):
    path, rows = await api.ended()
    await api.log.keep_snapshots([kept_at(rows, len(rows))])
    for asked in (path, f"{path}/state", f"{path}/state?at=20", f"{path}/state?at=0"):
        assert (await api.ask("GET", asked, namespace="another"))[0] == 404


async def test_a_state_at_a_time_is_the_state_at_its_last_event(api):
    path, rows = await api.ended()
    store = api.storage.store.events
    spread = [replace(row, at=1_700_000_000_000 + 1_000 * (row.seq // 3)) for row in rows]
    store[rows[0].execution_id] = spread
    for second in (0, 1, 5, 9):
        _, found = await api.ask("GET", f"{path}/state?at=2023-11-14T22:13:{20 + second}.5Z")
        assert found["seq"] == max(row.seq for row in rows if row.seq // 3 <= second)


async def test_a_read_that_folds_far_keeps_what_it_passed(api, monkeypatch):
    monkeypatch.setattr(gaps, "KEEP_EVERY", 10)
    monkeypatch.setattr(gaps, "LONG_READ", 20)
    path, rows = await api.ended(60)
    reference = (shard_of(rows[0].execution_id), rows[0].execution_id)
    kept = api.storage.store.kept_snapshots
    await api.ask("GET", f"{path}/state?at=20")
    assert reference not in kept
    _, far = await api.ask("GET", f"{path}/state?at=200")
    assert len(kept[reference]) >= 3
    for seq, row in kept[reference].items():
        assert row == kept_at(rows, seq)
    assert (await api.ask("GET", f"{path}/state?at=200"))[1] == far
    assert api.log.read < 60


async def test_a_read_answers_where_nothing_may_be_kept(api, monkeypatch):
    async def refuse(rows):
        raise PermissionError("permission denied for function keep_snapshot_v1")

    monkeypatch.setattr(gaps, "KEEP_EVERY", 10)
    monkeypatch.setattr(gaps, "LONG_READ", 20)
    monkeypatch.setattr(api.log, "keep_snapshots", refuse)
    path, _ = await api.ended(60)
    status, state = await api.ask("GET", f"{path}/state?at=200")
    assert (status, state["seq"]) == (200, 200)


async def test_what_was_asked_by_seq_may_be_kept_for_ever(api):
    path, _ = await api.ended()
    headers = {}
    for at in ("7", "8", None, "2999-01-01T00:00:00Z"):
        query = {} if at is None else {"at": at}
        async with api.client.get(f"/v1/namespaces/default{path}/state", params=query) as answer:
            headers[at] = (answer.headers["Cache-Control"], answer.headers.get("ETag"))
    assert "immutable" in headers["7"][0]
    assert headers["7"][1] != headers["8"][1]
    assert headers[None] == headers["2999-01-01T00:00:00Z"] == ("no-store", None)
    known = {"If-None-Match": headers["7"][1]}
    assert (await api.ask("GET", f"{path}/state?at=7", **known))[0] == 304
    assert api.log.read == 1
    assert (await api.ask("GET", f"{path}/state?at=8", **known))[0] == 200


@pytest.mark.parametrize(
    ("at", "status"), [("43", 404), ("x", 400), ("9999999999", 400), ("-1", 400), ("²", 400)]
)
async def test_a_moment_that_is_none_is_refused(api, at, status):
    path, rows = await api.ended()
    assert len(rows) == 42
    assert (await api.ask("GET", f"{path}/state?at={at}"))[0] == status


async def test_a_log_that_grows_as_fast_as_it_is_read_is_read_as_it_stood(api, monkeypatch):
    path, rows = await api.ended(60)
    store, execution_id = api.storage.store, rows[0].execution_id
    store.events[execution_id] = rows[:20]
    given = type(api.log).read_execution

    async def growing(log, asked, after=0, limit=10_000, upto=None):
        found = await given(log, asked, after, limit, upto)
        grown = len(store.events[execution_id])
        store.events[execution_id] = rows[: grown + 4]
        return found

    monkeypatch.setattr(type(api.log), "read_execution", growing)
    _, state = await api.ask("GET", f"{path}/state")
    assert 20 <= state["seq"] < 60


async def test_a_read_keeps_nothing_where_an_engine_does(api, monkeypatch):
    monkeypatch.setattr(gaps, "KEEP_EVERY", 10)
    monkeypatch.setattr(gaps, "LONG_READ", 20)
    path, rows = await api.ended(60)
    reference = (shard_of(rows[0].execution_id), rows[0].execution_id)
    await api.ask("GET", f"{path}/state?at=200")
    passed = dict(api.storage.store.kept_snapshots.pop(reference))
    near = [kept_at(rows, seq - 3) for seq in passed]
    await api.log.keep_snapshots([replace(row, state=b"not to be read") for row in near])
    await api.ask("GET", f"{path}/state?at=200")
    assert set(api.storage.store.kept_snapshots[reference]) == {row.seq for row in near}
