"""An append whose reply is lost may have committed: it says so, and the locked head tells."""

import asyncio

import pytest

from engine.adapters.postgres.log import PostgresLog
from engine.adapters.postgres.pool import open_database
from engine.model.errors import OutcomeUnknown, Unavailable
from engine.ports.rows import Receipt
from tests.conformance.storage.builders import NAMESPACE, SHARD, batch, cloudevent, next_events
from tests.integration.postgres.proxy import proxy

GIVEN_UP_AFTER_S = 60


@pytest.fixture
async def line(log_database):
    async with proxy(log_database) as relay:
        yield relay


@pytest.fixture
async def direct(open_engine):
    """Another engine with a line of its own; it has the lease."""
    return await open_engine("direct")


@pytest.fixture
async def made(direct):
    """A batch of three events that fits the head."""
    head = await direct.leases.claim("e1", SHARD, 60_000)
    [one] = await direct.inbox.mint(SHARD, 1)
    return batch(head, next_events(head, one, 1, 3))


async def test_a_reply_that_is_cut_off_leaves_a_committed_append(line, open_engine, direct, made):
    storage = await open_engine("e1", line.url)
    # The first append makes the session know the statement, so that the second is one message.
    await storage.log.append(made)
    head = await storage.log.locked_head(SHARD)
    one = made.events[0].execution_id
    line.replies_lost = True
    appending = asyncio.create_task(storage.log.append(batch(head, next_events(head, one, 4, 2))))
    async with asyncio.timeout(GIVEN_UP_AFTER_S):
        while (await direct.log.locked_head(SHARD)).last_position < 5:
            assert not appending.done()
    line.cut()
    with pytest.raises(OutcomeUnknown):
        await appending
    line.replies_lost = False
    assert (await storage.log.locked_head(SHARD)).last_position == 5
    assert len(await storage.log.read_execution(one)) == 5


async def test_a_request_that_never_arrived_leaves_nothing(line, direct, made):
    database = await open_database(line.url, "e1", size=1, command_timeout_s=0.3)
    log = PostgresLog(database)
    await log.heads()
    line.requests_lost = True
    with pytest.raises(OutcomeUnknown):
        await log.append(made)
    line.cut()
    line.requests_lost = False
    assert (await direct.log.locked_head(SHARD)).last_position == 0
    await log.append(made)
    assert (await log.locked_head(SHARD)).last_position == 3
    await database.close()


async def test_the_locked_head_waits_for_an_append_in_flight(owner, direct, made):
    running = owner.transaction()
    await running.start()
    await owner.execute(
        "UPDATE log.shards SET last_position = 3, hash = 'later' WHERE shard = $1", SHARD
    )
    asking = asyncio.create_task(direct.log.locked_head(SHARD))
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND wait_event_type = 'Lock'"
    )
    async with asyncio.timeout(GIVEN_UP_AFTER_S):
        while not await owner.fetchval(waiting):
            assert not asking.done()
            # A transaction sees one picture of the activity unless it throws it away.
            await owner.execute("SELECT pg_stat_clear_snapshot()")
    await running.commit()
    assert (await asking).last_position == 3


async def test_terminated_sessions_are_replaced_by_new_ones(owner, direct, made):
    for _ in range(3):
        await direct.log.heads()
    await owner.fetch(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        " WHERE application_name = 'refold/direct'"
    )
    for _ in range(4):
        try:
            await direct.log.heads()
        except Unavailable:
            continue
    await direct.log.append(made)
    assert (await direct.log.locked_head(SHARD)).last_position == 3


async def test_other_calls_that_lose_their_line_say_try_again(line, open_engine):
    storage = await open_engine("e1", line.url)
    await storage.streams.ingest(NAMESPACE, [cloudevent(1)])
    line.replies_lost = True
    line.server_spoke.clear()
    ingesting = asyncio.create_task(storage.streams.ingest(NAMESPACE, [cloudevent(2)]))
    async with asyncio.timeout(GIVEN_UP_AFTER_S):
        await line.server_spoke.wait()
    line.cut()
    with pytest.raises(Unavailable):
        await ingesting
    line.replies_lost = False
    [receipt] = await storage.streams.ingest(NAMESPACE, [cloudevent(2)])
    assert receipt == Receipt(2, "duplicate")


async def test_a_server_that_is_not_there_is_unavailable():
    with pytest.raises(Unavailable):
        await open_database("postgresql://nobody@127.0.0.1:1/none", "e1")
