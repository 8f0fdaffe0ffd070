"""A frozen owner neither blocks a takeover nor writes after it."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import asyncpg
import pytest

from engine.model.errors import Fenced
from tests.conformance.storage.builders import SHARD, batch, grow, next_events

GIVEN_UP_AFTER_S = 60
ROOT = Path(__file__).resolve().parents[3]

# Claims the shard for a tenth of a second and appends as fast as it can, until it is fenced.
OWNER = """
import asyncio, sys
from engine.adapters.postgres.storage import open_storage
from engine.model.errors import Fenced
from tests.conformance.storage.builders import SHARD, grow

async def main():
    storage = await open_storage(sys.argv[1], "frozen", size=2)
    head = await storage.leases.claim("frozen", SHARD, 100)
    [one] = await storage.inbox.mint(SHARD, 1)
    seq = 1
    print("ready", flush=True)
    try:
        while True:
            head = await grow(storage.log, head, one, seq, 20)
            seq += 20
    except Fenced:
        print("fenced", flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("stopped_after_s", [0.11, 0.153, 0.207, 0.251])
async def test_a_stopped_owner_writes_nothing_after_the_takeover(
    log_database, open_engine, stopped_after_s
):
    taker = await open_engine("taker")
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, log_database,
        cwd=ROOT, stdout=asyncio.subprocess.PIPE, env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    try:
        assert await child.stdout.readline() == b"ready\n"
        await asyncio.sleep(stopped_after_s)
        child.send_signal(signal.SIGSTOP)
        head = None
        async with asyncio.timeout(GIVEN_UP_AFTER_S):
            while head is None:
                head = await taker.leases.claim("taker", SHARD, 60_000)
        assert (head.owner, head.epoch) == ("taker", 2)
        [mine] = await taker.inbox.mint(SHARD, 1)
        head = await grow(taker.log, head, mine, 1, 5)
        child.send_signal(signal.SIGCONT)
        async with asyncio.timeout(GIVEN_UP_AFTER_S):
            assert await child.stdout.readline() in {b"fenced\n", b""}
            await child.wait()
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    head = await grow(taker.log, head, mine, 6, 5)
    rows = await taker.log.read_shard(SHARD, 0, head.last_position, limit=1_000_000)
    assert [row.position for row in rows] == list(range(1, head.last_position + 1))
    assert [row.epoch for row in rows] == sorted(row.epoch for row in rows)
    assert [row.seq for row in rows if row.epoch == 2] == list(range(1, 11))
    assert any(row.epoch == 1 for row in rows), "the owner was stopped before it wrote"


async def stuck_append(dsn: str, storage, name: str) -> tuple[asyncpg.Connection, object]:
    """A session of `name` that has run an append and will not end it, and the head before it."""
    head = await storage.leases.claim(name, SHARD, 0)
    session = await asyncpg.connect(dsn, server_settings={"application_name": f"refold/{name}"})
    await session.execute("BEGIN")
    await session.execute("SELECT * FROM log.shards WHERE shard = $1 FOR NO KEY UPDATE", SHARD)
    return session, head


async def test_a_session_stuck_in_an_append_is_ended_by_the_takeover(log_database, open_engine):
    taker = await open_engine("taker")
    session, old = await stuck_append(log_database, taker, "frozen")
    head = await taker.leases.claim("taker", SHARD, 60_000)
    assert (head.owner, head.epoch) == ("taker", old.epoch + 1)
    with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError)):
        await session.execute("COMMIT")
    [one] = await taker.inbox.mint(SHARD, 1)
    with pytest.raises(Fenced):
        await taker.log.append(batch(old, next_events(old, one, 1, 1)))
    await grow(taker.log, head, one, 1, 1)


async def test_a_takeover_ends_nobody_elses_sessions(log_database, open_engine):
    taker, bystander = await open_engine("taker"), await open_engine("bystander")
    async with bystander.database.connection() as held:
        pid = await held.fetchval("SELECT pg_backend_pid()")
        await stuck_append(log_database, taker, "frozen")
        assert await taker.leases.claim("taker", SHARD, 60_000)
        assert await held.fetchval("SELECT pg_backend_pid()") == pid


async def test_a_held_shard_is_refused_without_waiting_for_its_append(log_database, open_engine):
    taker = await open_engine("taker")
    holder = await open_engine("holder")
    assert await holder.leases.claim("holder", SHARD, 60_000)
    session = await asyncpg.connect(log_database)
    async with session.transaction():
        await session.execute("SELECT 1 FROM log.shards WHERE shard = $1 FOR NO KEY UPDATE", SHARD)
        assert await taker.leases.claim("taker", SHARD, 60_000) is None
    await session.close()
