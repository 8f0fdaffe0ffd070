"""The log of one execution: a page, a download, a live stream; and its state at any event."""

from collections.abc import AsyncIterator, Callable

from aiohttp import web

from engine.core.replay import fold
from engine.model.state import ExecutionState
from engine.ports.codec import event_of
from engine.ports.rows import EventRow
from schemas.json_text import dumps
from server.api.describe import event_members, past_members
from server.api.exchange import Exchange
from server.api.problem import ProblemRaised
from server.api.reading import (
    check_accepted,
    check_namespace,
    execution_id_of,
    folded,
    pages,
    unknown,
)
from server.api.reply import json_reply
from server.api.times import parse_time
from server.api.waiting import log_topic, rung, woken

SSE = "text/event-stream"
NDJSON = "application/x-ndjson"
HEARTBEAT_S = 15.0
LOOK_S = 0.5
TERMINAL_TYPES = frozenset(
    {"ExecutionCompleted", "ExecutionFailed", "ExecutionCancelled", "GatheringExpired"}
)
"""Event types after which an execution's log never grows."""


async def events(exchange: Exchange) -> web.StreamResponse:
    """GET /executions/{id}/events, in the form that Accept asks for."""
    accept = exchange.request.headers.get("Accept", "")
    if SSE in accept:
        return await _live(exchange)
    if NDJSON in accept:
        return await _download(exchange)
    return await _page(exchange)


async def _page(exchange: Exchange) -> web.Response:
    execution_id, limit = execution_id_of(exchange), exchange.query["limit"]
    after = exchange.query["after"]
    rows = await exchange.services.log.read_execution(execution_id, after, limit + 1)
    if rows:
        check_namespace(exchange, rows[0])
    else:
        await _check_exists(exchange)
    page, rest = rows[:limit], rows[limit:]
    following = str(page[-1].seq) if rest else None
    return json_reply({"items": [event_members(row) for row in page], "next": following})


async def _check_exists(exchange: Exchange) -> None:
    """An empty page: behind the last event, not yet started, or no such execution."""
    execution_id = execution_id_of(exchange)
    first = await exchange.services.log.read_execution(execution_id, 0, 1)
    if first:
        check_namespace(exchange, first[0])
    else:
        await check_accepted(exchange, execution_id)


async def _download(exchange: Exchange) -> web.StreamResponse:
    await _check_exists(exchange)
    response = web.StreamResponse(headers={"Content-Type": NDJSON})
    await response.prepare(exchange.request)
    execution_id = execution_id_of(exchange)
    async for rows in pages(exchange.services, execution_id, exchange.query["after"]):
        await response.write(b"".join(dumps(event_members(row)) + b"\n" for row in rows))
    await response.write_eof()
    return response


async def _live(exchange: Exchange) -> web.StreamResponse:
    after = _last_seen(exchange)
    await _check_exists(exchange)
    response = web.StreamResponse(
        headers={"Content-Type": SSE, "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    )
    await response.prepare(exchange.request)
    async for rows in _growing(exchange, after):
        await response.write(b"".join(map(_frame, rows)) if rows else b": alive\n\n")
    await response.write(b"event: end\ndata: {}\n\n")
    await response.write_eof()
    return response


def _last_seen(exchange: Exchange) -> int:
    header = exchange.request.headers.get("Last-Event-ID")
    if header is None:
        return int(exchange.query["after"])
    if not (header.isascii() and header.isdigit() and len(header) <= 10):
        raise ProblemRaised("header.invalid", "Last-Event-ID is the seq of an event")
    return int(header)


async def _growing(exchange: Exchange, after: int) -> AsyncIterator[list[EventRow]]:
    """Pages as they come; an empty one when nothing came for a while. Ends with the execution."""
    execution_id, services = execution_id_of(exchange), exchange.services
    silent_s = 0.0
    async with woken(services.hints, log_topic(execution_id)) as bell:
        while True:
            async for rows in pages(services, execution_id, after):
                yield rows
                after, silent_s = rows[-1].seq, 0.0
            if await _ended(exchange, after):
                return
            await rung(bell, LOOK_S)
            silent_s += LOOK_S
            if silent_s >= HEARTBEAT_S:
                yield []
                silent_s = 0.0


async def _ended(exchange: Exchange, after: int) -> bool:
    """Whether the event at `after` (or, behind the end, the last one) is terminal."""
    log, execution_id = exchange.services.log, execution_id_of(exchange)
    last = await log.read_execution(execution_id, max(0, after - 1), 1)
    return bool(last) and last[0].seq <= after and last[0].type in TERMINAL_TYPES


def _frame(row: EventRow) -> bytes:
    data = dumps(event_members(row))
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (row.seq, row.type.encode(), data)


async def state_at(exchange: Exchange) -> web.Response:
    """GET /executions/{id}/state?at=N or an RFC 3339 time (none: now). The past never changes."""
    execution_id, at = execution_id_of(exchange), exchange.query["at"]
    state: ExecutionState | None
    if at is None or (at.isascii() and at.isdigit()):
        seq = _seq(at)
        state = None if seq == 0 else await folded(exchange, execution_id, seq)
    else:
        moment = parse_time("at", at)
        state = await _fold_while(exchange, lambda row: row.at <= moment)
    if state is None:
        await _check_exists(exchange)
        state = ExecutionState(id=execution_id)
    if at is not None and at.isdigit() and int(at) > state.seq:
        raise ProblemRaised("not_found", f"the last event is {state.seq}, there is no {at}")
    return json_reply(past_members(execution_id, state))


def _seq(at: str | None) -> int | None:
    if at is None:
        return None
    if len(at) > 9:
        raise ProblemRaised("query.invalid", "at is the seq of an event, or a time")
    return int(at)


async def _fold_while(
    exchange: Exchange, wanted: Callable[[EventRow], bool]
) -> ExecutionState | None:
    execution_id = execution_id_of(exchange)
    state: ExecutionState | None = None
    async for rows in pages(exchange.services, execution_id):
        check_namespace(exchange, rows[0])
        taken = [row for row in rows if wanted(row)]
        state = fold(execution_id, map(event_of, taken), state)
        if len(taken) < len(rows):
            break
    if state is None:
        raise unknown(execution_id)
    return state
