"""The read tables equal what the log says: after tailing, after being killed, after a rebuild."""

import asyncio
import random
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from msgspec.structs import replace

from engine.model.ids import format_event
from engine.ports.world import Failed
from projections.questions.executions import (
    ExecutionFilter,
    find_execution,
    list_executions,
)
from projections.questions.history import list_attempts, list_scopes
from projections.runner import Projector, rebuild
from projections.store import ReadStore
from schemas.events.parts import Error
from tests.integration.projections.growing import Poisoned, caught_up, grown
from tests.runtime_harness import World, eventually, steps


async def test_the_list_tells_of_each_execution_what_its_log_folds_into(
    world: World, read_database: asyncpg.Pool
) -> None:
    ids = await grown(world)
    store = await caught_up(world, read_database)
    listed = await list_executions(store, "default", limit=100)
    rows = {row["execution_id"]: row for row in listed}
    assert rows.keys() == set(ids)
    for execution_id, row in rows.items():
        state = await world.state(execution_id)
        assert (row["status"], row["last_seq"], row["started_at"], row["closed_at"]) == (
            state.status, state.seq, state.started_at, state.closed_at,
        )  # fmt: skip
    waiting = await list_executions(store, "default", ExecutionFilter(status="waiting"))
    assert {row["execution_id"] for row in waiting} == set(ids[-2:])
    assert len(await list_executions(store, "default", ExecutionFilter(workflow="plain"))) == 3
    assert list(await list_executions(store, "elsewhere")) == []


async def test_pages_follow_each_other_without_gap(
    world: World, read_database: asyncpg.Pool
) -> None:
    ids = await grown(world)
    store = await caught_up(world, read_database)
    seen: list[UUID] = []
    while True:
        before = seen[-1] if seen else None
        page = await list_executions(store, "default", before=before, limit=4)
        seen += [row["execution_id"] for row in page]
        if not page:
            break
    assert seen == sorted(ids, reverse=True)


async def test_the_history_has_every_scope_and_attempt(
    world: World, read_database: asyncpg.Pool
) -> None:
    ids = await grown(world)
    store = await caught_up(world, read_database)
    for execution_id in ids:
        rows = await world.rows(execution_id)
        scopes = await list_scopes(store, execution_id)
        opening = {"StateEntered", "BranchStarted", "IterationStarted"}
        assert [s["frame"] for s in scopes] == [r.seq for r in rows if r.type in opening]
        state = await world.state(execution_id)
        open_frames = {one.id for one in state.frames.values() if one.kind != "execution"}
        assert {s["frame"] for s in scopes if s["left_at"] is None} == open_frames
        attempts = await list_attempts(store, execution_id)
        scheduled = [r.seq for r in rows if r.type == "ActionScheduled"]
        assert [a["seq"] for a in attempts] == scheduled
        assert all(a["outcome"] is not None for a in attempts)
        failed = sum(r.type == "ActionFailed" for r in rows)
        assert sum(a["outcome"] == "failed" for a in attempts) == failed


async def test_a_rebuild_beside_the_live_tables_gives_the_same_and_is_swapped_in(
    world: World, read_database: asyncpg.Pool
) -> None:
    await grown(world)
    live = await caught_up(world, read_database)
    before, generation = await live.fingerprint(), live.generation
    beside = ReadStore(read_database, generation + 1)
    assert await rebuild(world.storage.log, live, beside) == before
    assert live.generation == generation + 1
    assert await live.fingerprint() == before
    schemas = await read_database.fetch("SELECT nspname FROM pg_namespace WHERE nspname ~ '^read_'")
    assert [row["nspname"] for row in schemas] == [f"read_{generation + 1}"]


