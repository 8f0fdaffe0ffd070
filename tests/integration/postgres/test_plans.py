"""Hot statements look things up by key, also when planned on tables that were empty."""

import json

import pytest

from engine.adapters.postgres.statements import load
from engine.model.ids import shard_of_namespace
from engine.ports.rows import Handle, Match, SubscriptionRow, TimerRow
from tests.conformance.storage.builders import NAMESPACE, SHARD, batch, cloudevent, start

ROWS = 20_000
STREAM_SHARD = shard_of_namespace(NAMESPACE, 64)

# Read as often as tables move; the parameters that the plan is made for find nothing.
NIL = "'00000000-0000-0000-0000-000000000000'"
HOT = [
    ("log", "read_execution", "integer, uuid, integer, integer, integer",
     f"1, {NIL}, 0, 2147483647, 100"),
    ("log", "last_event", "integer, uuid", f"1, {NIL}"),
    ("log", "read_shard", "integer, bigint, bigint, integer", "1, 0, 100, 100"),
    ("log", "load_snapshots", "integer[], uuid[]", f"'{{1}}', ARRAY[{NIL}]::uuid[]"),
    ("log", "kept_snapshot", "integer, uuid, integer, integer, integer", f"1, {NIL}, 0, 9, 1"),
    ("log", "seq_at", "integer, uuid, bigint", f"1, {NIL}, 100"),
    ("inbox", "read", "integer[], bigint[], integer", "'{1,2}', '{5}', 100"),
    ("inbox", "is_accepted", "integer, uuid, text", f"1, {NIL}, 'n'"),
    ("indexes", "due_timers", "integer[], bigint, integer", "'{1,2}', 0, 100"),
    ("indexes", "open_actions", "integer[]", "'{1,2}'"),
    ("indexes", "gatherings", "integer, text, bytea", "1, 't', 'k'"),
    ("streams", "read_types", "text, bigint, bigint, integer, text[]", "'n', 0, 9, 100, '{a}'"),
    ("streams", "read_keyed_types", "text, bigint, bigint, integer, text[], bytea",
     "'n', 0, 9, 100, '{a}', 'k'"),
    ("streams", "subscribers", "text, text[], bytea[]", "'n', '{a}', ARRAY['k']::bytea[]"),
    ("catalog", "find_birth", "integer, uuid, text", f"1, {NIL}, 'n'"),
    ("catalog", "find_by_key", "text, text, text", "'n', 'w', 'k'"),
]  # fmt: skip


def scans(plan):
    """Nodes of a plan that read a whole table."""
    found = [plan] if plan["Node Type"] in {"Seq Scan", "Parallel Seq Scan"} else []
    return found + [scan for part in plan.get("Plans", []) for scan in scans(part)]


@pytest.mark.parametrize(
    ("area", "name", "types", "arguments"), HOT, ids=[f"{one[0]}.{one[1]}" for one in HOT]
)
async def test_a_read_planned_on_empty_tables_uses_an_index(
    open_engine, area, name, types, arguments
):
    storage = await open_engine("e1")
    async with storage.database.connection() as session:
        await session.execute(f"PREPARE hot ({types}) AS {load(area)[name]}")
        await session.execute("SET plan_cache_mode = force_generic_plan")
        text = await session.fetchval(f"EXPLAIN (FORMAT JSON) EXECUTE hot ({arguments})")
        [explained] = json.loads(text)
        assert scans(explained["Plan"]) == []
        assert "JIT" not in explained


async def rows_read(owner):
    """Rows read so far, by table, by whatever scan; tables of few rows are not counted."""
    await owner.execute("SELECT pg_stat_force_next_flush()")
    rows = await owner.fetch(
        "SELECT relname, seq_tup_read + coalesce(idx_tup_fetch, 0) AS rows_read"
        " FROM pg_stat_user_tables"
        " WHERE schemaname = 'log' AND relname NOT IN ('shards', 'streams', 'meta', 'engines')"
    )
    return {row["relname"]: row["rows_read"] for row in rows}


