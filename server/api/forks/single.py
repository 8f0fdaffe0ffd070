"""Forking and redriving an execution over HTTP."""

from aiohttp import web

from engine.model.ids import parse_execution
from schemas.api.forks import Fork, Redrive
from server.api.door.body import read_model, read_optional
from server.api.door.exchange import Exchange
from server.api.door.reply import json_reply
from server.api.executions.starting import idempotency_key
from server.api.forks.forking import Asker, Order
from server.api.forks.forking import fork as make_fork
from server.api.live.waiting import until_closed
from server.api.past.reading import execution_id_of


async def fork(exchange: Exchange) -> web.Response:
    """POST /executions/{id}/fork: 201 the first time, 200 for the same key or a dry run."""
    key = idempotency_key(exchange)
    wanted = await read_model(exchange, Fork)
    return await _answered(exchange, Order(wanted, key=key))


async def redrive(exchange: Exchange) -> web.Response:
    """POST /executions/{id}/redrive: a fork from where the execution failed."""
    key = idempotency_key(exchange)
    asked = await read_optional(exchange, Redrive)
    wanted = Fork(**asked.model_dump(exclude={"again"}))
    return await _answered(exchange, Order(wanted, redrive=True, key=key, again=asked.again))


async def _answered(exchange: Exchange, order: Order) -> web.Response:
    wait_s = exchange.wait_s
    asker = Asker.of(exchange, order.wanted.reason)
    answer = await make_fork(asker, execution_id_of(exchange), order)
    headers: dict[str, str] = {}
    if answer.execution is None:
        return json_reply(answer)
    headers["Location"] = f"/v1/namespaces/{exchange.namespace}/executions/{answer.execution}"
    if answer.replayed:
        headers["Idempotency-Replayed"] = "true"
    if wait_s:
        await until_closed(exchange, parse_execution(answer.execution), wait_s)
        headers["Preference-Applied"] = f"wait={wait_s}"
    return json_reply(answer, 200 if answer.replayed else 201, headers)
