"""The services that definitions call: an HTTP server of our own that keeps what it was asked.

Each test has a scope, the first segment of the path; the rest names the operation. An answer is
given by a function of the call, or is the same each time.
"""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from tests.spec.background import Background


@dataclass(frozen=True)
class Call:
    """One request. `arguments`: the JSON body, else the query."""

    operation: str
    method: str
    arguments: Any
    headers: dict[str, str]
    number: int


@dataclass(frozen=True)
class Answer:
    """What the service says; an `Answer` that is held waits for its event."""

    body: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    delay_s: float = 0.0


Behaviour = Callable[[Call], Answer]


class Stub:
    """A server on a free port."""

    def __init__(self, background: Background) -> None:
        self._background = background
        self._calls: dict[str, list[Call]] = defaultdict(list)
        self._behaviours: dict[tuple[str, str], Behaviour] = {}
        self.url = background.run(self._start())

    def close(self) -> None:
        """Stop serving."""
        self._background.run(self._runner.cleanup())

    def answers(self, scope: str, operation: str, behaviour: Behaviour | Any) -> None:
        """Answer the operation by a function of the call, or always with one JSON value."""
        found = behaviour if callable(behaviour) else lambda _: Answer(behaviour)
        self._behaviours[scope, operation] = found

    def calls(self, scope: str) -> list[Call]:
        """What was asked, in order of arrival."""
        return list(self._calls[scope])

    def document(self, scope: str, operations: list[str]) -> str:
        """An OpenAPI document whose operations are ours: POST with a JSON body."""
        body = {"content": {"application/json": {"schema": {"type": "object"}}}}
        paths = {
            f"/{name}": {"post": {"operationId": name, "requestBody": body, "responses": {}}}
            for name in operations
        }
        return json.dumps(
            {
                "openapi": "3.0.3",
                "info": {"title": scope, "version": "1"},
                "servers": [{"url": f"{self.url}/{scope}"}],
                "paths": paths,
            }
        )

    async def _start(self) -> str:
        application = web.Application()
        application.router.add_route("*", "/{scope}/{operation:.+}", self._serve)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def _serve(self, request: web.Request) -> web.Response:
        scope, operation = request.match_info["scope"], request.match_info["operation"]
        text = await request.text()
        arguments = json.loads(text) if text else dict(request.query)
        number = 1 + sum(one.operation == operation for one in self._calls[scope])
        headers = {name.lower(): value for name, value in request.headers.items()}
        call = Call(operation, request.method, arguments, headers, number)
        self._calls[scope].append(call)
        behaviour = self._behaviours.get((scope, operation))
        if behaviour is None:
            return web.json_response({"unknown": operation}, status=404)
        answer = behaviour(call)
        await asyncio.sleep(answer.delay_s)
        return web.json_response(answer.body, status=answer.status, headers=answer.headers)
