"""A service on the other side of HTTP: does each key once, and notes every call that arrives."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import suppress

import asyncpg
from aiohttp import web

from engine.model.ids import parse_execution, shard_of
from tests.crash.journal import Arrival, Journal

Answer = Callable[[str, str, str], Awaitable[None]]
"""Answers a callback: operation, token, how (`token` or `event`)."""

_INTENT = """
    SELECT EXISTS (
        SELECT 1 FROM log.events
        WHERE shard = $1 AND execution_id = $2 AND type = 'ActionScheduled'
          AND frame = $3 AND node = $4 AND attempt = $5)
"""


class Stub:
    """Paths: /do answers after a while, /flaky is down for the first two calls of a key, /ask
    answers later by callback."""

    def __init__(self, journal: Journal, seed: int, database: str, answer: Answer) -> None:
        self._journal = journal
        self._database = database
        self._chance = random.Random(f"stub {seed}")
        self._answer = answer
        self._calls: Counter[str] = Counter()
        self._asked: set[str] = set()
        self._pool: asyncpg.Pool | None = None
        self._runner: web.AppRunner | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.effects: dict[str, str] = {}
        self.running = 0
        self.url = ""

    async def start(self) -> None:
        self._pool = await asyncpg.create_pool(
            self._database, min_size=0, max_size=4, timeout=2, command_timeout=2
        )
        app = web.Application()
        app.add_routes(
            [
                web.post("/do", self._do),
                web.post("/flaky", self._flaky),
                web.post("/ask", self._ask),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._pool is not None:
            self._pool.terminate()

    async def _arrived(self, request: web.Request) -> tuple[str, str, dict[str, str]]:
        """The call's operation, key and body; noted before anything is done."""
        at = time.time()
        key = request.headers["Idempotency-Key"]
        attempt = int(request.headers["Refold-Attempt"])
        try:
            body = await request.json()
        except ConnectionResetError:
            raise web.HTTPBadRequest(reason="the caller died while it sent") from None
        seen = await self._is_intended(key, attempt)
        self._journal.arrivals.append(Arrival(body["op"], key, attempt, at, seen))
        self._calls[key] += 1
        return body["op"], key, body

    async def _is_intended(self, key: str, attempt: int) -> bool | None:
        execution, frame, node = key.split(":", 2)
        execution_id = parse_execution(execution)
        assert self._pool is not None
        try:
            return await self._pool.fetchval(
                _INTENT, shard_of(execution_id), execution_id, int(frame), node, attempt, timeout=2
            )
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return None
        except asyncpg.InternalClientError:
            return None

    async def _do(self, request: web.Request) -> web.Response:
        self.running += 1
        try:
            op, key, _ = await self._arrived(request)
            await asyncio.sleep(self._chance.choice((0, 0.02, 0.1, 0.3)))
            if self._chance.random() < 0.03:
                return web.json_response({"detail": "busy"}, status=503)
            self.effects.setdefault(key, op)
            return web.json_response({"did": op})
        finally:
            self.running -= 1

    async def _flaky(self, request: web.Request) -> web.Response:
        op, key, _ = await self._arrived(request)
        if self._calls[key] <= 2:
            return web.json_response({"detail": "down"}, status=503)
        self.effects.setdefault(key, op)
        return web.json_response({"did": op})

    async def _ask(self, request: web.Request) -> web.Response:
        op, key, body = await self._arrived(request)
        if key not in self._asked:
            self._asked.add(key)
            token = request.headers["Refold-Callback-Token"]
            task = asyncio.create_task(self._answer_later(op, token, body["answer"]))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        self.effects.setdefault(key, op)
        return web.json_response({"asked": op})

    async def _answer_later(self, op: str, token: str, how: str) -> None:
        await asyncio.sleep(self._chance.uniform(0, 1.0))
        with suppress(asyncio.CancelledError):
            await self._answer(op.partition("/")[0], token, how)
