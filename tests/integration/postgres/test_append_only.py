"""Nobody changes or removes an event: the engine's role has no right to, others meet a trigger."""

import asyncpg
import pytest

from engine.ports.audit import Deed
from engine.ports.rows import BirthRow
from tests.conformance.storage.builders import NAMESPACE, SHARD, batch, next_events

LOG_TABLES = ("events", "executions", "commits")


@pytest.fixture
async def engine(open_engine):
    """An engine whose log has one event."""
    storage = await open_engine("e1")
    head = await storage.leases.claim("e1", SHARD, 60_000)
    [one] = await storage.inbox.mint(SHARD, 1)
    birth = BirthRow(SHARD, one, NAMESPACE, "order", "1", "hash", "cncf-0.8", 1, None)
    await storage.log.append(batch(head, next_events(head, one, 1, 1), births=[birth]))
    return storage


async def partition_of(session, table):
    return await session.fetchval("SELECT tableoid::regclass::text FROM log." + table + " LIMIT 1")


VERBS = [
    "UPDATE log.{0} SET shard = 0",
    "DELETE FROM log.{0}",
    "TRUNCATE log.{0}",
    "TRUNCATE log.{0} CASCADE",
    "DROP TABLE log.{0}",
    "ALTER TABLE log.{0} DISABLE TRIGGER ALL",
    "ALTER TABLE log.{0} ADD COLUMN more int",
    "INSERT INTO log.{0} SELECT * FROM log.{0}",
    "INSERT INTO log.{0} SELECT * FROM log.{0} ON CONFLICT DO NOTHING",
    "INSERT INTO log.{0} SELECT * FROM log.{0} ON CONFLICT ({1}) DO UPDATE SET shard = 0",
    "COPY log.{0} FROM PROGRAM 'true'",
    "DO 'BEGIN LOCK TABLE log.{0} IN ACCESS EXCLUSIVE MODE; END'",
    "SELECT * FROM log.{0} FOR UPDATE",
    "CREATE RULE gone AS ON INSERT TO log.{0} DO INSTEAD NOTHING",
    "CREATE TRIGGER extra BEFORE INSERT ON log.{0} FOR EACH ROW"
    " EXECUTE FUNCTION log.refuse_change()",
    "MERGE INTO log.{0} AS t USING log.{0} AS s ON t.shard = s.shard WHEN MATCHED THEN DELETE",
]
BENEATH = [
    "SET session_replication_role = replica",
    "UPDATE log.shards SET last_position = 0",
    "UPDATE log.shards SET owner = 'me'",
    "DELETE FROM log.start_keys",
    "UPDATE log.meta SET shards = 1",
    "DELETE FROM log.inbox",
    "INSERT INTO log.inbox (shard, kind, execution_id, namespace, position, body, actor)"
    " VALUES (1, 'cancel', gen_random_uuid(), 'n', 0, '', '')",
    "UPDATE log.streams SET head = 0",
    "DELETE FROM log.cloudevents",
    "DELETE FROM log.migrations",
    "SELECT log.advance_heads_v1('{}', '{}')",
    "SELECT log.put_matches_v1('n', '{}')",
    "SELECT log.ensure_partitions_v1(1)",
    "SELECT log.grant_engine_v1()",
    "INSERT INTO log.audit SELECT * FROM log.audit",
    "UPDATE log.audit SET actor = 'nobody'",
    "DELETE FROM log.audit",
    "TRUNCATE log.audit",
    "UPDATE log.audit_heads SET position = 0",
    "SELECT log.locked_audit_head_v1('n')",
    "CREATE TABLE log.mine (n int)",
    "ALTER FUNCTION log.refuse_change() RENAME TO other",
]


async def admitted(storage, statements):
    """The statements that the engine's role is not refused."""
    async with storage.database.connection() as session:
        assert await session.fetchval("SELECT current_user") == "refold_engine"
        passed = []
        for statement in statements:
            try:
                await session.execute(statement)
            except asyncpg.InsufficientPrivilegeError:
                continue
            passed.append(statement)
        return passed


@pytest.mark.parametrize("table", LOG_TABLES)
async def test_the_engines_role_is_refused_every_verb(engine, table):
    keys = {"events": "shard, execution_id, seq", "executions": "shard, execution_id"}
    key = keys.get(table, "shard, commit_no")
    assert await admitted(engine, [verb.format(table, key) for verb in VERBS]) == []


async def test_what_the_log_rests_on_is_out_of_reach_too(engine):
    assert await admitted(engine, BENEATH) == []


async def test_a_partition_is_as_closed_as_its_table(engine, owner):
    partition = await partition_of(owner, "events")
    verbs = (
        "DELETE FROM {}",
        "UPDATE {} SET seq = 9",
        "TRUNCATE {}",
        "DROP TABLE {}",
        "ALTER TABLE log.events DETACH PARTITION {}",
    )
    assert await admitted(engine, [verb.format(partition) for verb in verbs]) == []


@pytest.mark.parametrize("table", LOG_TABLES)
async def test_the_owner_meets_a_trigger(engine, owner, table):
    partition = await partition_of(owner, table)
    for place in {f"log.{table}", partition}:
        for verb in ("UPDATE {} SET shard = shard", "DELETE FROM {}", "TRUNCATE {}"):
            with pytest.raises(asyncpg.PostgresError) as refused:
                await owner.execute(verb.format(place))
            assert refused.value.sqlstate == "RF003"
    assert await owner.fetchval(f"SELECT count(*) FROM log.{table}") == 1


async def test_functions_run_with_a_search_path_that_callers_cannot_bend(owner):
    """Or, if they run with their caller's rights, were bound to what they name when made."""
    loose = await owner.fetch(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'log'::regnamespace"
        " AND NOT coalesce(proconfig @> ARRAY['search_path=pg_catalog, pg_temp'], false)"
        " AND NOT (prosqlbody IS NOT NULL AND NOT prosecdef)"
    )
    assert loose == []


async def test_the_public_has_no_rights(owner):
    public = await owner.fetch(
        "SELECT proname FROM pg_proc WHERE pronamespace = 'log'::regnamespace"
        " AND has_function_privilege('pg_monitor', oid, 'EXECUTE')"
    )
    assert public == []
    assert not await owner.fetchval("SELECT has_schema_privilege('pg_monitor', 'log', 'USAGE')")


async def test_every_table_function_and_view_is_described(owner):
    silent = await owner.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'log'::regnamespace"
        " AND relkind IN ('r', 'p', 'v') AND NOT relispartition AND relname <> 'migrations'"
        " AND obj_description(oid, 'pg_class') IS NULL UNION ALL"
        " SELECT proname FROM pg_proc WHERE pronamespace = 'log'::regnamespace"
        " AND obj_description(oid, 'pg_proc') IS NULL"
    )
    assert silent == []


@pytest.mark.parametrize("verb", ["UPDATE {} SET actor = ''", "DELETE FROM {}", "TRUNCATE {}"])
async def test_the_owner_cannot_change_the_audit_either(engine, owner, verb):
    await engine.audit.record(Deed(NAMESPACE, "key:ann", "thing.done", "x"))
    with pytest.raises(asyncpg.PostgresError) as refused:
        await owner.execute(verb.format("log.audit"))
    assert refused.value.sqlstate == "RF003"
