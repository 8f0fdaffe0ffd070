"""Engines keep snapshots of the past while executions run, and leave those of closed ones."""

import pytest
from msgspec.structs import replace

from engine.core.replay import fold
from engine.model.errors import Unavailable
from engine.model.ids import shard_of
from engine.ports.codec import event_of
from engine.ports.snapshots import state_of
from tests.runtime_harness import QUICK, World, eventually, steps

OFTEN = replace(QUICK, snapshot_every=30, sweep_interval_ms=600_000)


async def kept_of(world: World, execution_id) -> dict[int, object]:
    rows = world.storage.store.kept_snapshots[shard_of(execution_id), execution_id]
    return {seq: state_of(row) for seq, row in rows.items()}


async def test_a_running_execution_leaves_snapshots_without_waiting_for_a_sweep(world: World):
    row = await world.apply(steps("long", 40))
    node = await world.started_node(settings=OFTEN)
    execution_id = await world.start(row)
    await world.closed(execution_id)
    events = [event_of(one) for one in await world.rows(execution_id)]
    await eventually(lambda: node.counters.kept_snapshots >= 2)
    kept = await kept_of(world, execution_id)
    assert min(kept) >= 30
    for seq, state in kept.items():
        assert state == fold(execution_id, events[:seq])


@pytest.mark.parametrize("fault", [Unavailable("away"), RuntimeError("no right")])
async def test_a_snapshot_that_cannot_be_kept_costs_nothing_else(world: World, monkeypatch, fault):
    async def refuse(rows):
        raise fault

    monkeypatch.setattr(world.storage.log, "keep_snapshots", refuse)
    row = await world.apply(steps("long", 20))
    node = await world.started_node(settings=OFTEN)
    assert (await world.closed(await world.start(row))).phase == "completed"
    await eventually(lambda: node.counters.loop_failures > 0)
    assert node.counters.kept_snapshots == 0
