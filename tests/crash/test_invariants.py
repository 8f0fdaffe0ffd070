"""The checker finds what it is for: a real log, damaged in one way at a time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import asyncpg
import pytest_asyncio

from engine.adapters.postgres.migrate import ensure_partitions, migrate
from engine.adapters.postgres.storage import PostgresStorage, open_storage
from engine.model.ids import format_execution, idempotency_key
from schemas.events import bodies
from tests.crash import delivery
from tests.crash.invariants import (
    Log,
    Violations,
    check_births,
    check_log,
    check_settled,
    check_takeovers,
)
from tests.crash.journal import Arrival, Journal, Published, Start
from tests.runtime_harness import World, eventually

_DEFINITION = """
id: chaos-calls
version: "1"
specVersion: "0.8"
start: Nap
functions:
  - {name: work, type: custom, operation: "python:crashwork:work"}
events:
  - name: One
    type: chaos.one
    source: /chaos
    correlation: [{contextAttributeName: opid, contextAttributeValue: '${ .op }'}]
states:
  - {name: Nap, type: sleep, duration: PT0.05S, transition: Work}
  - name: Work
    type: operation
    actions:
      - functionRef: {refName: work, arguments: {op: '${ .op + "/work" }'}}
    transition: Wait
  - name: Wait
    type: event
    onEvents: [{eventRefs: [One]}]
    transition: Good
  - {name: Good, type: inject, data: {verdict: good}, end: true}
"""
_LAST = "(SELECT max(position) FROM log.events WHERE shard = s.shard)"
_SOME = "(SELECT min(shard) AS shard FROM log.events) AS s"
_COLUMNS = (
    "namespace, {type}, version, at, actor, causation, traceparent, frame, node, name, branch,"
    " iteration, attempt, epoch, codec, key_id, salt, {data}, digest, hash"
)
_COPY_OF_LAST = f"""
    INSERT INTO log.events
    SELECT e.shard, e.position + 1, e.execution_id, e.seq + 1,
           {_COLUMNS.format(type="e.type", data="e.data")}
    FROM log.events AS e, {_SOME} WHERE e.shard = s.shard AND e.position = {_LAST};
    UPDATE log.shards AS h SET last_position = last_position + 1 FROM {_SOME}
    WHERE h.shard = s.shard
