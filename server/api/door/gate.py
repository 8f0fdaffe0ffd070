"""The gate every request passes: who asks, what may be asked, how long; errors become problems."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from engine.model.cloudevents import CloudEventFault
from engine.model.errors import RefoldError
from server.api.door.exchange import SERVICES, Exchange, Services
from server.api.door.metrics import REQUESTS
from server.api.door.problem import ProblemRaised, problem_of, problem_of_fault, problem_response
from server.api.door.route import Query, Route
from server.api.door.times import parse_time
from server.auth.binding import host_of, is_loopback_host
from server.auth.keys import bearer_key

_log = logging.getLogger("refold.api")
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
ANONYMOUS = "anonymous"


def guarded(route: Route) -> _Handler:
    """The route's handler behind its own checks."""

    async def handle(request: web.Request) -> web.StreamResponse:
        services = request.app[SERVICES]
        actor = _actor_of(request, route, services)
        _refuse_encoding(request)
        exchange = Exchange(request, services, actor, _checked_query(request, route))
        limit = asyncio.timeout(route.time_limit_s)
        try:
            async with limit:
                return await route.handler(exchange)
        except TimeoutError:
            if not limit.expired():
                raise
            raise ProblemRaised(
                "request.too_slow", f"no answer within {route.time_limit_s:g} seconds"
            ) from None

    handle.__name__ = route.name
    return handle


@web.middleware
async def answer_problems(request: web.Request, handler: _Handler) -> web.StreamResponse:
    """Turn whatever a handler raises into a problem; count the answer."""
    began = time.perf_counter()
    status = 499
    try:
        response = await _answered(request, handler)
        status = response.status
        return response
    finally:
        name = getattr(request.match_info.handler, "__name__", "none")
        REQUESTS.labels(name, str(status)).observe(time.perf_counter() - began)


async def _answered(request: web.Request, handler: _Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except ProblemRaised as problem:
        return problem_response(problem)
    except CloudEventFault as fault:
        return problem_response(problem_of_fault(fault))
    except RefoldError as error:
        return problem_response(problem_of(error))
    except web.HTTPException as error:
        return problem_response(_problem_of_http(request, error))
    except OSError as error:
        _log.warning("a service is away: %s", error)
        return problem_response(ProblemRaised("unavailable", "a service is away; try again"))
    except Exception:  # noqa: BLE001 - the last wall: a fault is answered and logged, never shown
        _log.exception("fault while answering %s %s", request.method, request.rel_url.raw_path)
        return problem_response(ProblemRaised("internal", "the server logged what happened"))


def _problem_of_http(request: web.Request, error: web.HTTPException) -> ProblemRaised:
    if isinstance(error, web.HTTPMethodNotAllowed):
        allowed = ", ".join(sorted(error.allowed_methods))
        return ProblemRaised(
            "method.not_allowed", f"{request.method[:20]} is not one of {allowed}",
            headers={"Allow": allowed},
        )  # fmt: skip
    if isinstance(error, web.HTTPRequestEntityTooLarge):
        return ProblemRaised("body.too_large", "the body is larger than this server takes")
    if isinstance(error, web.HTTPNotFound):
        return ProblemRaised("route.unknown", f"nothing is at {request.rel_url.raw_path[:200]}")
    return ProblemRaised("request.malformed", error.reason)


def _actor_of(request: web.Request, route: Route, services: Services) -> str:
    if not services.keyring:
        host = host_of(request.headers.get("Host", "localhost"))
        if not is_loopback_host(host):
            raise ProblemRaised("auth.host_refused", f"the Host header says {host[:100]!r}")
        return ANONYMOUS
    key = bearer_key(request.headers.get("Authorization"))
    name = None if key is None else services.keyring.name_of(key)
    if name is not None:
        return f"key:{name}"
    if route.key:
        raise ProblemRaised("auth.required", "no key, or one that this server does not know")
    return ANONYMOUS


def _refuse_encoding(request: web.Request) -> None:
    encoding = request.headers.get("Content-Encoding", "identity")
    if encoding.strip().lower() != "identity":
        raise ProblemRaised("body.encoded", f"Content-Encoding is {encoding[:40]!r}")


def _checked_query(request: web.Request, route: Route) -> dict[str, Any]:
    known = route.parameters
    values: dict[str, Any] = {name: one.default for name, one in known.items()}
    seen: set[str] = set()
    for name, text in request.query.items():
        if name not in known:
            raise ProblemRaised(
                "query.unknown",
                f"{name[:80]!r} is not a parameter here; known: {', '.join(known) or 'none'}",
            )
        if known[name].most > 1:
            given = values[name] = (*(values[name] or ()), _checked_value(known[name], text))
            if len(given) > known[name].most:
                raise ProblemRaised(
                    "query.invalid", f"{name} stands at most {known[name].most} times"
                )
            continue
        if name in seen:
            raise ProblemRaised("query.invalid", f"{name} stands twice; send it once")
        seen.add(name)
        values[name] = _checked_value(known[name], text)
    return values


def _checked_value(parameter: Query, text: str) -> Any:
    name = parameter.name
    if parameter.kind == "integer":
        if not (text.isascii() and text.isdigit() and len(text) <= 16):
            raise ProblemRaised("query.invalid", f"{name} takes a whole number")
        number = int(text)
        if not parameter.minimum <= number <= parameter.maximum:
            raise ProblemRaised(
                "query.invalid", f"{name} is from {parameter.minimum} to {parameter.maximum}"
            )
        return number
    if parameter.kind == "time":
        return parse_time(name, text)
    if parameter.choices and text not in parameter.choices:
        raise ProblemRaised("query.invalid", f"{name} is one of {', '.join(parameter.choices)}")
    if len(text) > parameter.max_length or not text.isprintable():
        raise ProblemRaised(
            "query.invalid", f"{name} is at most {parameter.max_length} printable characters"
        )
    return text
