"""Listening: the socket of the API, with limits against slow and too many clients."""

import asyncio
import logging
import socket
from typing import Any

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from engine.model.errors import RefoldError
from server.api.application import make_application
from server.api.door.connection import Connection
from server.api.door.exchange import ApiLimits, Services
from server.auth import check_binding

_log = logging.getLogger("refold.api")
KEEPALIVE_S = 75.0
SHUTDOWN_S = 5.0
_CONNECTION: dict[str, Any] = {
    "access_log": None,
    "keepalive_timeout": KEEPALIVE_S,
    "auto_decompress": False,
}


class AddressUnusable(RefoldError):
    """The address to listen on cannot be had."""

    code = "api.address_unusable"


def check_free(host: str, port: int) -> None:
    """Raises AddressUnusable where nobody could listen there now."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise _unusable(host, port, error) from None


def _unusable(host: str, port: int, error: OSError) -> AddressUnusable:
    return AddressUnusable(
        f"cannot listen on {host}:{port}: {error.strerror or error};"
        " choose another address, or port 0 for any free one"
    )


class Listener:
    """The API on one address; port 0 takes any free one."""

    def __init__(self, services: Services, host: str, port: int) -> None:
        """Raises UnsafeBinding where it would be open to others without keys."""
        check_binding(host, services.keyring)
        self._limits: ApiLimits = services.limits
        self._host, self._port = host, port
        self._runner = web.AppRunner(
            make_application(services),
            handler_cancellation=True,
            shutdown_timeout=SHUTDOWN_S,
        )
        self._server: asyncio.Server | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self._port}"

    async def start(self) -> None:
        """Listen. Raises AddressUnusable."""
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(
                self._connection, self._host, self._port, backlog=512, reuse_address=True
            )
        except OSError as error:
            await self._runner.cleanup()
            raise _unusable(self._host, self._port, error) from None
        bound: socket.socket = self._server.sockets[0]
        self._port = bound.getsockname()[1]

    def _connection(self) -> asyncio.Protocol:
        """A connection's protocol; one too many is closed at once."""
        server = self._runner.server
        if server is None:
            raise RuntimeError("the runner is set up before connections come")
        loop = asyncio.get_running_loop()
        handler = Connection(server, loop=loop, **_CONNECTION)
        if len(server.connections) >= self._limits.max_connections:
            loop.call_soon(handler.force_close)
        else:
            loop.call_later(self._limits.head_s, _close_silent, handler)
        return handler

    async def stop(self) -> None:
        """Stop listening, let requests under way end, then close."""
        if self._server is not None:
            self._server.close()
        await self._runner.cleanup()


def _close_silent(handler: RequestHandler) -> None:
    """Close a connection that has not sent the whole head of its first request yet."""
    if handler.transport is not None and not getattr(handler, "_request_count", 1):
        _log.info("closed a connection that sent no request in time")
        handler.force_close()
