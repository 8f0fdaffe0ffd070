"""Migrations run once, in order, from wherever they are called; a file that ran is not changed."""

import asyncio
import uuid
from urllib.parse import urlsplit

import asyncpg
import pytest

from engine.adapters.postgres.migrate import Migration, ensure_partitions, migrate, migrations
from engine.adapters.postgres.storage import open_storage
from engine.core.chain import genesis
from engine.model.errors import Conflict, Unavailable

FILES = [migration.name for migration in migrations("log")]


async def value(dsn, statement, *arguments):
    session = await asyncpg.connect(dsn)
    try:
        return await session.fetchval(statement, *arguments)
    finally:
        await session.close()


async def test_a_second_run_does_nothing(database):
    assert await migrate(database) == FILES
    cluster = await value(database, "SELECT cluster_id FROM log.meta")
    assert await migrate(database) == []
    assert await value(database, "SELECT cluster_id FROM log.meta") == cluster


async def test_runs_at_the_same_time_do_the_work_once(database):
    ran = await asyncio.gather(*(migrate(database) for _ in range(5)))
    assert sorted(ran) == [[], [], [], [], FILES]
    assert await value(database, "SELECT count(*) FROM log.migrations") == len(FILES)


async def test_a_changed_past_file_is_refused_and_nothing_runs(database):
    await migrate(database)
    known = migrations("log")
    changed = [known[0]._replace(text=known[0].text + "\n-- a change"), *known[1:]]
    later = Migration(len(known) + 1, f"{len(known) + 1:04d}_later.sql", "CREATE TABLE log.z ()")
    with pytest.raises(Conflict, match="0001_installation"):
        await migrate(database, files_to_run=[*changed, later])
    assert await value(database, "SELECT to_regclass('log.z')") is None


async def test_a_file_that_fails_leaves_nothing_of_itself(database):
    good = Migration(1, "0001_good.sql", "CREATE TABLE log.good ()")
    bad = Migration(2, "0002_bad.sql", "CREATE TABLE log.half (); SELECT 1 / 0")
    with pytest.raises(asyncpg.DivisionByZeroError):
        await migrate(database, files_to_run=[good, bad])
    assert await value(database, "SELECT to_regclass('log.good')") is not None
    assert await value(database, "SELECT to_regclass('log.half')") is None
    mended = bad._replace(text="CREATE TABLE log.half ()")
    assert await migrate(database, files_to_run=[good, mended]) == ["0002_bad.sql"]


async def test_the_number_of_shards_is_chosen_once(database):
    await migrate(database, shards=8)
    await migrate(database, shards=16)
    assert await value(database, "SELECT shards FROM log.meta") == 8
    assert await value(database, "SELECT count(*) FROM log.shards") == 8


async def test_a_number_of_shards_that_no_id_can_hold_is_refused(database):
    with pytest.raises(asyncpg.CheckViolationError):
        await migrate(database, shards=4_097)


async def test_the_chain_of_every_shard_begins_at_its_genesis(database):
    await migrate(database, shards=8)
    storage = await open_storage(database, "e1")
    heads = await storage.log.heads()
    cluster = storage.installation.cluster_id
    assert [head.hash for head in heads] == [genesis(cluster, shard) for shard in range(8)]
    await storage.close()


async def test_two_installations_have_secrets_of_their_own(database, postgres_url):
    await migrate(database)
    first = await value(database, "SELECT callback_secret FROM log.meta")
    name = f"test_{uuid.uuid4().hex}"
    await value(postgres_url, f'CREATE DATABASE "{name}"')
    other = urlsplit(postgres_url)._replace(path=f"/{name}").geturl()
    await migrate(other)
    assert await value(other, "SELECT callback_secret FROM log.meta") != first
    await value(postgres_url, f'DROP DATABASE "{name}"')


async def test_an_owner_without_the_right_to_make_roles_can_migrate(database):
    name = f"owner_{uuid.uuid4().hex[:12]}"
    session = await asyncpg.connect(database)
    await session.execute(f"CREATE ROLE {name} NOLOGIN NOCREATEROLE")
    try:
        await session.execute(f"GRANT CREATE ON DATABASE {session_database(database)} TO {name}")
        await session.execute(f"SET ROLE {name}")
        for migration in migrations("log"):
            if migration.number == 1:
                await session.execute("CREATE SCHEMA log")
            await session.execute(migration.text)
        assert await session.fetchval("SELECT count(*) FROM log.shards") == 64
    finally:
        await session.execute("RESET ROLE")
        await session.execute(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")
        await session.close()


def session_database(dsn):
    return '"' + urlsplit(dsn).path.lstrip("/") + '"'


async def test_partitions_are_made_ahead_and_only_where_missing(log_database, owner):
    assert await ensure_partitions(log_database, 3) == 0
    assert await ensure_partitions(log_database, 5) == 4
    made = await asyncio.gather(*(ensure_partitions(log_database, 7) for _ in range(4)))
    assert sorted(made) == [0, 0, 0, 4]


async def test_a_partition_holds_the_ids_of_its_month_in_utc(owner):
    bound = await owner.fetchval("SELECT log.first_id_v1('2027-01-01')")
    assert (bound.int >> 80, bound.int & (1 << 80) - 1) == (1_798_761_600_000, 0)
    for zone in ("Pacific/Auckland", "America/Los_Angeles"):
        await owner.execute(f"SET timezone = '{zone}'")
        assert await owner.fetchval("SELECT log.first_id_v1('2027-01-01')") == bound


async def test_a_database_that_was_not_migrated_says_so(database):
    with pytest.raises(Unavailable, match="migrate"):
        await open_storage(database, "e1")
