"""A small world around engines under test: definitions, starts, CloudEvents, what came of them."""

import asyncio
import hashlib
import itertools
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

import msgspec

from engine.adapters.memory.hints import MemoryHints
from engine.core.replay import fold
from engine.dialects.cncf_v08 import DIALECT, program_of
from engine.model.cloudevents import CloudEvent
from engine.model.evaluation import EvalAnswer, EvalRequest
from engine.model.ids import shard_of_key
from engine.model.program import Program
from engine.model.state import ExecutionState
from engine.ports.codec import event_of
from engine.ports.requests import StartRequest, encode
from engine.ports.rows import DefinitionRow, EventRow, Receipt
from engine.ports.world import Answered, Call, Failed
from engine.runtime.engine_ports import EnginePorts
from engine.runtime.ingest import ingest_row
from engine.runtime.node import EngineNode
from engine.runtime.settings import EngineSettings
from schemas.json_text import dumps

NAMESPACE = "default"
QUICK = EngineSettings(
    lease_ttl_ms=1_500, lease_margin_ms=300, poll_interval_ms=40, outbox_interval_ms=40,
    sweep_interval_ms=100, clock_interval_ms=100, backoff_max_ms=200,
)  # fmt: skip


class ScriptedHandler:
    """Answers calls by a function, and remembers them."""

    def __init__(self, answer: Callable[[Call], Any]) -> None:
        self.answer = answer
        self.calls: list[Call] = []

    async def run(self, call: Call) -> Answered | Failed:
        self.calls.append(call)
        given = self.answer(call)
        if asyncio.iscoroutine(given):
            given = await given
        return given if isinstance(given, Failed) else Answered(given)


class KeptPublisher:
    """Keeps what was published, once for each message id."""

    def __init__(self) -> None:
        self.published: dict[str, tuple[str, str, bytes]] = {}
        self.attempts = 0

    async def publish(self, namespace: str, event_type: str, message_id: str, body: bytes) -> None:
        self.attempts += 1
        self.published.setdefault(message_id, (namespace, event_type, body))


class NoSecrets:
    def get(self, namespace: str, names: Sequence[str]) -> dict[str, str]:
        return {name: f"secret of {name}" for name in names}


class FixedEvaluator:
    """Gives every expression the same answer, after a moment."""

    def __init__(self, outputs: Any = ()) -> None:
        self.outputs = dumps(list(outputs))
        self.asked: list[EvalRequest] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def evaluate(self, requests: Sequence[EvalRequest]) -> list[EvalAnswer]:
        self.asked.extend(requests)
        await self.gate.wait()
        return [EvalAnswer(outputs=self.outputs) for _ in requests]


def compile_row(row: DefinitionRow) -> Program:
    return program_of(row.source, row.media_type, row.resources)


