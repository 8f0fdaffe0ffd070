"""A NATS server of our own: JetStream in the data directory, on a loopback port.

NATS is transport; its file store is synced every two minutes by default, and that is enough,
because whatever must not be lost is committed in Postgres.
"""

import asyncio
import json
import secrets
import signal
from contextlib import suppress
from pathlib import Path

from server.embedded.account import make_data_directory
from server.embedded.binaries import find_nats_server
from server.embedded.child import Child, Launch
from server.embedded.errors import PlaceUnusable, ServiceFailed
from server.embedded.loopback import is_free, loopback_address, pick_free
from server.embedded.ownership import DirectoryLock, end_leftovers

_PROGRAM = "nats-server"
_MONITOR_HOST = "127.0.0.1"
_MEMORY_STORE_BYTES = 256 * 1024 * 1024
_FILE_STORE_BYTES = 10 * 1024 * 1024 * 1024
_POLL_S = 0.02


class EmbeddedNats:
    """One server. Port 0: any free one, kept over restarts of this object.

    With `die_with_parent` the server shuts down when the thread that called `start` ends, however
    it ends; without, it lives on, and the next start of the same directory ends it first.
    """

    def __init__(
        self,
        data_dir: Path,
        host: str = "127.0.0.1",
        port: int = 0,
        *,
        die_with_parent: bool = True,
        start_timeout_s: float = 120.0,
    ) -> None:
        self._data_dir = data_dir
        self._home = data_dir / "nats"
        self._host = loopback_address(host)
        self._port = port
        self._monitor_port = 0
        self._name = ""
        self._death_signal = signal.SIGTERM if die_with_parent else 0
        self._start_timeout_s = start_timeout_s
        self._lock = DirectoryLock(data_dir / "nats.lock")
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """The address for clients; known from the first start on."""
        if not self._port:
            raise ServiceFailed("NATS has not been started; call start() first")
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"nats://{host}:{self._port}"

    @property
    def pid(self) -> int:
        if self._child is None:
            raise ServiceFailed("NATS is not running; call start() first")
        return self._child.pid

    @property
    def log_path(self) -> Path:
        return self._data_dir / "nats.log"

    async def start(self) -> str:
        """Start, recover the streams that are there; the URL, once it is healthy.

        Raises ProgramMissing, AlreadyRunning, PlaceUnusable or ServiceFailed.
        """
        if self._child is not None and self._child.exit_code is None:
            return self.url
        make_data_directory(self._data_dir)
        self._home.mkdir(mode=0o700, exist_ok=True)
        self._lock.acquire()
        try:
            await self._start_owned()
        except BaseException:
            if self._child is not None:
                await self.kill()
            self._lock.release()
            raise
        return self.url

    async def _start_owned(self) -> None:
        program = find_nats_server()
        await end_leftovers(self._home, _PROGRAM, signal.SIGTERM)
        self._port = self._port or pick_free(self._host)
        if not is_free(self._host, self._port):
            # Before anyone connects: else our clients would speak to a stranger.
            raise PlaceUnusable(
                f"port {self._port} on {self._host} is taken by another program;"
                " stop it, or choose another port (0: any free one)"
            )
        self._monitor_port = pick_free(_MONITOR_HOST)
        self._name = f"refold-{secrets.token_hex(8)}"
        config = self._home / "nats.conf"
        config.write_text(json.dumps(self._settings(), indent=2))
        self._child = await Child.start(
            Launch(
                program=program,
                arguments=("--config", str(config.resolve())),
                directory=self._home,
                log=self.log_path,
                death_signal=self._death_signal,
            )
        )
        await self._ready(self._child)

    def _settings(self) -> dict[str, object]:
        """The configuration file (JSON is a subset of its language)."""
        return {
            "server_name": self._name,
            "host": self._host,
            "port": self._port,
            "http": f"{_MONITOR_HOST}:{self._monitor_port}",
            "jetstream": {
                "store_dir": str(self._home.resolve()),
                "max_memory_store": _MEMORY_STORE_BYTES,
                "max_file_store": _FILE_STORE_BYTES,
            },
        }

    async def _ready(self, child: Child) -> None:
        try:
            async with asyncio.timeout(self._start_timeout_s):
                while not await self._healthy():
                    if child.exit_code is not None:
                        raise ServiceFailed(
                            f"nats-server ended with {child.exit_code} before it was ready;"
                            f" {self.log_path} ends with:\n{child.log_tail()}"
                        )
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise ServiceFailed(
                f"nats-server was not ready after {self._start_timeout_s:g} s;"
                f" {self.log_path} ends with:\n{child.log_tail()}"
            ) from None

    async def _healthy(self) -> bool:
        """Our own server answers (by its name of this start), and its streams are recovered."""
        if json.dumps(self._name).encode() not in await self._ask("/varz"):
            return False
        return b" 200 " in (await self._ask("/healthz")).partition(b"\r\n")[0]

    async def _ask(self, path: str) -> bytes:
        """A page of the monitoring port, head and body; empty while nobody answers."""
        try:
            reader, writer = await asyncio.open_connection(_MONITOR_HOST, self._monitor_port)
        except OSError:
            return b""
        try:
            writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
            async with asyncio.timeout(5):
                return await reader.read(-1)
        except OSError:
            return b""
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    async def wait(self) -> int:
        """Wait until the server ends, by itself or by `stop` or `kill`; its exit code."""
        if self._child is None:
            raise ServiceFailed("NATS is not running; call start() first")
        return await self._child.wait()

    async def stop(self) -> None:
        """Shut down. Safe to call twice."""
        if self._child is not None:
            await self._child.stop((signal.SIGTERM, 15.0))
            self._child = None
        self._lock.release()

    async def kill(self) -> None:
        """SIGKILL: a crash, for demo and tests. The directory stays ours; `restart` recovers it."""
        if self._child is not None:
            await self._child.kill()
            self._child = None

    async def restart(self) -> str:
        """Start again on the same port, after a stop if it still runs."""
        await self.stop()
        return await self.start()

    async def __aenter__(self) -> "EmbeddedNats":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
