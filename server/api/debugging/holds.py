"""Pausing, resuming and stepping an execution: committed to the inbox, then answered."""

import asyncio
from collections.abc import Callable
from typing import Literal
from uuid import UUID

import msgspec
from aiohttp import web

from engine.core.decide.holds import ends_by_itself
from engine.model.ids import format_execution
from engine.model.state import ExecutionState
from engine.ports.requests import ResumeRequest, SuspendRequest, encode
from schemas.api import answers
from schemas.api.debugging import HoldExecution
from schemas.events.parts import Asked
from server.api.door.body import read_optional
from server.api.door.exchange import Exchange
from server.api.door.problem import ProblemRaised
from server.api.door.reply import json_reply
from server.api.door.times import format_time
from server.api.live.waiting import LOOK_AGAIN_S, inbox_topic, log_topic, rung, woken
from server.api.past.reading import execution_id_of, folded, never_goes_on, status_of
from server.api.past.suspension import standing_members

Reached = Callable[[ExecutionState], bool]


async def pause(exchange: Exchange) -> web.Response:
    """POST /executions/{id}/pause."""
    execution_id = execution_id_of(exchange)
    asked = await _asked(exchange)
    state = await _open(exchange, execution_id)
    if state is not None and state.phase == "gathering":
        raise ProblemRaised(
            "execution.not_started", "it gathers the CloudEvents of its start; cancel it, or wait"
        )
    if state is not None and state.suspended is not None and not ends_by_itself(state):
        held = state.suspended
        cause = held.breakpoint or f"{held.reason} by {held.actor}"
        raise ProblemRaised(
            "execution.suspended", f"it is held since {format_time(held.at)}: {cause}"
        )
    body = encode(SuspendRequest(asked=asked))
    await _put(exchange, "suspend", execution_id, body)
    before = 0 if state is None or state.suspended is None else state.suspended.id

    def paused(one: ExecutionState) -> bool:
        return one.suspended is not None and one.suspended.id > before

    return await _standing(exchange, execution_id, paused)


async def resume(exchange: Exchange) -> web.Response:
    """POST /executions/{id}/resume."""
    return await _go_on(exchange, "continue")


async def step(exchange: Exchange) -> web.Response:
    """POST /executions/{id}/step."""
    return await _go_on(exchange, "step")


async def _go_on(exchange: Exchange, mode: Literal["continue", "step"]) -> web.Response:
    execution_id = execution_id_of(exchange)
    asked = await _asked(exchange)
    state = await _open(exchange, execution_id)
    held = None if state is None else state.suspended
    stepping = state is not None and state.stepping and mode == "continue"
    if held is None and not stepping:
        status = "running" if state is None else status_of(state)
        raise ProblemRaised("execution.not_suspended", f"it is {status}; pause it first")
    await _put(exchange, "resume", execution_id, encode(ResumeRequest(mode=mode, asked=asked)))
    before = 0 if held is None else held.id

    def stepped(one: ExecutionState) -> bool:
        """It stands again, or waits for the world: then the step ends when that has answered."""
        if one.suspended is not None:
            return one.suspended.id > before
        return one.status == "waiting"

    def continued(one: ExecutionState) -> bool:
        return one.suspended.id > before if one.suspended is not None else not one.stepping

    return await _standing(exchange, execution_id, stepped if mode == "step" else continued)


async def _asked(exchange: Exchange) -> Asked:
    """The body's reason counts before that of the header."""
    wanted, asked = await read_optional(exchange, HoldExecution), exchange.asked
    return msgspec.structs.replace(asked, reason=wanted.reason) if wanted.reason else asked


async def _open(exchange: Exchange, execution_id: UUID) -> ExecutionState | None:
    """The execution now; None: accepted, not begun. Problems: not_found, execution.closed,
    execution.imported."""
    state = await folded(exchange, execution_id)
    if state is not None and state.closed:
        raise ProblemRaised(
            "execution.closed", f"{format_execution(execution_id)} is {status_of(state)}"
        )
    if state is not None and state.is_imported:
        raise never_goes_on(execution_id)
    return state


async def _put(
    exchange: Exchange, kind: Literal["suspend", "resume"], execution_id: UUID, body: bytes
) -> None:
    await exchange.services.inbox.put(
        kind, execution_id, exchange.namespace, body, exchange.actor, exchange.traceparent
    )
    await exchange.services.hints.notify(inbox_topic(execution_id))


async def _standing(exchange: Exchange, execution_id: UUID, reached: Reached) -> web.Response:
    """202, or with `Prefer: wait` 200 and where it stands, if it stands there in time."""
    if exchange.wait_s:
        state = await _until(exchange, execution_id, exchange.wait_s, reached)
        if state is not None:
            headers = {"Preference-Applied": f"wait={exchange.wait_s}"}
            return json_reply(standing_members(state), headers=headers)
    return json_reply(answers.Accepted(execution=format_execution(execution_id)), 202)


async def _until(
    exchange: Exchange, execution_id: UUID, wait_s: float, reached: Reached
) -> ExecutionState | None:
    """The state once it is as wanted, or has ended; None: it is not, in that time."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + wait_s
    async with woken(exchange.services.hints, log_topic(execution_id)) as bell:
        state: ExecutionState | None = None
        while True:
            state = await folded(exchange, execution_id, since=state)
            if state is not None and (state.closed or reached(state)):
                return state
            remaining = ends_at - loop.time()
            if remaining <= 0:
                return None
            await rung(bell, min(LOOK_AGAIN_S, remaining))
