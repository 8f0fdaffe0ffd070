"""Breakpoints: set, list, remove."""

import asyncio
from typing import Literal
from uuid import UUID

from aiohttp import web

from engine.expr import ExpressionFault, compile_expression
from engine.model.errors import BadIdentifier, Unavailable
from engine.model.ids import format_execution, parse_execution, parse_id
from engine.model.program import Scope
from engine.ports.breakpoints import MAX_BREAKPOINTS, TOPIC, BreakpointRow
from engine.ports.requests import ResumeRequest, encode
from projections.questions.executions import ExecutionFilter, list_executions
from schemas.api import debugging
from schemas.api.answers import FaultPlace
from schemas.events.parts import Asked
from server.api.door.body import read_model
from server.api.door.cursor import read_cursor, write_cursor
from server.api.door.exchange import Exchange
from server.api.door.problem import ProblemRaised
from server.api.door.reply import json_reply
from server.api.door.times import format_time
from server.api.live.waiting import inbox_topic
from server.api.past.reading import folded

EFFECTIVE_MS = 2_000
"""After so long every engine looks at a new breakpoint, also one that no hint reached."""

LISTED_S = 20.0
"""So long a release waits for the list of executions to hold all that was held before."""

_LOOK_AGAIN_S = 0.1
_PAGE = 200
_SHOWN_STATES = 20


async def create(exchange: Exchange) -> web.Response:
    """POST /breakpoints."""
    wanted = await read_model(exchange, debugging.SetBreakpoint)
    execution_id, version = await _target(exchange, wanted)
    await _check_state(exchange, wanted, version)
    await _check_condition(exchange, wanted.condition)
    [ident] = await exchange.services.inbox.mint(0, 1)
    asked = exchange.asked
    row = BreakpointRow(
        namespace=exchange.namespace, id=ident, workflow=wanted.workflow, version=wanted.version,
        state=wanted.state, execution_id=execution_id, condition=wanted.condition,
        once=wanted.once, share=wanted.sample, release_on_expiry=wanted.release_on_expiry,
        created_at=0, expires_at=0, actor=exchange.actor, origin=asked.origin,
        reason=wanted.reason or asked.reason,
    )  # fmt: skip
    stored = await exchange.services.breakpoints.set(row, wanted.expires_s * 1_000)
    if stored is None:
        raise ProblemRaised(
            "breakpoint.too_many", f"this namespace has {MAX_BREAKPOINTS} that are armed"
        )
    await exchange.services.hints.notify(TOPIC)
    place = f"/v1/namespaces/{exchange.namespace}/breakpoints/{stored.text_id}"
    return json_reply(_shown(stored, stored.created_at), 201, {"Location": place})


async def _target(
    exchange: Exchange, wanted: debugging.SetBreakpoint
) -> tuple[UUID | None, str | None]:
    """The one execution that it is for, if it is, and the version whose states are meant."""
    if wanted.execution is None:
        return None, wanted.version
    try:
        execution_id = parse_execution(wanted.execution)
    except BadIdentifier as error:
        raise ProblemRaised("id.malformed", error.message) from None
    state = await folded(exchange, execution_id)
    if state is None:
        return execution_id, wanted.version
    if state.closed:
        raise ProblemRaised("execution.closed", f"{wanted.execution} is {state.phase}")
    if state.workflow != wanted.workflow or wanted.version not in (None, state.version):
        raise _invalid("/execution", f"{wanted.execution} is of {state.workflow} {state.version}")
    return execution_id, state.version or wanted.version


async def _check_state(
    exchange: Exchange, wanted: debugging.SetBreakpoint, version: str | None
) -> None:
    """Problems: not_found for the workflow or version, breakpoint.invalid for the state."""
    services, namespace = exchange.services, exchange.namespace
    _, definition_hash = await services.definitions.resolve(namespace, wanted.workflow, version)
    loaded = await services.programs.get(namespace, definition_hash)
    names = [one.name for one in loaded.program.nodes.values() if isinstance(one, Scope)]
    if wanted.state not in names:
        shown = ", ".join(repr(name) for name in names[:_SHOWN_STATES])
        raise _invalid("/state", f"{wanted.workflow} has no state {wanted.state!r}, but {shown}")


async def _check_condition(exchange: Exchange, condition: str | None) -> None:
    if condition is None:
        return
    try:
        expression = compile_expression(condition)
    except ExpressionFault as fault:
        raise _invalid("/condition", fault.message) from None
    if "SECRETS" in expression.variables:
        raise _invalid("/condition", "secrets are not read by a condition")
    if expression.closure is None:
        [verdict] = await exchange.services.check_expressions([condition])
        if verdict is not None:
            raise _invalid("/condition", verdict)


def _invalid(pointer: str, detail: str) -> ProblemRaised:
    place = FaultPlace(detail=detail, pointer=pointer)
    return ProblemRaised("breakpoint.invalid", f"{pointer[1:]}: {detail}", [place])


