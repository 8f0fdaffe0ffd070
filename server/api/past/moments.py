"""Moments of an execution, and its state at them. The past never changes."""

from dataclasses import dataclass
from uuid import UUID

from aiohttp import web

from engine.core.evolve import EVOLVE_VERSION
from engine.model.state import ExecutionState
from engine.ports.rows import EventRow
from server.api.door.exchange import Exchange
from server.api.door.problem import ProblemRaised
from server.api.door.reply import json_reply
from server.api.door.times import parse_time
from server.api.past.describe import past_members
from server.api.past.reading import (
    check_accepted,
    check_exists,
    check_namespace,
    execution_id_of,
    folded,
)

FOREVER = "private, max-age=31536000, immutable"
"""Of what was asked by the seq of an event: the answer is the same in a year."""


@dataclass(frozen=True)
class Moment:
    """A point of an execution's log: behind the event `seq`, 0: before the first; None: now.
    `event`: that event, where the moment was named by its seq."""

    execution_id: UUID
    seq: int | None
    event: EventRow | None = None


async def moment_of(
    exchange: Exchange, execution_id: UUID, text: str | None, name: str = "at"
) -> Moment:
    """What the parameter `name` means: the seq of an event, an RFC 3339 time, nothing (now).
    Problems: not_found (also an event behind the last), query.invalid."""
    if text is None:
        return Moment(execution_id, None)
    if not (text.isascii() and text.isdigit()):
        moment = parse_time(name, text)
        await check_exists(exchange, execution_id)
        return Moment(execution_id, await exchange.services.log.seq_at(execution_id, moment))
    if len(text) > 9:
        raise ProblemRaised("query.invalid", f"{name} is the seq of an event, or a time")
    seq = int(text)
    if seq == 0:
        await check_exists(exchange, execution_id)
        return Moment(execution_id, 0)
    rows = await exchange.services.log.read_execution(execution_id, seq - 1, 1, seq)
    if not rows:
        raise await _behind_last(exchange, execution_id, seq)
    check_namespace(exchange, rows[0])
    return Moment(execution_id, seq, rows[0])


async def _behind_last(exchange: Exchange, execution_id: UUID, seq: int) -> ProblemRaised:
    last = await exchange.services.log.last_event(execution_id)
    if last is None:
        await check_accepted(exchange, execution_id)
    else:
        check_namespace(exchange, last)
    number = 0 if last is None else last.seq
    return ProblemRaised("not_found", f"the last event is {number}, there is no {seq}")


async def state_of_moment(exchange: Exchange, moment: Moment) -> ExecutionState:
    """The state then; a new one before the first event. Problem: not_found."""
    state = None
    if moment.seq != 0:
        state = await folded(exchange, moment.execution_id, moment.seq)
    return ExecutionState(id=moment.execution_id) if state is None else state


def past_headers(*moments: Moment) -> dict[str, str]:
    """Headers of an answer about these moments: it may be kept where all were named by seq. An
    event's hash stands for all before it, so it tags the answer."""
    hashes = [one.event.hash.hex()[:32] for one in moments if one.event is not None]
    if len(hashes) < len(moments):
        return {"Cache-Control": "no-store"}
    return {"Cache-Control": FOREVER, "ETag": f'W/"{".".join(hashes)}.{EVOLVE_VERSION}"'}


def is_known(exchange: Exchange, headers: dict[str, str]) -> bool:
    """Whether the caller has the very answer that these headers are of (If-None-Match)."""
    known = exchange.request.if_none_match or ()
    tag = headers.get("ETag", "").removeprefix("W/").strip('"')
    return bool(tag) and any(one.value == tag for one in known)


async def state_at(exchange: Exchange) -> web.Response:
    """GET /executions/{id}/state?at=N or an RFC 3339 time (none: now)."""
    execution_id = execution_id_of(exchange)
    moment = await moment_of(exchange, execution_id, exchange.query["at"])
    headers = past_headers(moment)
    if is_known(exchange, headers):
        return web.Response(status=304, headers=headers)
    state = await state_of_moment(exchange, moment)
    return json_reply(past_members(execution_id, state), headers=headers)
