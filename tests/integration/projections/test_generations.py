"""Read tables of another release: left alone, replaced beside, never mixed with ours."""

import asyncio

import asyncpg
import pytest

from projections import generations
from projections.generations import VIEWS_VERSION, ReadSideBuilding
from projections.questions.executions import list_executions
from projections.runner import Projector, build
from projections.store import ReadStore
from tests.integration.projections.growing import Poisoned, caught_up, grown
from tests.runtime_harness import World, eventually


async def test_tables_of_an_older_release_are_replaced_while_they_stand(
    world: World, read_database: asyncpg.Pool
) -> None:
    ids = await grown(world, 5)
    store = await caught_up(world, read_database)
    expected = await store.fingerprint()
    await read_database.execute(
        "DROP TABLE read_1.made; ALTER TABLE read_1.executions DROP COLUMN labels"
    )
    upgraded = ReadStore(read_database)
    await upgraded.open()
    assert upgraded.shape == "older"
    with pytest.raises(ReadSideBuilding):
        await list_executions(upgraded, "default")
    assert await read_database.fetchval("SELECT count(*) FROM read_1.executions") == len(ids)

    reader = ReadStore(read_database)
    assert await reader.join()
    projecting = asyncio.create_task(Projector(world.storage.log, upgraded, 0.02).run())
    try:
        await eventually(lambda: _is_live(read_database, 2))
        assert len(await list_executions(reader, "default")) == len(ids)
        assert (await reader.fingerprint(), reader.generation) == (expected, 2)
        await world.start(await world.apply(_ENDLESS))
        await eventually(lambda: _listed(reader, len(ids) + 1))
    finally:
        projecting.cancel()
        await asyncio.gather(projecting, return_exceptions=True)
    left = await read_database.fetch("SELECT nspname FROM pg_namespace WHERE nspname ~ '^read_'")
    assert [row["nspname"] for row in left] == ["read_2"]


async def test_an_event_that_cannot_be_read_does_not_prevent_an_upgrade(
    world: World, read_database: asyncpg.Pool
) -> None:
    ids = await grown(world, 6)
    poisoned = (await world.rows(ids[0]))[0].shard
    store = await caught_up(world, read_database)
    await read_database.execute("UPDATE read_1.made SET version = 1")
    await store.open()
    projector = Projector(Poisoned(world.storage.log, poisoned), store, 0.02)
    projecting = asyncio.create_task(projector.run())
    try:
        await eventually(lambda: _is_live(read_database, 2))
    finally:
        projecting.cancel()
        await asyncio.gather(projecting, return_exceptions=True)
    listed = {row["execution_id"] for row in await list_executions(store, "default", limit=100)}
    assert listed == {one for one in ids if (await world.rows(one))[0].shard != poisoned}


async def test_a_reader_that_looks_while_tables_are_swapped_finds_the_new_ones(
    world: World, read_database: asyncpg.Pool
) -> None:
    ids = await grown(world, 5)
    store = await caught_up(world, read_database)
    reader = ReadStore(read_database)
    assert await reader.join()
    await build(world.storage.log, beside := store.beside())
    async with read_database.acquire() as connection:
        swap = connection.transaction()
        await swap.start()
        await generations.make_live(connection, beside.generation)
        looking = asyncio.create_task(reader.join())
        await eventually(lambda: _somebody_waits(read_database))
        await swap.commit()
    assert await looking
    assert reader.generation == beside.generation
    assert len(await list_executions(reader, "default")) == len(ids)


async def _somebody_waits(pool: asyncpg.Pool) -> bool:
    asked = "SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"
    return bool(await pool.fetchval(asked))


_ENDLESS = """
id: endless
version: "1.0"
specVersion: "0.8"
start: Rest
states: [{name: Rest, type: sleep, duration: PT1H, end: true}]
"""


async def test_what_an_interrupted_build_of_an_older_release_left_is_built_anew(
    world: World, read_database: asyncpg.Pool
) -> None:
    await grown(world, 3)
    store = await caught_up(world, read_database)
    expected = await store.fingerprint()
    beside = store.beside()
    await beside.open()
    await read_database.execute(
        "UPDATE read_2.made SET version = 1; DROP TABLE read_2.waits;"
        " INSERT INTO read_2.positions (shard, position) VALUES (0, 5)"
    )
    again = store.beside()
    await again.open()
    assert await again.positions() == {}
    while await Projector(world.storage.log, again).catch_up():
        continue
    assert await again.fingerprint() == expected


async def test_tables_of_a_newer_release_are_neither_read_nor_written(
    world: World, read_database: asyncpg.Pool
) -> None:
    await grown(world, 3)
    await caught_up(world, read_database)
    await read_database.execute(f"UPDATE read_1.made SET version = {VIEWS_VERSION + 1}")
    old = ReadStore(read_database)
    await old.open()
    assert old.shape == "newer"
    with pytest.raises(ReadSideBuilding, match="upgrade"):
        await list_executions(old, "default")
    projecting = asyncio.create_task(Projector(world.storage.log, old, 0.01).run())
    await asyncio.sleep(0.2)
    projecting.cancel()
    await asyncio.gather(projecting, return_exceptions=True)
    version = await read_database.fetchval("SELECT version FROM read_1.made")
    assert version == VIEWS_VERSION + 1
    await read_database.execute(f"CREATE SCHEMA read_2; CREATE TABLE read_2.made AS SELECT true"
                                f" AS one, {VIEWS_VERSION + 1} AS version")  # fmt: skip
    with pytest.raises(ReadSideBuilding):
        await ReadStore(read_database, 2).open()


async def test_two_projectors_that_replace_old_tables_build_one_generation(
    world: World, read_database: asyncpg.Pool
) -> None:
    await grown(world, 4)
    store = await caught_up(world, read_database)
    expected = await store.fingerprint()
    await read_database.execute("UPDATE read_1.made SET version = 1")
    stores = [ReadStore(read_database) for _ in range(2)]
    for one in stores:
        await one.open()
    running = [asyncio.create_task(Projector(world.storage.log, one, 0.01).run()) for one in stores]
    try:
        await eventually(lambda: _is_live(read_database, 2))
        await eventually(lambda: all(one.generation == 2 for one in stores))
    finally:
        for one in running:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    assert await stores[0].fingerprint() == expected


async def _is_live(pool: asyncpg.Pool, generation: int) -> bool:
    return await pool.fetchval("SELECT live FROM read.generations") == generation


async def _listed(store: ReadStore, count: int) -> bool:
    return len(await list_executions(store, "default", limit=100)) == count
