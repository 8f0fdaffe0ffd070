"""The engine lives on while its Postgres is killed and comes back."""

from engine.adapters.postgres.migrate import ensure_partitions, migrate
from engine.adapters.postgres.storage import open_storage
from server.embedded import EmbeddedPostgres
from tests.runtime_harness import World, eventually, steps
from tests.unit.runtime.test_faults import whole


async def test_executions_go_on_after_postgres_was_killed_twice(
    postgres_server: EmbeddedPostgres,
) -> None:
    url = postgres_server.url
    await migrate(url, shards=8)
    await ensure_partitions(url)
    storage = await open_storage(url, "lasting")
    world = World(storage)
    try:
        row = await world.apply(steps("line", 10))
        node = await world.started_node()
        await eventually(lambda: len(node.owned_shards) == 8)
        ids = [await world.start(row) for _ in range(100)]
        for share in (3, 6):
            await eventually(lambda: node.counters.steps > 100 * share)  # noqa: B023 - awaited here
            await postgres_server.kill()
            await postgres_server.restart()
        await eventually(
            lambda: node.counters.actions_in_flight == 0 and not node.counters.hot_executions, 60
        )
        for execution_id in ids:
            assert (await world.closed(execution_id, 60)).phase == "completed"
            await whole(world, execution_id)
        assert node.counters.loop_failures > 0
    finally:
        await world.close()
        await storage.close()
