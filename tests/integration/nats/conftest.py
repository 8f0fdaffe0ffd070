"""Connections to the real NATS server of the session, and functions for workers."""

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from engine.adapters.nats.connection import NatsConnection
from engine.adapters.nats.work_handler import WorkHandler
from engine.adapters.nats.worker import Worker
from engine.ports.world import Call

EXECUTION = UUID("01890a5d-ac96-774b-bcce-b302099a8057")

SOURCE = '''
import asyncio, sys, threading, time

def add(arguments):
    """Adds."""
    print("adding", arguments["a"])
    return {"sum": arguments["a"] + arguments["b"]}

async def later(arguments):
    await asyncio.sleep(arguments.get("seconds", 0))
    print("later")
    return arguments

def slowly(arguments):
    time.sleep(arguments["seconds"])
    return "done"

class OutOfStock(LookupError):
    pass

def fail(arguments):
    print("before it fails")
    raise OutOfStock("no more of " + arguments["sku"])

def leave(arguments):
    sys.exit(3)

async def leave_later(arguments):
    raise SystemExit(3)

def give(arguments):
    return {"nan": float("nan"), "set": {1}, "key": {1: 2}, "surrogate": "\\ud800",
            "big": 10**40, "tuple": (1, 2)}[arguments["what"]]

def much(arguments):
    print("x" * 200_000)
    return "y" * arguments["size"]

calls = []

def count(arguments):
    calls.append(arguments["n"])
    return len(calls)

async def slow_count(arguments):
    calls.append("slow")
    await asyncio.sleep(arguments["seconds"])
    return len(calls)

def mumble(arguments):
    print("\\ud800 and \\x00")
    return None

not_a_function = 7

from os import system as borrowed
'''


@pytest.fixture
def module() -> Iterator[str]:
    """A module name of this test alone, forgotten afterwards."""
    name = f"work_{uuid4().hex[:12]}"
    yield name
    sys.modules.pop(name, None)


@pytest.fixture
def functions_dir(tmp_path: Path, module: str) -> Iterator[Path]:
    """A directory with one module of functions."""
    directory = tmp_path / "functions"
    directory.mkdir()
    (directory / f"{module}.py").write_text(SOURCE)
    yield directory
    sys.path[:] = [entry for entry in sys.path if entry != str(directory.resolve())]


@pytest.fixture
def namespace() -> str:
    """A namespace of this test alone, for the server is shared."""
    return f"n{uuid4().hex[:12]}"


@pytest.fixture
def call(namespace: str, module: str) -> Callable[..., Call]:
    """Makes calls of functions of the test's module."""

    def make(function: str, arguments: object = None, **changes: object) -> Call:
        values: dict[str, object] = {
            "namespace": namespace,
            "execution_id": EXECUTION,
            "workflow": "order",
            "state": "Pay",
            "function": "pay",
            "handler": "python",
            "operation": function if ":" in function else f"{module}:{function}",
            "arguments": arguments,
            "key": f"ex_1:2:{uuid4().hex}",
            "attempt": 1,
            "timeout_ms": 30_000,
        }
        return Call(**{**values, **changes})

    return make


@pytest_asyncio.fixture
async def opened() -> AsyncIterator[AsyncExitStack]:
    """What the test opens is closed with it."""
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def connect(opened: AsyncExitStack) -> Callable[[str], Awaitable[NatsConnection]]:
    """Opens connections that are closed with the test."""

    async def make(url: str) -> NatsConnection:
        connection = NatsConnection(url)
        connection.start()
        opened.push_async_callback(connection.close)
        await connection.connected(30)
        return connection

    return make


@pytest.fixture
def start_worker(
    opened: AsyncExitStack, functions_dir: Path, namespace: str
) -> Callable[..., Awaitable[Worker]]:
    """Starts workers that are stopped with the test."""

    async def make(connection: NatsConnection, **options: int) -> Worker:
        worker = Worker(connection, functions_dir, namespace, **options)
        await worker.start()
        opened.push_async_callback(worker.stop, 0.1)
        client = await connection.connected(10)
        await client.flush()
        return worker

    return make


@pytest.fixture
def start_handler() -> Callable[..., Awaitable[WorkHandler]]:
    """Starts handlers."""

    async def make(connection: NatsConnection, **options: float) -> WorkHandler:
        handler = WorkHandler(connection, **options)
        await handler.start()
        return handler

    return make


async def until(condition: Callable[[], bool]) -> None:
    """Wait until the condition holds; the test's own time limit is the only other end."""
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.02)
