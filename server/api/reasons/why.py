"""Why an execution does not move."""

from aiohttp import web

from server.api.door.exchange import Exchange
from server.api.door.reply import json_reply
from server.api.past.reading import execution_id_of
from server.api.reasons.gather import gather
from server.api.reasons.whole import why


async def show(exchange: Exchange) -> web.Response:
    """GET /executions/{id}/why: everything that it waits for or that keeps it, as it is now."""
    return json_reply(why(await gather(exchange, execution_id_of(exchange))))
