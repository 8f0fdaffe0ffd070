"""Who wrote a value of an execution's data, at any event."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from aiohttp import web
from msgspec import UNSET

from engine.core.merge import value_at
from engine.core.timetravel import blame as core
from engine.core.timetravel.blame_fold import Provenance
from engine.core.timetravel.pointer import Path, PathFault, parse_path, shown_path
from engine.model.errors import NotFound
from engine.model.ids import format_event, format_execution
from engine.model.program import Program
from engine.model.state import ExecutionState
from engine.ports.codec import event_of
from server.api.door.exchange import Exchange
from server.api.door.pace import Pace
from server.api.door.problem import ProblemRaised
from server.api.door.reply import json_reply
from server.api.door.times import format_time
from server.api.past.moments import Moment, is_known, moment_of, past_headers
from server.api.past.reading import check_accepted, check_namespace, execution_id_of, pages

DEPTH = 5
"""Steps back from a computed value to what it was made of, unless another number is asked for."""


async def blame(exchange: Exchange) -> web.Response:
    """GET /executions/{id}/blame?path=: the events up to the moment are folded from the first, with
    where everything came from."""
    execution_id = execution_id_of(exchange)
    path = _path(exchange)
    moment = await moment_of(exchange, execution_id, exchange.query["at"])
    headers = past_headers(moment)
    if is_known(exchange, headers):
        return web.Response(status=304, headers=headers)
    trace = await _traced(exchange, moment)
    programs = await _programs(exchange, trace)
    try:
        # Large values are put together for it: that does not keep the loop.
        body = await asyncio.to_thread(blamed, trace, programs, path, exchange.query)
    except NotFound as fault:
        raise ProblemRaised("not_found", fault.message) from None
    return json_reply(body, headers=headers)


def blamed(
    trace: Provenance, programs: Mapping[str, Program], path: Path, query: Mapping[str, Any]
) -> dict[str, Any]:
    """The answer to a query (`frame`, `state`, `all`, `depth`) about a path. Raises NotFound."""
    target = core.target_of(trace, query["frame"], query["state"])
    path = core.normal_path(target.data, path)
    found, complete = _findings(query, target, path, programs)
    execution_id = trace.state.id
    return {
        "execution": format_execution(execution_id),
        "seq": trace.state.seq,
        "at": format_time(trace.state.at),
        "frame": target.frame,
        "name": target.name,
        "path": shown_path(path),
        "value": value_at(target.data, path),
        "items": [_value(execution_id, one) for one in found],
        "complete": complete,
    }


def _path(exchange: Exchange) -> Path:
    try:
        return parse_path(exchange.query["path"] or "")
    except PathFault as fault:
        raise ProblemRaised(fault.code, fault.message) from None


async def _traced(exchange: Exchange, moment: Moment) -> Provenance:
    trace, pace = Provenance(ExecutionState(id=moment.execution_id)), Pace()
    upto = moment.seq
    if upto != 0:
        async for rows in pages(exchange.services, moment.execution_id, upto=upto):
            check_namespace(exchange, rows[0])
            for row in rows:
                trace.advance(event_of(row))
                await pace.breathe()
    if trace.state.seq == 0:
        await check_accepted(exchange, moment.execution_id)
        raise ProblemRaised("not_found", "nothing had happened yet: there is no data to blame")
    return trace


async def _programs(exchange: Exchange, trace: Provenance) -> dict[str, Program]:
    """The definitions that were in force; without one, its expressions are not told."""
    programs: dict[str, Program] = {}
    for definition_hash in trace.definition_hashes:
        try:
            loaded = await exchange.services.programs.get(exchange.namespace, definition_hash)
        except NotFound:
            continue
        programs[definition_hash] = loaded.program
    return programs


def _findings(
    query: Mapping[str, Any], target: core.Target, path: Path, programs: Mapping[str, Program]
) -> tuple[list[core.Finding], bool]:
    if query["all"] == "true":
        leaves = list(core.Blame(programs, 0).leaves(target, path))
        return leaves, len(leaves) < core.MAX_LEAVES
    teller = core.Blame(programs, query["depth"])
    return [teller.of(target, path)], True


def _value(execution_id: UUID, one: core.Finding) -> dict[str, Any]:
    members: dict[str, Any] = {"path": shown_path(one.path), "root": one.root, "kind": one.kind}
    if one.value is not UNSET:
        members["value"] = one.value
    return members | {
        "event": _place(execution_id, one.place),
        "pointer": one.pointer,
        "write": one.write,
        "source": one.source,
        "expression": one.expression,
        "constants": one.constants,
        "cloudevent": one.cloudevent,
        "call": None if one.call is None else _call(execution_id, one.call),
        "reads": _values(execution_id, one.reads),
        "moves": [
            {"event": _place(execution_id, hop.place), "of": hop.of, "source": hop.source}
            for hop in one.moves
        ],
        "cut": one.is_cut,
    }


def _values(execution_id: UUID, found: Iterable[core.Finding]) -> list[dict[str, Any]]:
    return [_value(execution_id, one) for one in found]


def _call(execution_id: UUID, call: core.CallFinding) -> dict[str, Any]:
    members: dict[str, Any] = {
        "event": _place(execution_id, call.place),
        "function": call.function,
        "handler": call.handler,
        "operation": call.operation,
        "attempt": call.attempt,
    }
    if call.arguments is not UNSET:
        members["arguments"] = call.arguments
    return members | {
        "expressions": [
            {"path": shown_path(path), "expression": text} for path, text in call.expressions
        ],
        "reads": _values(execution_id, call.reads),
    }


def _place(execution_id: UUID, place: core.Place) -> dict[str, Any]:
    return {
        "id": format_event(execution_id, place.seq),
        "seq": place.seq,
        "at": format_time(place.at),
        "type": place.type,
        "state": place.state,
        "name": place.name,
        "node": place.node,
        "branch": place.branch,
        "iteration": place.iteration,
        "attempt": place.attempt,
    }
