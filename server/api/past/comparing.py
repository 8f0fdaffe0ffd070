"""Two executions side by side: where the one goes another way than the other."""

import asyncio
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from aiohttp import web

from engine.core.timetravel.comparison import Pair, side_by_side
from engine.core.timetravel.diff import Change
from engine.core.timetravel.telling import told
from engine.model.errors import BadIdentifier
from engine.model.event import Event
from engine.model.ids import format_execution, parse_execution
from engine.ports.codec import event_of
from schemas.api.comparison import ComparedEvent, ComparedPair, Comparison
from schemas.events import type_of
from server.api.door.exchange import Exchange
from server.api.door.pace import Pace
from server.api.door.problem import ProblemRaised
from server.api.door.reply import json_reply
from server.api.door.times import format_time
from server.api.past.reading import check_exists, check_namespace, execution_id_of, pages

MAX_COMPARED = 5_000
"""Events of either side behind what they have in common."""


async def compare(exchange: Exchange) -> web.Response:
    """GET /executions/{id}/compare?with=ex_...: what they copied from each other is left out."""
    left, right = execution_id_of(exchange), _other(exchange)
    await check_exists(exchange, left)
    await check_exists(exchange, right)
    common = await _copied(exchange, left, right)
    ours = await _events(exchange, left, common)
    theirs = await _events(exchange, right, common)
    rows = await asyncio.to_thread(_rows, ours[:MAX_COMPARED], theirs[:MAX_COMPARED])
    first = next((index for index, row in enumerate(rows) if not row.same), None)
    complete = max(len(ours), len(theirs)) <= MAX_COMPARED
    answer = Comparison(
        left=format_execution(left),
        right=format_execution(right),
        common=common,
        same=first is None and complete,
        complete=complete,
        first_divergence=first,
        pairs=rows,
    )
    return json_reply(answer)


def _other(exchange: Exchange) -> UUID:
    text = exchange.query["with"]
    if text is None:
        raise ProblemRaised("query.invalid", "with names the execution to compare with: ex_...")
    try:
        return parse_execution(text)
    except BadIdentifier as error:
        raise ProblemRaised("id.malformed", error.message) from None


async def _copied(exchange: Exchange, left: UUID, right: UUID) -> int:
    """How many events at the beginning both have from one log."""
    descent, other = await _descent(exchange, left), await _descent(exchange, right)
    shared = [min(upto, other[ancestor]) for ancestor, upto in descent.items() if ancestor in other]
    return max(shared, default=0)


async def _descent(exchange: Exchange, execution_id: UUID) -> dict[UUID, int]:
    """The execution and those it was forked from, with how many events of each it begins with."""
    found, upto = {execution_id: 2**31}, 2**31
    while len(found) < 100:
        birth = await exchange.services.catalog.find_birth(exchange.namespace, execution_id)
        if birth is None or birth.forked_from is None or birth.forked_from in found:
            break
        execution_id, upto = birth.forked_from, min(upto, birth.forked_at or 0)
        found[execution_id] = upto
    return found


async def _events(exchange: Exchange, execution_id: UUID, after: int) -> list[Event]:
    """The events behind one, a few more than are compared at most."""
    found: list[Event] = []
    pace = Pace()
    async for rows in pages(exchange.services, execution_id, after):
        check_namespace(exchange, rows[0])
        for row in rows:
            found.append(event_of(row))
            await pace.breathe()
        if len(found) > MAX_COMPARED:
            break
    return found


def _rows(left: Sequence[Event], right: Sequence[Event]) -> list[ComparedPair]:
    return [_row(pair) for pair in side_by_side(left, right)]


def _row(pair: Pair) -> ComparedPair:
    return ComparedPair(
        left=_told(pair.left),
        right=_told(pair.right),
        same=pair.same,
        changes=[_operation(change) for change in pair.changes],
    )


def _operation(change: Change) -> dict[str, Any]:
    """An operation of the patch, with what stood there on the left."""
    return change.operation if change.kind == "add" else {**change.operation, "was": change.before}


def _told(event: Event | None) -> ComparedEvent | None:
    if event is None:
        return None
    return ComparedEvent(
        seq=event.seq,
        type=type_of(event.body),
        name=event.name,
        branch=event.branch,
        iteration=event.iteration,
        attempt=event.attempt,
        at=format_time(event.at),
        told=told(event),
    )
