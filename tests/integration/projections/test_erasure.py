"""What was erased from the log leaves the read tables, and no rebuild brings it back."""

from typing import Any
from uuid import UUID

import asyncpg
from msgspec.structs import replace

from projections.questions.executions import list_executions
from projections.runner import Projector, rebuild
from projections.store import ReadStore
from tests.integration.projections.growing import caught_up, grown
from tests.runtime_harness import World


class Erased:
    """A log in which the events of some executions cannot be read any more."""

    def __init__(self, log: Any, gone: set[UUID]) -> None:
        self._log = log
        self._gone = gone
        self.heads = log.heads
        self.read_execution = log.read_execution
        self.kept_snapshot = log.kept_snapshot

    async def read_shard(self, *span: Any) -> Any:
        return [
            replace(row, erased=True, data=b"\0") if row.execution_id in self._gone else row
            for row in await self._log.read_shard(*span)
        ]


async def test_erased_executions_leave_all_read_tables_for_good(
    world: World, read_database: asyncpg.Pool
) -> None:
    ids = await grown(world, 6)
    store = await caught_up(world, read_database)
    gone = {ids[1], ids[-1]}
    await read_database.executemany(
        "INSERT INTO log.erased (execution_id, done_no) VALUES ($1, 1)", [(one,) for one in gone]
    )
    assert await store.drop_erased() == len(gone)
    assert await store.drop_erased() == 0
    tables = await read_database.fetch(
        "SELECT table_name FROM information_schema.columns WHERE table_schema = 'read_1'"
        " AND column_name = 'execution_id' AND table_name <> 'dropped'"
    )
    assert len(tables) > 5
    for (table,) in tables:
        left = await read_database.fetchval(
            f"SELECT count(*) FROM read_1.{table} WHERE execution_id = ANY($1)", list(gone)
        )
        assert left == 0, table
    listed = {row["execution_id"] for row in await list_executions(store, "default", limit=100)}
    assert listed == set(ids) - gone
    before = await store.fingerprint()
    log = Erased(world.storage.log, gone)
    assert await rebuild(log, store, store.beside()) == before


async def test_what_is_not_wholly_read_yet_is_dropped_later(
    world: World, read_database: asyncpg.Pool
) -> None:
    ids = await grown(world, 3)
    store = ReadStore(read_database)
    await store.open()
    await read_database.execute(
        "INSERT INTO log.erased (execution_id, done_no) VALUES ($1, 1)", ids[0]
    )
    assert await store.drop_erased() == 0, "a batch under way could bring it back"
    while await Projector(world.storage.log, store).catch_up():
        continue
    assert await store.drop_erased() == 1