async def flush(storage):
    """Make the engine's session report what it read."""
    async with storage.database.connection() as session:
        await session.execute("SELECT pg_stat_force_next_flush()")
        await session.execute("SELECT 1")


async def fill(owner):
    """Many rows at once, and no fresh statistics."""
    for table in (
        "inbox",
        "timers",
        "subscriptions",
        "start_keys",
        "snapshots",
        "cloudevents_dedup",
    ):
        await owner.execute(f"ALTER TABLE log.{table} SET (autovacuum_enabled = off)")
    await owner.execute(
        f"""
        INSERT INTO log.inbox (shard, kind, execution_id, namespace, position, body, actor)
        SELECT 5, 'cancel', gen_random_uuid(), 'x', 0, '', '' FROM generate_series(1, {ROWS});
        INSERT INTO log.timers SELECT 5, gen_random_uuid(), 1, 9e15 FROM generate_series(1, {ROWS});
        INSERT INTO log.subscriptions
        SELECT 5, gen_random_uuid(), 1, 'a', 'x', 't', sha256(n::text::bytea), 0
        FROM generate_series(1, {ROWS}) AS n;
        INSERT INTO log.snapshots
        SELECT 5, gen_random_uuid(), 1, 1, '' FROM generate_series(1, {ROWS});
        INSERT INTO log.start_keys
        SELECT 'default', 'order', n::text, gen_random_uuid(), '', 0
        FROM generate_series(1, {ROWS}) AS n;
        INSERT INTO log.cloudevents_dedup
        SELECT 'default', sha256(n::text::bytea), n, '' FROM generate_series(1, {ROWS}) AS n;
        """
    )


async def work(storage, numbers):
    """Rounds of what engines do all the time; each finds its few rows by key."""
    lease = await storage.leases.claim("e1", STREAM_SHARD, 60_000)
    for number in numbers:
        await start(storage.inbox, f"key-{number}")
        await start(storage.inbox, f"key-{number}", f"more-{number}")
        await storage.streams.ingest(NAMESPACE, [cloudevent(number, keys=(b"k",))] * 2)
        [one] = await storage.inbox.mint(SHARD, 1)
        head = await storage.log.locked_head(SHARD)
        wait = SubscriptionRow(SHARD, one, 1, "a", "n", "t", None, 0)
        await storage.log.append(
            batch(
                head,
                [],
                timers_set=[TimerRow(SHARD, one, 1, 5)],
                timers_cleared=[Handle(SHARD, one, 1)],
                subscriptions_opened=[wait],
                subscriptions_closed=[Handle(SHARD, one, 1)],
                gatherings_closed=[Handle(SHARD, one, 1)],
                actions_closed=[(SHARD, one)],
                inbox_taken=[(SHARD, number)],
            )
        )
        to = await storage.streams.head(NAMESPACE)
        await storage.log.load_snapshots([(SHARD, one)])
        await storage.inbox.read(range(SHARD), [], 100)
        await storage.indexes.due_timers(range(64), 5, 100)
        await storage.streams.subscribers("x", ["t"], [b"nobody", b"none"])
        await storage.streams.read(NAMESPACE, ["order.placed"], to - 1, to, b"k")
        matches = [
            Match("hint", SHARD, to, one),
            Match("start", SHARD, to, workflow="order", start_key=f"key-{number}"),
        ]
        await storage.streams.advance(STREAM_SHARD, lease.epoch, NAMESPACE, to - 1, to, matches)


async def test_functions_planned_on_empty_tables_still_look_up_by_key(owner, open_engine):
    storage = await open_engine("e1")
    await storage.leases.claim("e1", SHARD, 60_000)
    # More rounds than it takes for a session to settle on a generic plan.
    await work(storage, range(1, 13))
    await fill(owner)
    await flush(storage)
    before = await rows_read(owner)
    await work(storage, range(13, 25))
    await flush(storage)
    after = await rows_read(owner)
    grown = {name: count - before.get(name, 0) for name, count in after.items()}
    assert {name: count for name, count in grown.items() if count > 1_000} == {}
