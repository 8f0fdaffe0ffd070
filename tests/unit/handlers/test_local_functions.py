"""Functions in this process, without NATS: the same answers as from a worker."""

import asyncio
import sys
from uuid import UUID

import pytest_asyncio

from engine.adapters.handlers.function_library import FunctionLibrary
from engine.adapters.handlers.functions import FunctionCaller
from engine.adapters.handlers.python import LocalPythonHandler
from engine.ports.world import Answered, Call, Failed

SOURCE = """
import asyncio, threading
import time

def double(arguments):
    print("doubling")
    return {"twice": 2 * arguments["n"]}

def blocks(arguments):
    time.sleep(arguments["seconds"])
    return threading.current_thread().name

kept = []

def keeps(arguments):
    kept.append(arguments)
    arguments["changed"] = True
    return (arguments, kept)

class Odd(float):
    pass

def odd(arguments):
    return Odd(1.5)

async def where(arguments):
    await asyncio.sleep(0)
    return threading.current_thread().name

async def cancels_itself(arguments):
    raise asyncio.CancelledError

class Unspeakable(Exception):
    def __str__(self):
        raise ValueError("no words")

def unspeakable(arguments):
    raise Unspeakable

def gives_coroutine(arguments):
    return where(arguments)
"""


@pytest_asyncio.fixture
async def run(tmp_path):
    (tmp_path / "local_functions.py").write_text(SOURCE)
    caller = FunctionCaller(FunctionLibrary(tmp_path), threads=4)
    caller.open()
    handler = LocalPythonHandler(caller)

    async def make(function, arguments=None):
        operation = f"local_functions:{function}"
        call = Call(
            "default", UUID(int=1), "w", "S", "f", "python", operation, arguments, "k", 1, 1_000
        )
        return await handler.run(call)

    yield make
    await caller.close()
    sys.modules.pop("local_functions", None)
    sys.path.remove(str(tmp_path.resolve()))


async def test_a_plain_function_runs_in_a_thread_and_an_async_one_off_our_loop(run):
    assert await run("double", {"n": 4}) == Answered({"twice": 8}, "doubling\n")
    assert (await run("where")).result == "functions-loop"
    assert (await run("gives_coroutine")).result == "functions-loop"
    assert (await run("blocks", {"seconds": 0})).result.startswith("function_")


async def test_blocking_functions_do_not_block_the_loop(run):
    blocked = asyncio.gather(*(run("blocks", {"seconds": 0.3}) for _ in range(4)))
    turns = 0
    while not blocked.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert turns > 2


async def test_values_are_copied_as_if_they_had_gone_over_the_wire(run):
    arguments = {"n": 1}
    answer = await run("keeps", arguments)
    assert arguments == {"n": 1}
    assert answer.result == [{"n": 1, "changed": True}, [{"n": 1, "changed": True}]]
    answer.result[1].clear()
    assert len((await run("keeps", {})).result[1]) == 2


async def test_a_number_of_another_library_is_not_json(run):
    assert (await run("odd")).error.code == "python.result_not_json"


async def test_strange_exceptions_are_errors(run):
    cancelled = await run("cancels_itself")
    assert isinstance(cancelled, Failed)
    assert cancelled.error.aliases[0] == "CancelledError"
    unspeakable = await run("unspeakable")
    assert unspeakable.error.aliases[0] == "Unspeakable"
    assert "cannot be read" in unspeakable.error.message
