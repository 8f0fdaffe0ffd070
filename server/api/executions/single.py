"""Executions: get, cancel."""

import msgspec
from aiohttp import web

from engine.model.ids import format_execution
from engine.model.state import ExecutionState
from engine.ports.codec import event_of
from engine.ports.requests import CancelRequest, encode
from schemas.api import answers
from schemas.api.requests import CancelExecution
from schemas.events.bodies import ExecutionCancelled
from schemas.events.parts import Asked
from server.api.door.body import read_optional
from server.api.door.exchange import Exchange
from server.api.door.reply import json_reply
from server.api.live.waiting import inbox_topic, until_closed
from server.api.past.describe import execution_members
from server.api.past.reading import check_open, execution_id_of, folded, last_fact


async def show(exchange: Exchange) -> web.Response:
    """GET /executions/{id}: as its log has it now; `Prefer: wait` waits for its end."""
    execution_id, wait_s = execution_id_of(exchange), exchange.wait_s
    headers = {}
    if wait_s:
        state = await until_closed(exchange, execution_id, wait_s)
        headers["Preference-Applied"] = f"wait={wait_s}"
    else:
        state = await folded(exchange, execution_id)
    secret = exchange.services.installation.callback_secret
    reason = await _reason(exchange, state)
    return json_reply(execution_members(execution_id, state, secret, reason), headers=headers)


async def _reason(exchange: Exchange, state: ExecutionState | None) -> str:
    """Why the execution was cancelled: a fact of the event that ended it, which no fold needs."""
    if state is None or state.phase != "cancelled":
        return ""
    log = exchange.services.log
    rows = await log.read_execution(state.id, state.seq - 1, 1)
    body = event_of(await last_fact(log, rows[0])).body
    return body.asked.reason if isinstance(body, ExecutionCancelled) else ""


async def cancel(exchange: Exchange) -> web.Response:
    """POST /executions/{id}/cancel: committed to the inbox, then answered."""
    execution_id = execution_id_of(exchange)
    wanted = await read_optional(exchange, CancelExecution)
    await check_open(exchange, execution_id)
    await exchange.services.inbox.put(
        "cancel",
        execution_id,
        exchange.namespace,
        encode(CancelRequest(asked=_asked(exchange, wanted.reason))),
        exchange.actor,
        exchange.traceparent,
    )
    await exchange.services.hints.notify(inbox_topic(execution_id))
    return json_reply(answers.Accepted(execution=format_execution(execution_id)), 202)


def _asked(exchange: Exchange, reason: str) -> Asked:
    """The body's reason counts before that of the header."""
    asked = exchange.asked
    return msgspec.structs.replace(asked, reason=reason) if reason else asked
