"""A relay between a client and Postgres that can swallow what the server says, or cut the line."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import parse_qs, urlsplit


class Proxy:
    """`replies_lost`: what the server says does not arrive. `requests_lost`: what the client says
    does not arrive. `cut()` ends all connections at once."""

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn
        self._lines: list[asyncio.StreamWriter] = []
        self.replies_lost = False
        self.requests_lost = False
        self.server_spoke = asyncio.Event()
        self.url = ""

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        parts = urlsplit(self._dsn)
        directory = parse_qs(parts.query).get("host", [""])[0]
        if directory:
            path = f"{directory}/.s.PGSQL.{parts.port or 5432}"
            return await asyncio.open_unix_connection(path)
        return await asyncio.open_connection(parts.hostname, parts.port or 5432)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await self._connect()
        self._lines += [writer, server_writer]
        await asyncio.gather(
            self._relay(reader, server_writer, to_client=False),
            self._relay(server_reader, writer, to_client=True),
        )

    async def _relay(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, *, to_client: bool
    ) -> None:
        try:
            while part := await source.read(65_536):
                if to_client:
                    self.server_spoke.set()
                if not (self.replies_lost if to_client else self.requests_lost):
                    target.write(part)
                    await target.drain()
        except OSError:
            pass
        finally:
            target.close()

    def cut(self) -> None:
        """End all connections, unread bytes and all."""
        for line in self._lines:
            line.transport.abort()
        self._lines.clear()


@asynccontextmanager
async def proxy(dsn: str) -> AsyncIterator[Proxy]:
    """A running relay before the server of `dsn`; its `url` is the address to use instead."""
    relay = Proxy(dsn)
    server = await asyncio.start_server(relay.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    parts = urlsplit(dsn)
    user = f"{parts.username}:{parts.password or ''}@" if parts.username else ""
    relay.url = f"{parts.scheme}://{user}127.0.0.1:{port}{parts.path}"
    try:
        yield relay
    finally:
        relay.cut()
        server.close()
