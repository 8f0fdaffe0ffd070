"""Running a server in the foreground: until a signal, then cleanly down."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Protocol

from engine.model.errors import RefoldError
from server.api.listener import check_free
from server.app import FINISH_S, Server
from server.embedded import EmbeddedServices, EmbeddedWorker
from server.embedded.account import make_data_directory
from server.embedded.errors import PlaceUnusable
from server.settings import ROLES, Settings, parse_address

Ready = Callable[[dict[str, object]], None]
"""Told once, when everything runs: `http`, `nats`, `database`, `pid`."""

Prepare = Callable[[AsyncExitStack], Awaitable[None]]
"""Starts what the server stands on; the stack ends it."""

_log = logging.getLogger("refold.hosting")
_AGAIN_S = 5.0
_AGAIN_FIRST_S = 0.5
_STEADY_S = 60.0
_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def run_up(settings: Settings, data_dir: Path, nats: str, ready: Ready) -> None:
    """All roles over embedded Postgres and NATS (or those that the settings name), until a signal;
    functions, if there are any, in a worker of its own. Raises RefoldError; nothing is left
    running."""
    host, port = parse_address("--nats", nats)
    functions = settings.functions_path
    roles = ROLES if functions is None else tuple(role for role in ROLES if role != "worker")
    server = Server(settings, roles, local=True)
    check_free(*settings.http_address)  # now, not after the seconds that Postgres takes
    _make(data_dir)

    async def prepare(stack: AsyncExitStack) -> None:
        services = await stack.enter_async_context(EmbeddedServices(data_dir, host, port))
        for service in (services.postgres, services.nats):
            if service is not None:
                _watch(stack, service)
        server.use(services.database_url, services.nats_url)
        if functions is not None:
            await _stand_beside(
                stack, server, EmbeddedWorker(functions, services.nats_url, FINISH_S)
            )

    _run(server, prepare, settings, ready)


def _make(data_dir: Path) -> None:
    try:
        make_data_directory(data_dir)
    except OSError as error:
        raise PlaceUnusable(
            f"{data_dir} cannot be the folder of the data: {error.strerror}; name a folder that"
            " exists or can be made with --data"
        ) from None


class _Service(Protocol):
    """What ends by itself at times, and is started again then."""

    async def wait(self) -> int: ...

    async def restart(self) -> object: ...


async def _stand_beside(stack: AsyncExitStack, server: Server, worker: EmbeddedWorker) -> None:
    """Start the worker; its functions end while the engine still takes their answers."""
    await worker.start()
    stack.push_async_callback(worker.stop)
    end_watch = _watch(stack, worker)

    async def finish() -> None:
        await end_watch()
        await worker.stop()

    server.finish_with(finish)


def _watch(stack: AsyncExitStack, service: _Service) -> Callable[[], Awaitable[None]]:
    """Start the service again whenever it ends, until the stack is closed or the watch is ended."""
    task = asyncio.ensure_future(_revive(service))

    async def end() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)
    return end


async def _revive(service: _Service) -> None:
    """The shorter it lived, the longer the pause before its next life, up to `_AGAIN_S`."""
    loop, pause_s = asyncio.get_running_loop(), 0.0
    while True:
        began = loop.time()
        code = await service.wait()
        _log.warning("%s ended with %d; starting it again", type(service).__name__, code)
        is_steady = loop.time() - began >= _STEADY_S
        pause_s = 0.0 if is_steady else min(_AGAIN_S, max(_AGAIN_FIRST_S, 2 * pause_s))
        await asyncio.sleep(pause_s)
        await _restart(service)


async def _restart(service: _Service) -> None:
    """Try until it runs."""
    while True:
        try:
            await service.restart()
        except RefoldError as error:
            _log.error("it does not start: %s", error.message)
            await asyncio.sleep(_AGAIN_S)
        else:
            return


def run_serve(settings: Settings, roles: Sequence[str], ready: Ready) -> None:
    """Some roles over given services, until a signal. Raises RefoldError."""

    async def prepare(_: AsyncExitStack) -> None:
        return None

    server = Server(settings, roles)
    if "api" in roles:
        check_free(*settings.http_address)
    _run(server, prepare, settings, ready)


def _run(server: Server, prepare: Prepare, settings: Settings, ready: Ready) -> None:
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    collect_rarely()
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_until_signal(server, prepare, ready))


def collect_rarely() -> None:
    """Garbage of a server is freed by reference counts; cycles are rare, and with the
    interpreter's own thresholds much of an engine's time would go into looking for them."""
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """The faster loop where it is installed."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


async def _until_signal(server: Server, prepare: Prepare, ready: Ready) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, _signalled, number, ended)
    async with AsyncExitStack() as stack:
        starting = asyncio.ensure_future(_started(stack, server, prepare))
        waiting = asyncio.ensure_future(ended.wait())
        await asyncio.wait({starting, waiting}, return_when=asyncio.FIRST_COMPLETED)
        if not starting.done():
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
            return
        ready(starting.result())
        await waiting


def _signalled(number: int, ended: asyncio.Event) -> None:
    """The first signal asks to end; the next one ends at once, as if killed: nothing that was
    answered is lost, and embedded services end with us."""
    if ended.is_set():
        os._exit(128 + number)
    ended.set()
    if number != signal.SIGINT:
        return  # sent by a program, such as the `refold up` whose worker we are: it does not read
    message = f"refold: finishing actions (up to {FINISH_S:.0f} s), again to stop at once\n"
    with contextlib.suppress(OSError):
        sys.stderr.write(message)
        sys.stderr.flush()


async def _started(stack: AsyncExitStack, server: Server, prepare: Prepare) -> dict[str, object]:
    await prepare(stack)
    await server.start()
    stack.push_async_callback(server.stop)
    return {
        "http": server.http_url,
        "nats": server.nats_url,
        "database": server.database_url,
        "pid": os.getpid(),
    }
