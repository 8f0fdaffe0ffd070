"""A proxy before Postgres that misbehaves.

It swallows replies, so that the client cannot know what was committed; or keeps back the end of
requests, so that a statement has run, holds its locks and cannot commit; or keeps back requests
whole, so that they arrive when their sender is no longer the owner of what they write to.
"""

import asyncio
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, quote, unquote, urlsplit

_SOCKET = ".s.PGSQL.5432"
_CHUNK = 65_536
_SYNC = b"S\x00\x00\x00\x04"
"""The message that ends a request, and with it the transaction of a statement."""
_APPEND_BYTES = 1_500
"""No other request of an engine at work is as large as an append of a few events."""


class Proxy:
    """Listens on a unix socket in `directory` and forwards to the Postgres of `database`."""

    def __init__(self, directory: Path, database: str) -> None:
        self._directory = directory
        self._target = Path(unquote(parse_qs(urlsplit(database).query)["host"][0])) / _SOCKET
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._swallowing = False
        self._passing = asyncio.Event()
        self._passing.set()
        self._tails_only = False
        self.swallowed = 0
        self.withheld = 0
        self.withheld_appends = 0

    @property
    def url(self) -> str:
        host = quote(str(self._directory), safe="")
        return f"postgresql://postgres@/postgres?host={host}&port=5432"

    async def start(self) -> None:
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._server = await asyncio.start_unix_server(
            self._accept, path=str(self._directory / _SOCKET)
        )

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def swallow(self, seconds: float) -> int:
        """Let requests through and their replies vanish, then cut all connections; how many bytes
        of replies were swallowed."""
        before, self._swallowing = self.swallowed, True
        await asyncio.sleep(seconds)
        for writer in list(self._writers):
            writer.transport.abort()
        self._swallowing = False
        return self.swallowed - before

    def withhold(self, *, tails_only: bool) -> None:
        """From now on requests are forwarded only without their end; or, from the next append on,
        not at all."""
        self.withheld = self.withheld_appends = 0
        self._tails_only = tails_only
        self._passing.clear()

    def release(self) -> None:
        """Forward what was kept back."""
        self._passing.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            server_reader, server_writer = await asyncio.open_unix_connection(str(self._target))
        except OSError:
            writer.transport.abort()
            return
        both = {writer, server_writer}
        self._writers |= both
        try:
            await asyncio.gather(
                self._pump(reader, server_writer, replies=False),
                self._pump(server_reader, writer, replies=True),
            )
        finally:
            self._writers -= both
            for one in both:
                one.transport.abort()

    async def _pump(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, replies: bool
    ) -> None:
        with suppress(OSError):
            while data := await source.read(_CHUNK):
                if replies and self._swallowing:
                    self.swallowed += len(data)
                    continue
                if not replies and not self._passing.is_set():
                    data = await self._kept_back(data, sink)
                sink.write(data)
                await sink.drain()
        sink.transport.abort()

    async def _kept_back(self, data: bytes, sink: asyncio.StreamWriter) -> bytes:
        """What is left to be sent when requests pass again."""
        is_append = len(data) > _APPEND_BYTES
        if self._tails_only:
            if not data.endswith(_SYNC):
                return data
            sink.write(data.removesuffix(_SYNC))
            data = _SYNC
        elif not is_append and not self.withheld_appends:
            return data
        self.withheld += 1
        self.withheld_appends += is_append
        await self._passing.wait()
        return data
