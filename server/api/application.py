"""The application: every route of the table behind the gate, and nothing else."""

from aiohttp import web

from schemas.json_text import dumps
from server.api.door.exchange import SERVICES, Services
from server.api.door.gate import answer_problems, guarded
from server.api.door.openapi import document
from server.api.erasures.erasing import ERASING, Erasing
from server.api.live.tails import TAILS, Tails
from server.api.routes import ROUTES
from server.api.system import OPENAPI

API_VERSION = "0.1.0"


def make_application(services: Services) -> web.Application:
    """The aiohttp application over these services."""
    application = web.Application(
        middlewares=[answer_problems], client_max_size=services.limits.max_body_bytes
    )
    application[SERVICES] = services
    tails = Tails(services.log, services.hints, services.limits.max_streams)
    application[TAILS] = tails
    application.cleanup_ctx.append(tails.listening)
    erasing = Erasing(services)
    application[ERASING] = erasing
    application.cleanup_ctx.append(erasing.carrying_on)
    application[OPENAPI] = dumps(document(ROUTES, API_VERSION))
    for route in ROUTES:
        if route.method == "GET":
            application.router.add_get(route.path, guarded(route))
        else:
            application.router.add_route(route.method, route.path, guarded(route))
    return application
