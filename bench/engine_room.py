"""One engine over a real Postgres, in this process, with actions that do nothing."""

import asyncio
import json
from typing import Any
from uuid import UUID

from msgspec import Raw

from engine.adapters.memory.hints import MemoryHints
from engine.adapters.postgres.migrate import migrate
from engine.adapters.postgres.storage import PostgresStorage, open_storage
from engine.dialects.cncf_v08 import DIALECT, program_of
from engine.model.evaluation import EvalAnswer, EvalRequest
from engine.model.ids import parse_execution, shard_of_key
from engine.model.program import Program
from engine.ports.requests import StartRequest, encode
from engine.ports.rows import DefinitionRow
from engine.ports.world import Answered, Call
from engine.runtime.engine_ports import EnginePorts
from engine.runtime.node import EngineNode
from engine.runtime.settings import EngineSettings
from schemas.json_text import dumps

_RESULT = {"order": "3f1c9a52-8d0e-4d3c-9a41-5d8a2b6f7c11", "ok": True, "price": 19.95, "note": "x"}


def workflow_of(steps: int) -> str:
    """A definition of so many operation states, each with one action that does nothing."""
    states = [
        {
            "name": f"S{number}",
            "type": "operation",
            "actions": [{"name": "noop", "functionRef": {"refName": "noop"}}],
            **({"end": True} if number == steps else {"transition": f"S{number + 1}"}),
        }
        for number in range(1, steps + 1)
    ]
    return json.dumps(
        {
            "id": f"bench-{steps}",
            "version": "1",
            "specVersion": "0.8",
            "start": "S1",
            "functions": [{"name": "noop", "type": "custom", "operation": "python:noop:noop"}],
            "states": states,
        }
    )


def definition_row(text: str) -> DefinitionRow:
    """A definition as it is applied."""
    program = program_of(text.encode(), "application/json")
    return DefinitionRow(
        "default", program.workflow, program.version, program.definition_hash, DIALECT,
        "application/json", text.encode(), {}, 0, "bench", True,
    )  # fmt: skip


class _Noop:
    async def run(self, call: Call) -> Answered:
        return Answered(_RESULT)


class _Nowhere:
    async def publish(self, namespace: str, event_type: str, message_id: str, body: bytes) -> None:
        raise AssertionError("nothing is published here")

    async def evaluate(self, requests: list[EvalRequest]) -> list[EvalAnswer]:
        raise AssertionError("no expression needs a worker here")

    def get(self, namespace: str, names: list[str]) -> dict[str, str]:
        return {}


def _compile(row: DefinitionRow) -> Program:
    return program_of(row.source, row.media_type, row.resources)


class EngineRoom:
    """The engine and what starts executions on it."""

    def __init__(self, storage: PostgresStorage, lanes: int) -> None:
        self.storage = storage
        self._hints = MemoryHints()
        self._done: dict[UUID, asyncio.Future[None]] = {}
        nowhere: Any = _Nowhere()
        ports = EnginePorts(
            log=storage.log, inbox=storage.inbox, leases=storage.leases, indexes=storage.indexes,
            streams=storage.streams, definitions=storage.definitions, readers=storage.readers,
            breakpoints=storage.breakpoints, imports=storage.imports,
            evaluator=nowhere, handlers={"python": _Noop()}, hints=self._hints, publisher=nowhere,
            secrets=nowhere, compile=_compile, callback_secret=b"0" * 32,
        )  # fmt: skip
        self.node = EngineNode("bench", ports, EngineSettings(lanes=lanes))

    async def open(self) -> None:
        """Start; returns when all shards are owned."""
        await self.node.start()
        await self._hints.listen("closed.*", self._closed)
        while len(self.node.owned_shards) < self.storage.installation.shards:
            await asyncio.sleep(0.05)

    async def close(self) -> None:
        """Stop and close the sessions."""
        await self.node.stop()
        await self.storage.close()

    async def apply(self, steps: int) -> DefinitionRow:
        """Apply the definition of so many steps."""
        row = definition_row(workflow_of(steps))
        await self.storage.definitions.apply(row, [], None)
        return row

    async def run(self, row: DefinitionRow, key: str, data: Any = None) -> UUID:
        """Start one execution, through the inbox as the API does, and wait for its end."""
        shard = shard_of_key("default", row.workflow, key, self.storage.installation.shards)
        given = Raw(dumps(data if data is not None else {}))
        request = StartRequest(row.workflow, row.version, row.definition_hash, key, input=given)
        body = encode(request)
        execution, _ = await self.storage.inbox.accept_start(
            "default", row.workflow, [key], shard, b"0" * 32, body, "bench", None
        )
        done = self._done.setdefault(execution, asyncio.get_running_loop().create_future())
        await self._hints.notify(f"inbox.{shard}")
        await done
        return execution

    def _closed(self, topic: str) -> None:
        execution = parse_execution(topic.partition(".")[2])
        done = self._done.get(execution)
        if done is not None and not done.done():
            done.set_result(None)


async def open_room(dsn: str, lanes: int = 2) -> EngineRoom:
    """Migrate, open, start."""
    await migrate(dsn)
    room = EngineRoom(await open_storage(dsn, "bench", size=8), lanes)
    await room.open()
    return room
