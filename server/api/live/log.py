"""The log of one execution: a page, a download, a live stream."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
from aiohttp import web

from engine.ports.rows import EventRow
from schemas.json_text import dumps
from server.api.door.exchange import Exchange
from server.api.door.pace import Pace
from server.api.door.problem import ProblemRaised
from server.api.door.reply import json_reply
from server.api.live.tails import TAILS
from server.api.past.describe import event_members
from server.api.past.reading import (
    TERMINAL_TYPES,
    check_exists,
    check_namespace,
    execution_id_of,
    last_fact,
    pages,
)

SSE = "text/event-stream"
NDJSON = "application/x-ndjson"
HEARTBEAT_S = 15.0
LOOK_S = 0.5
LONGEST_LOOK_S = 5.0
"""A live view that no hint wakes looks by itself after `LOOK_S`, then more and more seldom."""


async def events(exchange: Exchange) -> web.StreamResponse:
    """GET /executions/{id}/events, in the form that Accept asks for."""
    accept = exchange.request.headers.get("Accept", "")
    if SSE not in accept and NDJSON not in accept:
        return await _page(exchange)
    with exchange.request.app[TAILS].place():
        return await (_live if SSE in accept else _download)(exchange)


async def _page(exchange: Exchange) -> web.Response:
    execution_id, limit = execution_id_of(exchange), exchange.query["limit"]
    after = exchange.query["after"]
    rows = await exchange.services.log.read_execution(execution_id, after, limit + 1)
    if rows:
        check_namespace(exchange, rows[0])
    else:
        await check_exists(exchange, execution_id)
    page, rest = rows[:limit], rows[limit:]
    following = str(page[-1].seq) if rest else None
    return json_reply({"items": await _written(page), "next": following})


async def _written(rows: list[EventRow]) -> list[msgspec.Raw]:
    """The events as JSON, each by itself: a page may hold thousands."""
    items, pace = list[msgspec.Raw](), Pace()
    for row in rows:
        items.append(msgspec.Raw(dumps(event_members(row))))
        await pace.breathe()
    return items


async def _download(exchange: Exchange) -> web.StreamResponse:
    await check_exists(exchange, execution_id_of(exchange))
    response = web.StreamResponse(headers={"Content-Type": NDJSON})
    await response.prepare(exchange.request)
    execution_id = execution_id_of(exchange)
    async for rows in pages(exchange.services, execution_id, exchange.query["after"]):
        await response.write(b"".join(dumps(event_members(row)) + b"\n" for row in rows))
    await response.write_eof()
    return response


async def _live(exchange: Exchange) -> web.StreamResponse:
    after = _last_seen(exchange)
    await check_exists(exchange, execution_id_of(exchange))
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


async def _is_over(exchange: Exchange, last: EventRow) -> bool:
    return (await last_fact(exchange.services.log, last)).type in TERMINAL_TYPES


async def _growing(exchange: Exchange, after: int) -> AsyncIterator[list[EventRow]]:
    """Pages as they come; an empty one when nothing came for a while. Ends with the execution."""
    execution_id, loop = execution_id_of(exchange), asyncio.get_running_loop()
    with exchange.request.app[TAILS].watched(execution_id) as tail:
        look_s, spoke_at, is_rung = LOOK_S, loop.time(), False
        while True:
            last = await tail.look(look_s)
            if last is not None and last.seq > after:
                async for rows in pages(exchange.services, execution_id, after, last.seq):
                    yield rows
                after, spoke_at = last.seq, loop.time()
                if not is_rung:  # no hint told of it: do not trust in them
                    look_s = LOOK_S
            elif not is_rung:
                look_s = min(2 * look_s, LONGEST_LOOK_S)
            if last is not None and await _is_over(exchange, last):
                return
            if loop.time() - spoke_at >= HEARTBEAT_S:
                yield []
                spoke_at = loop.time()
            is_rung = await tail.rung(look_s)


def _frame(row: EventRow) -> bytes:
    data = dumps(event_members(row))
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (row.seq, row.type.encode(), data)
