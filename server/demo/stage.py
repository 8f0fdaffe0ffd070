"""The stage: embedded services, an API, a worker and engines as processes of their own."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from server.embedded.services import EmbeddedServices

LEASE_TTL_MS = 3_000
"""Short, so that the audience does not wait for the other engine."""


class Stage:
    """Starts everything on free ports below `folder`; leaves nothing running."""

    def __init__(self, folder: Path, functions: Path) -> None:
        self._folder = folder
        self._functions = functions
        self._services = EmbeddedServices(folder / "data")
        self._children: dict[str, asyncio.subprocess.Process] = {}
        self.url = f"http://127.0.0.1:{_free_port()}"

    async def __aenter__(self) -> Self:
        await self._services.__aenter__()
        front = ("--role", "api,projector,worker", "--functions", str(self._functions))
        await self.serve("front", *front, "--http", self.url.removeprefix("http://"))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for name in list(self._children):
            await self.end(name, signal.SIGTERM)
        await self._services.__aexit__(kind, fault, trace)

    async def serve(self, name: str, *flags: str) -> None:
        """Start `refold serve` with these flags; its output goes to a file of that name."""
        environment = {
            **os.environ,
            "REFOLD_DATABASE_URL": self._services.database_url,
            "REFOLD_NATS_URL": self._services.nats_url,
            "REFOLD_LEASE_TTL_MS": str(LEASE_TTL_MS),
            "REFOLD_ENGINE_NAME": name,
        }
        with (self._folder / f"{name}.log").open("ab") as output:
            self._children[name] = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "server.cli.main", "serve", *flags,
                env=environment, stdout=output, stderr=output,
            )  # fmt: skip

    async def end(self, name: str, how: signal.Signals) -> int:
        """Send a signal and wait for the end; returns the process id that is gone."""
        child = self._children.pop(name)
        if child.returncode is None:
            child.send_signal(how)
        try:
            async with asyncio.timeout(15):
                await child.wait()
        except TimeoutError:
            child.kill()
            await child.wait()
        return child.pid

    def logs(self) -> str:
        """The last lines of everybody's output, for when something goes wrong."""
        tails = []
        for path in sorted(self._folder.glob("*.log")):
            lines = path.read_text(errors="replace").splitlines()[-15:]
            tails += [f"--- {path.name}", *lines]
        return "\n".join(tails)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
