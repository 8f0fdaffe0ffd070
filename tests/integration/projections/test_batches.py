"""Whatever the batches, whoever is killed: the same rows."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from projections import runner
from projections.runner import Projector, rebuild
from projections.store import ReadStore
from tests.integration.projections.growing import caught_up, grown
from tests.runtime_harness import World, eventually

ROOT = Path(__file__).resolve().parents[3]


async def test_rows_do_not_depend_on_where_batches_end(
    world: World, read_database: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await grown(world)
    live = await caught_up(world, read_database)
    expected = await live.fingerprint()
    for generation, size in enumerate((1, 3, 17), start=50):
        monkeypatch.setattr(runner, "_BATCH", size)
        store = ReadStore(read_database, generation)
        await store.open()
        projector = Projector(world.storage.log, store)
        while await projector.catch_up():
            continue
        assert await store.fingerprint() == expected, f"in batches of {size}"


async def test_a_projector_that_has_forgotten_all_states_finds_the_same(
    world: World, read_database: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    await grown(world)
    live = await caught_up(world, read_database)
    monkeypatch.setattr(runner, "_BATCH", 2)
    store = ReadStore(read_database, 50)
    await store.open()
    while await Projector(world.storage.log, store).catch_up():
        continue  # each round is another projector
    few = ReadStore(read_database, 51)
    await few.open()
    projector = Projector(world.storage.log, few)
    projector._folds._max_bytes = 10_000
    while await projector.catch_up():
        continue
    assert await store.fingerprint() == await few.fingerprint() == await live.fingerprint()


def launched(database: str, nats: str) -> "subprocess.Popen[bytes]":
    clean = {key: value for key, value in os.environ.items() if not key.startswith("REFOLD_")}
    return subprocess.Popen(
        [sys.executable, "-m", "server.cli.main", "serve", "--role", "projector"],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={
            **clean,
            "REFOLD_DATABASE_URL": database,
            "REFOLD_DATABASE_OWNER_URL": database,
            "REFOLD_NATS_URL": nats,
            "REFOLD_SHARDS": "8",
        },
    )


async def test_a_projector_process_that_is_killed_under_load_applies_every_event_once(
    world: World, migrated: str, nats_url: str, read_database: asyncpg.Pool
) -> None:
    seed = random.SystemRandom().randrange(10**9)
    print("seed", seed)
    chance = random.Random(seed)
    store = ReadStore(read_database)
    await store.open()
    growing = asyncio.create_task(_growing(world))
    for _ in range(3):
        before = sum((await store.positions()).values())
        process = launched(migrated, nats_url)
        await eventually(lambda before=before: _moved(store, before), 60.0)
        await asyncio.sleep(chance.random() * 0.15)
        process.send_signal(signal.SIGKILL)
        process.wait(20)
    growing.cancel()
    await asyncio.gather(growing, return_exceptions=True)
    for node in world.nodes:
        await node.stop()
    last = launched(migrated, nats_url)
    try:
        await eventually(lambda: _is_caught_up(world, store), 60.0)
    finally:
        last.kill()
        last.wait(20)
    assert await store.fingerprint() == await rebuild(world.storage.log, store, store.beside())


async def _growing(world: World) -> None:
    """Executions, as long as they are wanted."""
    while True:
        await grown(world, 9)


async def _moved(store: ReadStore, before: int) -> bool:
    return sum((await store.positions()).values()) > before


async def _is_caught_up(world: World, store: ReadStore) -> bool:
    positions = await store.positions()
    heads = await world.storage.log.heads()
    return all(positions.get(head.shard, 0) == head.last_position for head in heads)
