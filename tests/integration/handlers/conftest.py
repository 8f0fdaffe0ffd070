"""A real HTTP service that behaves well and badly, and clients of the engine for it."""

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from uuid import UUID

import pytest
import pytest_asyncio
from aiohttp import web

from engine.adapters.handlers.egress import EgressPolicy
from engine.adapters.handlers.http_client import HttpClient
from engine.ports.world import Call

EXECUTION = UUID("01890a5d-ac96-774b-bcce-b302099a8057")


def make_call(operation: str, arguments: object = None, **changes: object) -> Call:
    values: dict[str, object] = {
        "namespace": "default",
        "execution_id": EXECUTION,
        "workflow": "order",
        "state": "Pay",
        "function": "pay",
        "handler": "http",
        "operation": operation,
        "arguments": arguments,
        "key": "ex_1:2:n3",
        "attempt": 1,
        "timeout_ms": 5_000,
    }
    return Call(**{**values, **changes})


@pytest.fixture
def call() -> Callable[..., Call]:
    return make_call


class Service:
    """The service's address, and what it was asked."""

    def __init__(self) -> None:
        self.requests: list[dict[str, object]] = []
        self.url = ""


@pytest_asyncio.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    app = web.Application(client_max_size=4 * 1024 * 1024)
    app.router.add_route("*", "/{tail:.*}", _answering(service))
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    service.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield service
    await runner.cleanup()


@pytest_asyncio.fixture
async def client() -> AsyncIterator[HttpClient]:
    """A client that may reach loopback addresses."""
    client = HttpClient(EgressPolicy(["loopback"]))
    await client.open()
    yield client
    await client.close()


def _answering(service: Service) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def answer(request: web.Request) -> web.StreamResponse:
        service.requests.append(
            {
                "method": request.method,
                "path": request.raw_path.partition("?")[0],
                "query": [list(pair) for pair in request.query.items()],
                "headers": {name.lower(): value for name, value in request.headers.items()},
                "body": (await request.read()).decode(),
            }
        )
        made = _MADE.get(request.path.strip("/").partition("/")[0])
        if made is not None:
            return await made(request)
        return web.json_response(service.requests[-1])

    return answer


async def _status(request: web.Request) -> web.StreamResponse:
    code = int(request.path.rpartition("/")[2])
    return web.json_response({"reason": "made"}, status=code, headers={"Retry-After": "7"})


async def _huge(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    for _ in range(40):
        await response.write(b"x" * 65_536)
    return response


async def _bomb(request: web.Request) -> web.StreamResponse:
    body = gzip.compress(b"0" * 200_000_000, 1)
    return web.Response(body=body, headers={"Content-Encoding": "gzip"})


async def _zipped(request: web.Request) -> web.StreamResponse:
    body = gzip.compress(json.dumps({"zipped": True}).encode())
    headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    return web.Response(body=body, headers=headers)


async def _cut(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b"only a little")
    if request.transport is not None:
        request.transport.close()
    return response


async def _cut_gzip(request: web.Request) -> web.StreamResponse:
    body = gzip.compress(b"a" * 5_000)[:-10]
    return web.Response(body=body, headers={"Content-Encoding": "gzip"})


async def _slow(request: web.Request) -> web.StreamResponse:
    await asyncio.sleep(30)
    return web.Response()


async def _redirect(request: web.Request) -> web.StreamResponse:
    status = int(request.query.get("status", "302"))
    return web.Response(status=status, headers={"Location": request.query["to"]})


async def _raw(request: web.Request) -> web.StreamResponse:
    body = bytes.fromhex(request.query["hex"])
    return web.Response(body=body, headers={"Content-Type": request.query["type"]})


async def _empty(request: web.Request) -> web.StreamResponse:
    return web.Response(status=204)


async def _loop(request: web.Request) -> web.StreamResponse:
    return web.Response(status=302, headers={"Location": "/loop"})


_MADE = {
    "status": _status,
    "huge": _huge,
    "bomb": _bomb,
    "zipped": _zipped,
    "cut": _cut,
    "cut-gzip": _cut_gzip,
    "slow": _slow,
    "redirect": _redirect,
    "raw": _raw,
    "empty": _empty,
    "loop": _loop,
}
