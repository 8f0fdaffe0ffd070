"""One connection to NATS that outlives its server: it comes back by itself, for ever."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from urllib.parse import urlsplit

import nats.errors
from nats.aio.client import Client

from engine.model.errors import Unavailable

_logger = logging.getLogger("refold.nats")

_DEFAULT_PORT = 4222
_PROBE_SECONDS = 1.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0
_PING_SECONDS = 5
_PENDING_BYTES = 16 * 1024 * 1024

Announce = Callable[[Client, bool], Awaitable[None]]
"""Called with the client after every connect; True: it is a new client without subscriptions."""


class NatsConnection:
    """Connects in the background. `url` may name several servers, parted by commas.

    nats-py waits two seconds after a refused first attempt, so a port is probed before. Streams
    may be gone after a restart of the server (memory storage), so those who need them announce
    themselves and are called after each connect.
    """

    def __init__(self, url: str, name: str = "refold") -> None:
        self._urls = [part.strip() for part in url.split(",") if part.strip()]
        self._name = name
        self._client: Client | None = None
        self._announcers: list[Announce] = []
        self._connected = asyncio.Event()
        self._is_closing = False
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to connect; returns at once."""
        self._spawn(self._connect())

    async def close(self) -> None:
        """Send what is buffered and close."""
        self._is_closing = True
        for task in list(self._tasks):
            task.cancel()
        if self._client is not None:
            with suppress(nats.errors.Error, TimeoutError, OSError):
                if self._client.is_connected:
                    await self._client.flush(timeout=2)
                await self._client.close()

    @property
    def client(self) -> Client | None:
        """The client while it is connected, else None."""
        client = self._client
        return client if client is not None and client.is_connected else None

    async def connected(self, timeout_s: float | None = None) -> Client:
        """The client, once it is connected. Raises Unavailable after `timeout_s` seconds."""
        try:
            async with asyncio.timeout(timeout_s):
                while (client := self.client) is None:
                    await self._connected.wait()
                    await asyncio.sleep(0 if self.client else _FIRST_PAUSE)
        except TimeoutError:
            raise Unavailable(
                f"NATS cannot be reached at {self.shown}; start it, or correct REFOLD_NATS_URL"
            ) from None
        return client

    @property
    def shown(self) -> str:
        """The addresses without user names and passwords."""
        return ", ".join("{}:{}".format(*_address(url)) for url in self._urls)

    async def announce(self, announcer: Announce) -> None:
        """Call this after each connect; at once too if there is a connection."""
        self._announcers.append(announcer)
        client = self.client
        if client is not None:
            await self._tell(announcer, client, is_new=True)

    async def _connect(self) -> None:
        pause = _FIRST_PAUSE
        while not self._is_closing:
            try:
                await self._probe()
                client = Client()
                await self._open(client)
            except (OSError, TimeoutError, nats.errors.Error) as error:
                _logger.debug("NATS is not there yet: %s", error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
                continue
            self._client = client
            self._connected.set()
            await self._tell_all(client, is_new=True)
            return

    async def _open(self, client: Client) -> None:
        await client.connect(
            servers=self._urls,
            name=self._name,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.2,  # type: ignore[arg-type] # seconds; fractions are fine
            ping_interval=_PING_SECONDS,
            max_outstanding_pings=2,
            connect_timeout=5,
            pending_size=_PENDING_BYTES,
            error_cb=self._on_error,
            disconnected_cb=self._on_disconnected,
            reconnected_cb=self._on_reconnected,
            closed_cb=self._on_closed,
        )

    async def _probe(self) -> None:
        """Raise OSError or TimeoutError unless one of the servers accepts connections."""
        failures: list[Exception] = []
        for url in self._urls:
            host, port = _address(url)
            try:
                async with asyncio.timeout(_PROBE_SECONDS):
                    _, writer = await asyncio.open_connection(host, port)
            except (OSError, TimeoutError) as error:
                failures.append(error)
                continue
            writer.close()
            return
        raise failures[0] if failures else OSError("REFOLD_NATS_URL names no server")

    async def _on_error(self, error: Exception) -> None:
        _logger.debug("NATS: %s", error)

    async def _on_disconnected(self) -> None:
        self._connected.clear()
        if not self._is_closing:
            _logger.warning("The connection to NATS (%s) is lost; waiting for it.", self.shown)

    async def _on_reconnected(self) -> None:
        self._connected.set()
        _logger.warning("The connection to NATS (%s) is back.", self.shown)
        if self._client is not None:
            self._spawn(self._tell_all(self._client, is_new=False))

    async def _on_closed(self) -> None:
        self._connected.clear()
        if not self._is_closing and self._client is not None and self._client.is_closed:
            self._spawn(self._connect())

    async def _tell_all(self, client: Client, *, is_new: bool) -> None:
        for announcer in list(self._announcers):
            await self._tell(announcer, client, is_new=is_new)

    async def _tell(self, announcer: Announce, client: Client, *, is_new: bool) -> None:
        try:
            await announcer(client, is_new)
        except (nats.errors.Error, TimeoutError, OSError, Unavailable) as error:
            _logger.warning("NATS (%s): %s", self.shown, str(error) or type(error).__name__)

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _address(url: str) -> tuple[str, int]:
    parts = urlsplit(url if "://" in url else f"nats://{url}")
    return parts.hostname or "127.0.0.1", parts.port or _DEFAULT_PORT
