"""`python -m bench.histories DSN [--executions 100000]`: fill a database with histories of orders.

The core decides a few hundred orders of different prices, some of them failing; their events are
then written again and again under new ids, through the log's own append, chained and committed as
an engine commits them. Twenty events an execution, so 100,000 of them are two million events. The
database must be nobody else's: the shards are claimed for the time of the work.
"""

import argparse
import asyncio
import json
import multiprocessing
import os
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from uuid import UUID

from msgspec.structs import replace

from bench.engine_room import definition_row
from engine.adapters.postgres.migrate import migrate
from engine.adapters.postgres.storage import PostgresStorage, open_storage
from engine.core.step import step
from engine.dialects.cncf_v08 import program_of
from engine.model.command import Circumstance, Command, CompleteAction, FailAction, StartExecution
from engine.model.effect import Step
from engine.model.event import Event
from engine.model.ids import born_at_ms
from engine.model.program import Program
from engine.model.state import ExecutionState
from engine.ports.codec import row_of
from engine.ports.commits import commit_row
from engine.ports.rows import Append, BirthRow, EventRow, ShardHead
from schemas.events.parts import Error

NAMESPACE = "default"
TEMPLATES = 200
_BATCH = 60
_LEASE_MS = 3_600_000
_STARTED = 1_700_000_000_000

ORDER = {
    "id": "bench-order",
    "version": "1",
    "specVersion": "0.8",
    "start": "Price",
    "functions": [
        {"name": "call", "type": "custom", "operation": "python:shop:call"},
        {"name": "price", "type": "custom", "operation": "python:shop:price"},
    ],
    "states": [
        {
            "name": "Price",
            "type": "operation",
            "actions": [
                {
                    "name": "quote",
                    "functionRef": {"refName": "price", "arguments": {"item": "${ .item }"}},
                    "actionDataFilter": {"toStateData": "${ .quote }"},
                }
            ],
            "transition": "Decide",
        },
        {
            "name": "Decide",
            "type": "switch",
            "dataConditions": [{"condition": "${ .quote.total > 100 }", "transition": "Review"}],
            "defaultCondition": {"transition": "Ship"},
        },
        {"name": "Review", "type": "inject", "data": {"reviewed": True}, "transition": "Ship"},
        {
            "name": "Ship",
            "type": "operation",
            "actions": [
                {"name": name, "functionRef": {"refName": "call", "arguments": {"step": name}}}
                for name in ("reserve", "charge", "send")
            ],
            "transition": "Note",
        },
        {"name": "Note", "type": "inject", "data": {"done": True}, "end": True},
    ],
}
"""Twenty events for an order below the limit, three more for one that is reviewed."""


def template(program: Program, number: int) -> list[Event]:
    """The events of one order. Every fiftieth fails at its last action."""
    total = 5 + number * 37 % 200
    commands: Iterator[Command] = iter([StartExecution(input={"item": f"item-{number}"})])
    state, events = ExecutionState(id=UUID(int=0)), list[Event]()
    command: Command = next(commands)
    for at in range(_STARTED, _STARTED + 100_000, 250):
        made = step(program, state, command, Circumstance(at=at))
        assert isinstance(made, Step), made
        state = made.state
        events.extend(made.events)
        if state.closed:
            break
        action = next(iter(state.actions.values()))
        if action.name == "send" and number % 50 == 7:
            command = FailAction(action.id, Error(code="shop.closed", message="nobody is there"))
        elif action.name == "quote":
            command = CompleteAction(action.id, {"total": total, "customer": f"c-{number % 17}"})
        else:
            command = CompleteAction(action.id, {"ok": True, "by": action.name})
    return events


def rows_of(
    events: Iterable[Event], execution_id: UUID, head: ShardHead, position: int
) -> Iterator[EventRow]:
    """The rows of one execution; its times begin with its birth."""
    shift, previous = born_at_ms(execution_id) - _STARTED, b""
    for number, event in enumerate(events, 1):
        row = row_of(
            replace(event, at=event.at + shift), execution_id, shard=head.shard,
            position=position + number, namespace=NAMESPACE, epoch=head.epoch,
            salt=os.urandom(16), previous_hash=previous,
        )  # fmt: skip
        previous = row.hash
        yield row


def birth_of(program: Program, execution_id: UUID, shard: int) -> BirthRow:
    """The immutable row of one execution."""
    return BirthRow(
        shard, execution_id, NAMESPACE, program.workflow, program.version,
        program.definition_hash, program.dialect, program.ir_version, None,
    )  # fmt: skip


async def fill_shard(
    storage: PostgresStorage, program: Program, templates: list[list[Event]], shard: int, count: int
) -> int:
    """So many executions in one shard; returns the number of events."""
    head = await storage.leases.claim("bench", shard, _LEASE_MS)
    assert head is not None, f"shard {shard} is somebody's"
    written = 0
    for begun in range(0, count, _BATCH):
        ids = await storage.inbox.mint(shard, min(_BATCH, count - begun))
        rows: list[EventRow] = []
        for number, execution_id in enumerate(ids, begun + shard):
            chosen = templates[number % TEMPLATES]
            rows += rows_of(chosen, execution_id, head, head.last_position + len(rows))
        commit = commit_row(
            rows, shard=shard, epoch=head.epoch, last_position=head.last_position,
            commit_no=head.commit_no, previous_hash=head.hash, at=rows[-1].at,
            writer_version="bench",
        )  # fmt: skip
        births = [birth_of(program, one, shard) for one in ids]
        await storage.log.append(Append(commits=[commit], events=rows, births=births))
        written += len(rows)
        head = replace(
            head, last_position=head.last_position + len(rows), commit_no=head.commit_no + 1,
            hash=commit.hash,
        )  # fmt: skip
    await storage.leases.release("bench", [shard])
    return written


async def fill_shards(dsn: str, shards: list[int], counts: list[int]) -> int:
    """The part of one process."""
    text = json.dumps(ORDER).encode()
    program = program_of(text, "application/json")
    templates = [template(program, number) for number in range(TEMPLATES)]
    storage = await open_storage(dsn, "bench")
    try:
        written = 0
        for shard, count in zip(shards, counts, strict=True):
            written += await fill_shard(storage, program, templates, shard, count)
        return written
    finally:
        await storage.close()


def _part(dsn: str, shards: list[int], counts: list[int]) -> int:
    return asyncio.run(fill_shards(dsn, shards, counts))


async def fill(dsn: str, executions: int) -> dict[str, object]:
    """Fill the database with so many executions, on all processors."""
    await migrate(dsn)
    storage = await open_storage(dsn, "bench")
    shards = storage.installation.shards
    await storage.definitions.apply(definition_row(json.dumps(ORDER)), [], None)
    await storage.close()
    counts = [executions // shards + (shard < executions % shards) for shard in range(shards)]
    workers, began = os.cpu_count() or 1, time.perf_counter()
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=spawn) as pool:
        parts = [
            pool.submit(_part, dsn, list(range(first, shards, workers)), counts[first::workers])
            for first in range(workers)
        ]
        events = sum([part.result() for part in parts])
    seconds = time.perf_counter() - began
    return {"executions": executions, "events": events, "seconds": round(seconds, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.histories")
    parser.add_argument("dsn")
    parser.add_argument("--executions", type=int, default=100_000)
    given = parser.parse_args()
    print(json.dumps(asyncio.run(fill(given.dsn, given.executions))))


if __name__ == "__main__":
    main()
