"""For random histories the state at every event, read through snapshots kept at random places of a
real log, is the live state as it was recorded at that event."""

import random
from dataclasses import MISSING, fields
from typing import Any

from aiohttp.test_utils import TestClient, TestServer
from msgspec.structs import replace

from engine.adapters.memory.hints import MemoryHints
from engine.core.replay import states
from engine.model.ids import format_execution
from engine.ports.codec import row_of
from engine.ports.snapshots import snapshot_of
from schemas.json_text import dumps, loads
from server.api.application import make_application
from server.api.door.exchange import Services
from server.api.past.describe import past_members
from tests.conformance.storage.builders import NAMESPACE, SHARD, batch
from tests.property.case import random_document, run_random

HISTORIES = 12


def api_over(storage):
    rest: dict[str, Any] = {
        one.name: None
        for one in fields(Services)
        if one.default is MISSING and one.default_factory is MISSING
    }
    rest.update(log=storage.log, inbox=storage.inbox, hints=MemoryHints())
    services = Services(**rest)
    return TestClient(TestServer(make_application(services)))


def history(seed, execution_id):
    """Events of a random history, each with the live state that the core made with it."""
    document, program = random_document(seed)
    run = run_random(document, program, seed).core
    return list(states(execution_id, run.events))


async def stored(storage, head, execution_id, past):
    """The history in the log."""
    rows, before = [], b""
    for event, _ in past:
        row = row_of(
            event, execution_id, shard=SHARD, position=head.last_position + event.seq,
            namespace=NAMESPACE, epoch=head.epoch, salt=b"s" * 16, previous_hash=before,
        )  # fmt: skip
        before = row.hash
        rows.append(row)
    await storage.log.append(batch(head, rows))
    return await storage.log.locked_head(SHARD)


async def test_the_state_at_every_event_is_the_one_that_was_live(storage, head):
    asked = 0
    async with api_over(storage) as client:
        for seed in range(HISTORIES):
            chance = random.Random(seed)
            [one] = await storage.inbox.mint(SHARD, 1)
            past = history(seed, one)
            head = await stored(storage, head, one, past)
            kept = chance.sample(past, min(len(past), 3))
            rows = [snapshot_of(SHARD, state) for _, state in kept]
            await storage.log.keep_snapshots(
                [*rows[:2], *(replace(x, state=b"?") for x in rows[2:])]
            )
            await storage.log.save_snapshots([snapshot_of(SHARD, chance.choice(past)[1])])
            for event, state in past:
                path = f"/v1/namespaces/{NAMESPACE}/executions/{format_execution(one)}/state"
                async with client.get(path, params={"at": event.seq}) as answer:
                    found = loads(await answer.read())
                assert found == loads(dumps(past_members(one, state))), (seed, event.seq)
                asked += 1
    assert asked > 10 * HISTORIES