class World:
    """Engines over one storage. `open_storage` gives each engine its own door to it."""

    def __init__(self, storage: Any, *, hints: MemoryHints | None = None) -> None:
        self.storage = storage
        self.hints = hints or MemoryHints()
        self.handler = ScriptedHandler(lambda call: {"done": call.arguments})
        self.publisher = KeptPublisher()
        self.evaluator = FixedEvaluator()
        self.nodes: list[EngineNode] = []
        self._numbers = itertools.count(1)

    def ports(self, storage: Any = None, **changes: Any) -> EnginePorts:
        door = storage or self.storage
        given: dict[str, Any] = {
            "log": door.log, "inbox": door.inbox, "leases": door.leases, "indexes": door.indexes,
            "streams": door.streams, "definitions": door.definitions, "readers": door.readers,
            "breakpoints": door.breakpoints, "imports": door.imports,
            "evaluator": self.evaluator, "hints": self.hints, "publisher": self.publisher,
            "handlers": {"python": self.handler, "http": self.handler}, "secrets": NoSecrets(),
            "compile": compile_row, "callback_secret": b"0" * 32, **changes,
        }  # fmt: skip
        return EnginePorts(**given)

    def node(
        self,
        name: str = "",
        *,
        settings: EngineSettings = QUICK,
        storage: Any = None,
        **changes: Any,
    ) -> EngineNode:
        name = name or f"engine-{next(self._numbers)}"
        node = EngineNode(name, self.ports(storage, **changes), settings)
        self.nodes.append(node)
        return node

    async def started_node(self, name: str = "", **changes: Any) -> EngineNode:
        node = self.node(name, **changes)
        await node.start()
        return node

    async def close(self) -> None:
        for node in self.nodes:
            await node.abort()

    async def apply(self, text: str) -> DefinitionRow:
        source = text.encode()
        program = program_of(source)
        row = DefinitionRow(
            NAMESPACE, program.workflow, program.version, program.definition_hash, DIALECT, "",
            source, {}, 0, "test", True,
        )  # fmt: skip
        trigger = program.trigger
        types = sorted({one.type for one in trigger.events}) if trigger else []
        await self.storage.definitions.apply(row, types, trigger.node if trigger else None)
        return row

    async def start(self, row: DefinitionRow, data: Any = None, key: str = "") -> UUID:
        key = key or f"key-{next(self._numbers)}"
        shard = shard_of_key(NAMESPACE, row.workflow, key, self.storage.installation.shards)
        request = StartRequest(
            workflow=row.workflow, version=row.version, definition_hash=row.definition_hash,
            start_key=key, input=msgspec.Raw(dumps(data if data is not None else {})),
        )  # fmt: skip
        body = encode(request)
        execution_id, _ = await self.storage.inbox.accept_start(
            NAMESPACE, row.workflow, [key], shard, hashlib.sha256(body).digest(), body, "test", None
        )
        await self.hints.notify(f"inbox.{shard}")
        return execution_id

    async def publish(self, event_type: str, data: Any = None, **attributes: str) -> Receipt:
        number = next(self._numbers)
        source = attributes.pop("source", "tests")
        event = CloudEvent(
            id=attributes.pop("id", f"event-{number}"), source=source, type=event_type,
            datacontenttype="application/json", data=dumps(data), data_kind="json",
            extensions=attributes,
        )  # fmt: skip
        (receipt,) = await self.storage.streams.ingest(NAMESPACE, [ingest_row(event, "test")])
        await self.hints.notify(f"stream.{NAMESPACE}")
        return receipt

    async def rows(self, execution_id: UUID) -> list[EventRow]:
        return await self.storage.log.read_execution(execution_id)

    async def state(self, execution_id: UUID) -> ExecutionState:
        return fold(execution_id, [event_of(row) for row in await self.rows(execution_id)])

    async def types(self, execution_id: UUID) -> list[str]:
        return [row.type for row in await self.rows(execution_id)]

    async def until(
        self, execution_id: UUID, wanted: Callable[[ExecutionState], bool], limit_s: float = 20.0
    ) -> ExecutionState:
        """The state once it is as wanted; fails with the log so far when that takes too long."""
        try:
            async with asyncio.timeout(limit_s):
                while True:
                    state = await self.state(execution_id)
                    if wanted(state):
                        return state
                    await asyncio.sleep(0.01)
        except TimeoutError:
            raise AssertionError(f"not reached: {await self.types(execution_id)}") from None

    async def closed(self, execution_id: UUID, limit_s: float = 20.0) -> ExecutionState:
        return await self.until(execution_id, lambda state: state.closed, limit_s)


async def eventually(holds: Callable[[], Any], limit_s: float = 20.0) -> None:
    """Wait until it holds (plain or async); fails when that takes too long."""
    async with asyncio.timeout(limit_s):
        while True:
            value = holds()
            if asyncio.iscoroutine(value):
                value = await value
            if value:
                return
            await asyncio.sleep(0.01)


def steps(name: str, count: int) -> str:
    """A definition of `count` operation states in a row, each with one action."""
    lines = [
        f"id: {name}", "version: '1.0'", "specVersion: '0.8'", f"name: {name}",
        "start: s1", "functions:", "- name: work", "  type: custom",
        "  operation: python:tests:work", "states:",
    ]  # fmt: skip
    for number in range(1, count + 1):
        lines += [
            f"- name: s{number}", "  type: operation", "  actions:",
            "  - functionRef:", "      refName: work", "      arguments:",
            f"        step: {number}",
        ]  # fmt: skip
        lines += [f"  transition: s{number + 1}"] if number < count else ["  end: true"]
    return "\n".join(lines) + "\n"
