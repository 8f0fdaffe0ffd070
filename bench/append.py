"""How many events a second one engine appends: `bench/append.py [DSN] [--rows N] [--calls N]`.

Without DSN it starts a Postgres of its own. Each call is one group commit of N events of ten
executions with 280 bytes of data each; printed are events a second and the time of a call, for the
whole call, for making the arguments alone, and for an INSERT .. unnest without any fence.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from uuid import UUID

import asyncpg
from msgspec.structs import astuple, replace

from engine.adapters.postgres.migrate import migrate
from engine.adapters.postgres.storage import PostgresStorage, open_storage
from engine.ports.rows import EVENT_COLUMNS, Append, CommitRow, EventRow, ShardHead
from server.embedded import EmbeddedPostgres

DATA = b'{"action":"%s","arguments":{"customer":"%s"}}' % (b"charge" * 10, b"c" * 180)
SHARD = 3


def batch(head: ShardHead, ids: list[UUID], seq: int, rows: int) -> Append:
    """`rows` events that follow the head, spread over the executions in turns."""
    events = [
        EventRow(
            shard=SHARD,
            position=head.last_position + 1 + number,
            execution_id=ids[number % len(ids)],
            seq=seq + number // len(ids),
            namespace="default",
            type="ActionCompleted",
            version=1,
            at=1_700_000_000_000,
            actor="engine",
            causation=0,
            traceparent=None,
            frame=1,
            node="n1",
            name="Charge",
            branch=None,
            iteration=None,
            attempt=1,
            epoch=head.epoch,
            codec=1,
            key_id=None,
            salt=b"s" * 16,
            data=DATA,
            digest=b"d" * 32,
            hash=b"h" * 32,
        )
        for number in range(rows)
    ]
    commit = CommitRow(
        SHARD,
        head.epoch,
        head.last_position,
        rows,
        0,
        "bench",
        min(ids),
        max(ids),
        b"[]",
        b"h" * 32,
    )
    return Append(commits=[commit], events=events)


async def timed(call: Callable[[], Awaitable[object]]) -> float:
    """Seconds that a call takes."""
    began = time.perf_counter()
    await call()
    return time.perf_counter() - began


def report(name: str, rows: int, seconds: list[float]) -> None:
    """One line: median rate and time."""
    middle = statistics.median(seconds)
    print(f"{name:34} {rows / middle:10,.0f} events/s {middle * 1000:8.2f} ms a call")


async def fenced(storage: PostgresStorage, rows: int, calls: int) -> None:
    """The real thing, one call after the other."""
    head = await storage.leases.claim("bench", SHARD, 3_600_000)
    assert head is not None
    whole: list[float] = []
    encoded: list[float] = []
    ids: list[UUID] = []
    for number in range(calls):
        if number % 10 == 0:
            ids = await storage.inbox.mint(SHARD, 10)
        made = batch(head, ids, 1 + number % 10 * (rows // 10), rows)
        began = time.perf_counter()
        [astuple(event)[:EVENT_COLUMNS] for event in made.events]
        encoded.append(time.perf_counter() - began)
        whole.append(await timed(partial(storage.log.append, made)))
        head = replace(head, last_position=head.last_position + rows)
    report(f"append, {rows} rows", rows, whole[2:])
    report("  of which rows to tuples", rows, encoded[2:])


async def unfenced(dsn: str, storage: PostgresStorage, rows: int, calls: int) -> None:
    """The yardstick: the same columns, keys and array, but no function, head or commit record."""
    session = await asyncpg.connect(dsn)
    await session.execute("CREATE TABLE log.plain (LIKE log.events INCLUDING ALL)")
    head = ShardHead(SHARD, "bench", 1, 0, 0, 0, b"")
    statement = "INSERT INTO log.plain SELECT e.* FROM unnest($1::log.event_v1[]) AS e"
    taken: list[float] = []
    ids: list[UUID] = []
    for number in range(calls):
        if number % 10 == 0:
            ids = await storage.inbox.mint(SHARD, 10)
        made = batch(head, ids, 1 + number % 10 * (rows // 10), rows)
        events = [astuple(row)[:EVENT_COLUMNS] for row in made.events]
        taken.append(await timed(partial(session.execute, statement, events)))
        head = replace(head, last_position=head.last_position + rows)
    await session.close()
    report(f"INSERT .. unnest, {rows} rows", rows, taken[2:])


async def measure(dsn: str, rows: int, calls: int) -> None:
    """Migrate the database and run both."""
    await migrate(dsn)
    storage = await open_storage(dsn, "bench")
    await fenced(storage, rows, calls)
    await unfenced(dsn, storage, rows, calls)
    await storage.close()


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dsn", nargs="?")
    parser.add_argument("--rows", type=int, default=1_000)
    parser.add_argument("--calls", type=int, default=100)
    given = parser.parse_args()
    if given.dsn:
        await measure(given.dsn, given.rows, given.calls)
        return
    with tempfile.TemporaryDirectory(prefix="refold-bench-") as directory:
        async with EmbeddedPostgres(Path(directory)) as postgres:
            await measure(postgres.url, given.rows, given.calls)


if __name__ == "__main__":
    asyncio.run(main())
