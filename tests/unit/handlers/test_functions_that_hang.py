"""Functions that never come back give their places to others, and hold up nobody's end."""

import asyncio
import subprocess
import sys
import threading

import pytest

from engine.adapters.handlers import daemon_threads
from engine.adapters.handlers.daemon_threads import DaemonThreads
from engine.adapters.handlers.refusal import CallRefused

PROGRAM = """
import asyncio, threading
from engine.adapters.handlers.daemon_threads import DaemonThreads

async def main():
    threads = DaemonThreads(1)
    try:
        async with asyncio.timeout(0.05):
            await threads.run(threading.Event().wait)
    except TimeoutError:
        threads.close()
        print("over")

asyncio.run(main())
"""


@pytest.fixture
def release():
    event = threading.Event()
    yield event
    event.set()


async def _hang(threads, release):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await threads.run(release.wait)


async def test_a_call_that_is_over_gives_its_place_to_the_next(release):
    threads = DaemonThreads(1)
    for _ in range(3):
        await _hang(threads, release)
    assert await threads.run(sum, (1, 2)) == 3


async def test_threads_are_used_again():
    threads = DaemonThreads(2)
    names = {await threads.run(threading.get_ident) for _ in range(20)}
    assert len(names) == 1
    threads.close()


async def test_no_more_than_the_limit_run_at_a_time():
    threads, running, most = DaemonThreads(3), [], []
    lock, pause = threading.Lock(), threading.Event()

    def work():
        with lock:
            running.append(1)
            most.append(len(running))
        pause.wait(0.01)
        with lock:
            running.pop()

    await asyncio.gather(*(threads.run(work) for _ in range(20)))
    assert max(most) <= 3
    assert len(most) == 20


async def test_exceptions_come_back():
    with pytest.raises(ZeroDivisionError):
        await DaemonThreads(1).run(lambda: 1 // 0)


async def test_too_many_that_never_come_back_are_an_error(release, monkeypatch):
    monkeypatch.setattr(daemon_threads, "MAX_ABANDONED", 2)
    threads = DaemonThreads(1)
    for _ in range(3):
        await _hang(threads, release)
    with pytest.raises(CallRefused) as refusal:
        await threads.run(sum, (1, 2))
    assert refusal.value.error.code == "function.hanging"


def test_the_program_ends_while_a_function_hangs():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, timeout=60, check=True
    )
    assert done.stdout == b"over\n"