async def index(exchange: Exchange) -> web.Response:
    """GET /breakpoints: the newest first."""
    limit, cursor = exchange.query["limit"], read_cursor(exchange.query["cursor"])
    before = _ident(cursor, "query.invalid") if cursor else None
    rows = await exchange.services.breakpoints.page(
        exchange.namespace, before, limit + 1, ended=exchange.query["all"] == "true"
    )
    page, rest = rows[:limit], rows[limit:]
    following = write_cursor(page[-1].text_id) if rest else None
    now_ms = await exchange.services.leases.now_ms()
    items = [_shown(row, now_ms) for row in page]
    return json_reply(debugging.BreakpointPage(items=items, next=following))


async def remove(exchange: Exchange) -> web.Response:
    """DELETE /breakpoints/{id}: again, it is removed still."""
    ident = _ident(exchange.request.match_info["breakpoint"], "id.malformed")
    release = exchange.query["release"] == "true"
    breakpoints = exchange.services.breakpoints
    row = await breakpoints.remove(
        exchange.namespace, ident, exchange.actor, exchange.asked, release=release
    )
    row = row or await breakpoints.get(exchange.namespace, ident)
    if row is None:
        raise ProblemRaised("not_found", "there is no such breakpoint in this namespace")
    await exchange.services.hints.notify(TOPIC)
    released = await _release(exchange, row) if release else 0
    members = _shown(row, await exchange.services.leases.now_ms()).model_dump()
    return json_reply(debugging.RemovedBreakpoint(**members, released=released))


async def _release(exchange: Exchange, row: BreakpointRow) -> int:
    """Let go what it holds; how many that are. What an engine holds at this very moment it lets go
    itself, since the breakpoint says so. Raises Unavailable where there may be more of them."""
    is_complete = await _is_listed(exchange)
    released = await _sweep(exchange, row)
    if not is_complete:
        raise Unavailable(
            f"the breakpoint is removed and {released} executions are let go, but the list of"
            " executions is behind the log: remove it again to let go of the rest"
        )
    return released


async def _is_listed(exchange: Exchange) -> bool:
    """Whether the list of executions holds all that is in the log by now; waits for it."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + LISTED_S
    heads = await exchange.services.log.heads()
    while True:
        known = await exchange.services.executions.positions()
        if all(known.get(head.shard, 0) >= head.last_position for head in heads):
            return True
        if loop.time() >= ends_at:
            return False
        await asyncio.sleep(_LOOK_AGAIN_S)


async def _sweep(exchange: Exchange, row: BreakpointRow) -> int:
    wanted = ExecutionFilter(workflow=row.workflow, status="suspended")
    before: UUID | None = None
    released = 0
    while True:
        found = await list_executions(
            exchange.services.executions, exchange.namespace, wanted, before=before, limit=_PAGE
        )
        for one in found:
            released += await _let_go(exchange, row, one["execution_id"])
        if len(found) < _PAGE:
            return released
        before = found[-1]["execution_id"]


async def _let_go(exchange: Exchange, row: BreakpointRow, execution_id: UUID) -> bool:
    state = await folded(exchange, execution_id)
    held = None if state is None else state.suspended
    if held is None or held.breakpoint != row.text_id:
        return False
    asked = exchange.asked
    reason = asked.reason or f"{row.text_id} was removed with all that it held"
    request = ResumeRequest(breakpoint=row.text_id, asked=Asked(asked.origin, reason))
    await exchange.services.inbox.put(
        "resume", execution_id, exchange.namespace, encode(request), exchange.actor,
        exchange.traceparent,
    )  # fmt: skip
    await exchange.services.hints.notify(inbox_topic(execution_id))
    return True


def _ident(text: str, problem: str) -> UUID:
    try:
        return parse_id("bp", text)
    except BadIdentifier as error:
        raise ProblemRaised(problem, error.message) from None


def _shown(row: BreakpointRow, now_ms: int) -> debugging.Breakpoint:
    return debugging.Breakpoint(
        id=row.text_id, workflow=row.workflow, version=row.version, state=row.state,
        execution=None if row.execution_id is None else format_execution(row.execution_id),
        condition=row.condition, once=row.once, sample=row.share, status=_status(row, now_ms),
        created_at=format_time(row.created_at),
        effective_at=format_time(row.created_at + EFFECTIVE_MS),
        expires_at=format_time(row.expires_at), release_on_expiry=row.release_on_expiry,
        actor=row.actor, origin=row.origin, reason=row.reason, hits=row.hits,
        last_hit_at=_time(row.last_hit_at),
        last_hit=None if row.last_hit is None else format_execution(row.last_hit),
        last_error_at=_time(row.last_error_at), last_error=row.last_error,
        removed_at=_time(row.removed_at),
    )  # fmt: skip


def _status(row: BreakpointRow, now_ms: int) -> Literal["armed", "spent", "expired", "removed"]:
    if row.removed_at is not None:
        return "removed"
    if row.once and row.hits:
        return "spent"
    return "armed" if row.may_hold(now_ms) else "expired"


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else format_time(at_ms)
