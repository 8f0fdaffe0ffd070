"""Running a server in the foreground: until a signal, then cleanly down."""

import asyncio
import gc
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

from server.app import Server
from server.embedded import EmbeddedServices
from server.settings import ROLES, Settings, parse_address

Ready = Callable[[dict[str, object]], None]
"""Told once, when everything runs: `http`, `nats`, `database`, `pid`."""

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run_up(settings: Settings, data_dir: Path, nats: str, ready: Ready) -> None:
    """All roles over embedded Postgres and NATS (or those that the settings name), until a signal.
    Raises RefoldError; nothing is left running."""

    async def start(stack: AsyncExitStack) -> Server:
        host, port = parse_address("--nats", nats)
        services = await stack.enter_async_context(EmbeddedServices(data_dir, host, port))
        found = replace(settings, database_url=services.database_url, nats_url=services.nats_url)
        return Server(found, ROLES, local=True)

    _run(start, settings, ready)


def run_serve(settings: Settings, roles: Sequence[str], ready: Ready) -> None:
    """Some roles over given services, until a signal. Raises RefoldError."""

    async def start(_: AsyncExitStack) -> Server:
        return Server(settings, roles)

    _run(start, settings, ready)


def _run(
    make: Callable[[AsyncExitStack], Awaitable[Server]], settings: Settings, ready: Ready
) -> None:
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    collect_rarely()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_until_signal(make, ready))


def collect_rarely() -> None:
    """Garbage of a server is freed by reference counts; cycles are rare. With the interpreter's own
    thresholds a quarter of an engine's time goes into looking for them (measured with W1)."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The faster loop where it is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _until_signal(make: Callable[[AsyncExitStack], Awaitable[Server]], ready: Ready) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, ended.set)
    async with AsyncExitStack() as stack:
        starting = asyncio.ensure_future(_started(stack, make))
        waiting = asyncio.ensure_future(ended.wait())
        await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            return
        ready(starting.result())
        await waiting


async def _started(
    stack: AsyncExitStack, make: Callable[[AsyncExitStack], Awaitable[Server]]
) -> dict[str, object]:
    server = await make(stack)
    await server.start()
    stack.push_async_callback(server.stop)
    return {
        "http": server.http_url,
        "nats": server.nats_url,
        "database": server.database_url,
        "pid": os.getpid(),
    }