"""
DAMAGE = {
    "an event is gone": (
        f"DELETE FROM log.events AS e USING {_SOME} WHERE e.shard = s.shard AND e.position = 3",
        "positions are not",
    ),
    "an event was changed": (
        "UPDATE log.events SET data = convert_to('{\"verdict\":\"bad\"}', 'UTF8')"
        " WHERE type = 'VariablesAssigned'",
        "was changed",
    ),
    "an event of a fenced owner": (
        f"UPDATE log.events AS e SET epoch = 0 FROM {_SOME}"
        f" WHERE e.shard = s.shard AND e.position = {_LAST}",
        "zombies: shard",
    ),
    "a commit of a fenced owner": (
        "UPDATE log.commits SET epoch = 0 WHERE commit_no > 1",
        "zombies: shard",
    ),
    "a second end": (_COPY_OF_LAST, "broken: shard"),
    "a commit is gone": (
        "DELETE FROM log.commits WHERE commit_no = 2",
        "commit 2 of shard",
    ),
    "the head was set back": (
        "UPDATE log.shards SET last_position = last_position - 1 WHERE last_position > 0",
        "positions are not",
    ),
    "an inbox row was never taken": (
        "INSERT INTO log.inbox (shard, kind, execution_id, namespace, position, body, actor)"
        " SELECT shard, 'cancel', execution_id, namespace, 0, '', 'test' FROM log.executions"
        " LIMIT 1",
        "stuck: log.inbox still has 1 rows",
    ),
    "a start was accepted and forgotten": (
        "INSERT INTO log.start_keys VALUES"
        " ('default', 'chaos-calls', 'k', gen_random_uuid(), '', 0)",
        "lost: start key k names",
    ),
    "a start key made two executions": (
        "INSERT INTO log.start_keys SELECT namespace, workflow, 'again', execution_id, '', 0"
        " FROM log.executions LIMIT 1",
        "has 2 start keys",
    ),
    "a birth is gone": ("DELETE FROM log.executions", "has events and no birth"),
}


@pytest_asyncio.fixture
async def damaged(database: str) -> AsyncIterator[asyncpg.Connection]:
    """A log of three executions; its guards are off for this session."""
    await migrate(database, shards=2)
    await ensure_partitions(database)
    storage = await open_storage(database, "checked", size=4)
    world = World(storage)
    try:
        row = await world.apply(_DEFINITION)
        node = await world.started_node()
        started = [await world.start(row, {"op": f"s0n{n}"}, key=f"s0n{n}") for n in range(3)]
        for n in range(3):
            await world.publish(
                "chaos.one", {}, id=f"s0n{n}-chaos.one", source="/chaos", opid=f"s0n{n}"
            )
        for execution in started:
            await world.closed(execution)
        await eventually(lambda: _is_inbox_empty(storage))
        await node.stop()
    finally:
        await world.close()
        await storage.close()
    connection = await asyncpg.connect(database)
    await connection.execute("SET session_replication_role = replica")
    yield connection
    await connection.close()


async def _is_inbox_empty(storage: PostgresStorage) -> bool:
    return not await storage.inbox.read([0, 1], [], 1)


async def checked(connection: asyncpg.Connection) -> tuple[Log, Violations]:
    log, found = await check_log(connection)
    await check_settled(connection, log, found)
    await check_births(connection, log, found)
    return log, found


async def test_each_damage_of_the_log_is_found(damaged: asyncpg.Connection) -> None:
    assert (await checked(damaged))[1].all == []
    for name, (statements, sign) in DAMAGE.items():
        async with undone(damaged):
            await damaged.execute(statements)
            found = (await checked(damaged))[1].all
            assert any(sign in one for one in found), f"{name}: {found}"


@asynccontextmanager
async def undone(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """A transaction that is always rolled back."""
    transaction = connection.transaction()
    await transaction.start()
    try:
        yield
    finally:
        await transaction.rollback()


async def test_each_broken_promise_to_the_world_is_found(damaged: asyncpg.Connection) -> None:
    log, _ = await checked(damaged)
    execution, events = next(iter(log.events.items()))
    call = next(one for one in events if isinstance(one.body, bodies.ActionScheduled))
    key = idempotency_key(execution, call.frame, call.node)
    at = log.committed_at[execution, call.seq]
    op = call.body.arguments["op"]

    def of(journal: Journal, work: list[tuple[str, float]]) -> list[str]:
        found = Violations()
        delivery.check_starts(journal, log, found)
        delivery.check_actions(journal, work, log, found)
        delivery.check_consumption(journal, log, found)
        delivery.check_outcomes(journal, log, found)
        delivery.check_answers(journal, {}, log, found)
        return found.all

    good = Journal(arrivals=[Arrival(op, key, 1, at + 1, True)])
    assert of(good, [(op, at + 1)]) == []
    early = Journal(arrivals=[Arrival(op, key, 1, at - 1, None)])
    assert any("arrived before its intent" in one for one in of(early, []))
    unseen = Journal(arrivals=[Arrival(op, key, 1, at + 1, False)])
    assert any("arrived before its intent" in one for one in of(unseen, []))
    twice = Journal(
        arrivals=[Arrival(op, key, 1, at + 1, True), Arrival(op, f"{key}x", 1, at + 1, True)]
    )
    assert any("under 2 keys" in one for one in of(twice, []))
    assert any("began before its intent" in one for one in of(good, [(op, at - 1)]))
    forgotten = format_execution(UUID(int=execution.int ^ 1))
    lost = Journal(starts={"k": Start("k", "chaos-calls", "k", forgotten, {forgotten})})
    assert any(one.startswith("lost: start k") for one in of(lost, []))
    both = {format_execution(one) for one in log.events}
    doubled = Journal(starts={"k": Start("k", "chaos-calls", "k", None, both)})
    assert any(one.startswith("doubled: start k") for one in of(doubled, []))
    unborn = Journal(
        ops={"s9n9": "chaos-trigger"},
        events={
            "s9n9-chaos.begin": Published("s9n9-chaos.begin", "chaos.begin", "s9n9", "nats", True)
        },
    )
    assert any("started no chaos-trigger" in one for one in of(unborn, []))


async def test_a_commit_after_the_next_owner_was_seen_is_found(damaged: asyncpg.Connection) -> None:
    last = await damaged.fetchrow("SELECT * FROM log.commits ORDER BY committed_at DESC LIMIT 1")
    at = last["committed_at"].timestamp()
    after, before = Violations(), Violations()
    await check_takeovers(damaged, {(last["shard"], last["epoch"] + 1): at + 0.001}, after)
    await check_takeovers(damaged, {(last["shard"], last["epoch"] + 1): at - 0.0005}, before)
    assert after.zombies == []
    assert before.zombies


async def test_a_lost_cloudevent_is_found(damaged: asyncpg.Connection) -> None:
    journal = Journal(events={"x": Published("x", "chaos.one", "s0n0", "http", acked=True)})
    found = Violations()
    await delivery.check_cloudevents(damaged, journal, found)
    assert found.lost == ["CloudEvent x was acknowledged over http: not in the stream"]
