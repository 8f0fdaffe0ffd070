"""Answering a callback state: the token is the capability."""

from typing import Any

import msgspec
from aiohttp import web

from engine.model.errors import BadIdentifier
from engine.model.ids import format_execution, read_callback_token
from engine.ports.requests import CallbackRequest, encode
from schemas.api import answers
from schemas.json_text import dumps
from server.api.door.body import media_type_of, parse_json, read_bytes
from server.api.door.exchange import Exchange
from server.api.door.problem import ProblemRaised
from server.api.door.reply import json_reply
from server.api.live.waiting import inbox_topic
from server.api.past.reading import check_open, folded


async def answer(exchange: Exchange) -> web.Response:
    """POST /callbacks/{token}: the body is the answer, any JSON value (none: null). 202 when it is
    committed; the same again is taken too, the first counts."""
    services = exchange.services
    try:
        execution_id, frame = read_callback_token(
            services.installation.callback_secret, exchange.request.match_info["token"]
        )
    except BadIdentifier:
        raise ProblemRaised("callback.unknown", "this is not a token that was given out") from None
    data = await _data(exchange)
    await check_open(exchange, execution_id)
    state = await folded(exchange, execution_id)
    if state is None or frame not in state.frames:
        raise ProblemRaised("callback.not_open", "the state that waited for it was left")
    await services.inbox.put(
        "callback",
        execution_id,
        exchange.namespace,
        encode(CallbackRequest(frame=frame, data=msgspec.Raw(dumps(data)), asked=exchange.asked)),
        exchange.actor,
        exchange.traceparent,
    )
    await services.hints.notify(inbox_topic(execution_id))
    return json_reply(answers.Accepted(execution=format_execution(execution_id)), 202)


async def _data(exchange: Exchange) -> Any:
    body = await read_bytes(exchange)
    if not body:
        return None
    media_type_of(exchange, "application/json")
    return parse_json(body)
