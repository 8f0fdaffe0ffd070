"""The worker of `refold up`, a program of its own: a function that ends its interpreter, or takes
all its memory, ends the worker, not the log and the executions that stand beside it."""

import asyncio
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path

from server.embedded.child import Child, launcher_command
from server.embedded.errors import ServiceFailed

_START_TIMEOUT_S = 60.0
_OVERTIME_S = 2.0
_LAST_WORDS_S = 0.5
_SERVICES = ("REFOLD_DATABASE_URL", "REFOLD_DATABASE_OWNER_URL")
"""What functions have no need of: a worker speaks to NATS alone."""


class EmbeddedWorker:
    """`refold serve --role worker` on a folder of functions. It is killed when we die, however we
    die. What it writes goes to our standard error."""

    def __init__(self, functions: Path, nats_url: str, finish_s: float) -> None:
        """`finish_s`: how long the worker lets functions run on when it is stopped."""
        self._functions = functions.resolve()
        self._nats_url = nats_url
        self._finish_s = finish_s
        self._child: Child | None = None
        self._passing: asyncio.Task[None] | None = None
        self._pipe: asyncio.ReadTransport | None = None

    async def start(self) -> None:
        """Start it; returns once it takes calls. Raises ServiceFailed."""
        # A pipe of our own: asyncio's would make `wait` wait for whoever inherited it, too.
        read_end, write_end = os.pipe()
        output, self._pipe = await _reader(read_end)
        try:
            process = await asyncio.create_subprocess_exec(
                *launcher_command(signal.SIGKILL),
                *(sys.executable, "-P", "-m", "server.cli.main", "serve", "--role", "worker"),
                *("--functions", str(self._functions), "-o", "json"),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=write_end,
                env=self._environment(),
                start_new_session=True,
            )
        finally:
            os.close(write_end)
        self._child = Child(process)
        try:
            await self._ready(self._child, output)
        except BaseException:
            await self._child.kill()
            self._pipe.close()
            raise
        self._passing = asyncio.ensure_future(_pass_on(output))

    def _environment(self) -> dict[str, str]:
        ours = {key: value for key, value in os.environ.items() if key not in _SERVICES}
        return {**ours, "REFOLD_NATS_URL": self._nats_url}

    async def _ready(self, child: Child, output: asyncio.StreamReader) -> None:
        """The line that it prints when it listens."""
        try:
            async with asyncio.timeout(_START_TIMEOUT_S):
                if await output.readline():
                    return
                code = await child.wait()
        except TimeoutError:
            raise ServiceFailed(f"the worker was not ready after {_START_TIMEOUT_S:g} s") from None
        raise ServiceFailed(f"the worker ended with {code} before it was ready")

    async def wait(self) -> int:
        """Wait until it ends; its exit code."""
        if self._child is None:
            raise ServiceFailed("the worker is not running; call start() first")
        return await self._child.wait()

    async def stop(self) -> None:
        """Let functions that run end within the time it has for that. Safe to call twice."""
        if self._child is not None:
            await self._child.stop((signal.SIGTERM, self._finish_s + _OVERTIME_S))
        if self._passing is not None:
            await asyncio.wait({self._passing}, timeout=_LAST_WORDS_S)
            self._passing.cancel()
        if self._pipe is not None:
            self._pipe.close()

    async def restart(self) -> None:
        """Start again, after a stop if it still runs."""
        await self.stop()
        await self.start()


async def _reader(descriptor: int) -> tuple[asyncio.StreamReader, asyncio.ReadTransport]:
    output = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(output), os.fdopen(descriptor, "rb", 0)
    )
    return output, transport


async def _pass_on(output: asyncio.StreamReader) -> None:
    """Our own standard output carries the ready line, for programs; nothing else goes there."""
    while piece := await output.read(65_536):
        with suppress(OSError, ValueError):
            sys.stderr.buffer.write(piece)
            sys.stderr.flush()
