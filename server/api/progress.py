"""How far the read tables are behind the log."""

from aiohttp import web

from projections.questions.progress import progress_of
from server.api.door.exchange import Exchange
from server.api.door.reply import json_reply


async def show(exchange: Exchange) -> web.Response:
    """GET /projections."""
    found = await progress_of(exchange.services.executions, exchange.services.log)
    return json_reply(
        {
            "generation": found.generation,
            "version": found.version,
            "behind": found.behind,
            "lag_s": found.lag_s,
            "rows": found.rows,
        }
    )