async def test_projectors_that_are_killed_at_any_instant_apply_every_event_once(
    world: World, read_database: asyncpg.Pool
) -> None:
    seed = random.SystemRandom().randrange(10**9)
    print("seed", seed)
    chance = random.Random(seed)
    quiet = await caught_up(world, read_database)
    growing = asyncio.create_task(grown(world, 40))
    kills = 0
    while not growing.done() or kills < 20:
        running = [
            asyncio.create_task(Projector(world.storage.log, quiet, 0.005).run()) for _ in range(2)
        ]
        await asyncio.sleep(chance.random() * 0.05)
        for one in running:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        kills += 1
    await growing
    store = await caught_up(world, read_database)
    anew = ReadStore(read_database, store.generation + 1)
    assert await store.fingerprint() == await rebuild(world.storage.log, store, anew)


async def test_one_unreadable_event_does_not_stop_the_other_shards(
    world: World, read_database: asyncpg.Pool
) -> None:
    ids = await grown(world)
    poisoned = (await world.rows(ids[0]))[0].shard

    store = ReadStore(read_database)
    await store.open()
    projecting = asyncio.create_task(
        Projector(Poisoned(world.storage.log, poisoned), store, 0.01).run()
    )
    others = {one for one in ids if (await world.rows(one))[0].shard != poisoned}
    await eventually(lambda: _listed(store, others))
    projecting.cancel()


class Damaged:
    """A log in which some events do not open any more, by execution and seq."""

    def __init__(self, log: Any, damaged: dict[UUID, int]) -> None:
        self._log = log
        self._damaged = damaged
        self.heads = log.heads
        self.kept_snapshot = log.kept_snapshot

    async def read_shard(self, *span: Any) -> Any:
        return self._seen(await self._log.read_shard(*span))

    async def read_execution(self, *span: Any) -> Any:
        return self._seen(await self._log.read_execution(*span))

    def _seen(self, rows: Any) -> Any:
        return [
            replace(row, codec=2, key_id="key_1", data=b"changed")
            if self._damaged.get(row.execution_id) == row.seq
            else row
            for row in rows
        ]


async def test_damaged_events_are_passed_over_and_what_follows_them_is_told(
    world: World, read_database: asyncpg.Pool, caplog: pytest.LogCaptureFixture
) -> None:
    ids = await grown(world)
    damaged = {
        one: 1 + number % len(await world.rows(one))
        for number, one in enumerate(ids)
        if number % 3 != 2
    }
    store = ReadStore(read_database)
    await store.open()
    projector = Projector(Damaged(world.storage.log, damaged), store)
    while await projector.catch_up():
        continue
    heads = {head.shard: head.last_position for head in await world.storage.log.heads()}
    assert {key: at for key, at in (await store.positions()).items() if at} == {
        key: at for key, at in heads.items() if at
    }
    shown = {row["execution_id"]: row for row in await list_executions(store, "default", limit=100)}
    begun = {one for one in ids if damaged.get(one) != 1}
    assert set(shown) == begun
    sound = [one for one in ids if one not in damaged]
    for one in sound:
        state = await world.state(one)
        assert (shown[one]["last_seq"], shown[one]["closed_at"] is not None) == (
            state.seq, state.closed,
        ), one  # fmt: skip
    told = [record.message for record in caplog.records if "left out" in record.message]
    for one, seq in damaged.items():
        assert any(line.startswith(f"{format_event(one, seq)} ") for line in told), one


async def test_an_error_whose_text_postgres_cannot_hold_is_shown_all_the_same(
    world: World, read_database: asyncpg.Pool
) -> None:
    world.handler.answer = lambda call: Failed(Error(code="odd", message="a\0b"))
    plain = await world.apply(steps("plain", 1))
    await world.started_node()
    failed = await world.start(plain)
    await world.closed(failed)
    store = await caught_up(world, read_database)
    row = await find_execution(store, "default", failed)
    attempts = await list_attempts(store, failed)
    assert row is not None
    assert row["error_message"] == "a\N{REPLACEMENT CHARACTER}b"
    assert attempts[0]["error_message"] == "a\N{REPLACEMENT CHARACTER}b"


async def _listed(store: ReadStore, wanted: set[UUID]) -> bool:
    rows = await list_executions(store, "default", limit=100)
    return {row["execution_id"] for row in rows} == wanted
