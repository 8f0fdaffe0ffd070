"""Root of the server: health, readiness, metrics, the OpenAPI document, pages about problems."""

import asyncio
import html

from aiohttp import web

from engine.dialects.cncf_v08 import CODES
from schemas.api import answers
from server.api.door.catalogue import PROBLEMS
from server.api.door.exchange import Exchange
from server.api.door.metrics import exposition
from server.api.door.problem import ProblemRaised
from server.api.door.reply import json_reply

CHECK_S = 3.0
OPENAPI = web.AppKey("openapi", bytes)


async def healthz(_: Exchange) -> web.Response:
    """GET /healthz: the server answers."""
    return json_reply(answers.Health(status="ok"))


async def readyz(exchange: Exchange) -> web.Response:
    """GET /readyz: the services it depends on answer too; 503 otherwise."""
    names = list(exchange.services.checks)
    outcomes = await asyncio.gather(*(_outcome(exchange, name) for name in names))
    checks = dict(zip(names, outcomes, strict=True))
    if all(outcome == "ok" for outcome in outcomes):
        return json_reply(answers.Health(status="ok", checks=checks))
    body = answers.Health(status="unavailable", checks=checks)
    return json_reply(body, 503, {"Retry-After": "2"})


async def _outcome(exchange: Exchange, name: str) -> str:
    try:
        async with asyncio.timeout(CHECK_S):
            await exchange.services.checks[name]()
    except TimeoutError:
        return f"no answer within {CHECK_S:g} seconds"
    except Exception as error:  # noqa: BLE001 - whatever a check raises is its outcome
        return type(error).__name__
    return "ok"


async def metrics(_: Exchange) -> web.Response:
    """GET /metrics in the text form of Prometheus."""
    return web.Response(
        body=exposition(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
    )


async def openapi(exchange: Exchange) -> web.Response:
    """GET /openapi.json."""
    return web.Response(body=exchange.request.app[OPENAPI], content_type="application/json")


async def problem_page(exchange: Exchange) -> web.Response:
    """GET /errors/{code}: what a problem means and what to do about it."""
    code = exchange.request.match_info["code"]
    kind = PROBLEMS.get(code)
    if kind is not None:
        again = "The very same request may succeed later." if kind.retryable else ""
        return _page(code, kind.title, f"HTTP {kind.status}. {kind.advice} {again}")
    if code in CODES:
        return _page(code, "A fault of a definition", CODES[code])
    raise ProblemRaised("not_found", f"there is no problem {code[:80]!r}")


def _page(code: str, title: str, advice: str) -> web.Response:
    """Nothing here comes from outside, and it is escaped all the same."""
    shown, heading, words = map(html.escape, (code, title, advice))
    return web.Response(
        text=f"<!doctype html><html lang=en><meta charset=utf-8><title>{shown}</title>"
        f"<h1>{heading}</h1><p><code>{shown}</code><p>{words}",
        content_type="text/html",
        headers={"Content-Security-Policy": "default-src 'none'"},
    )
