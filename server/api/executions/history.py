"""The history of one execution as the projection has it, with the data of its states."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from aiohttp import web

from engine.model.ids import format_execution
from projections.database import Row
from projections.questions.executions import find_execution
from projections.questions.history import list_attempts, list_scopes
from server.api.door.exchange import Exchange
from server.api.door.reply import json_reply
from server.api.door.times import format_time
from server.api.executions.listing import status_of_row
from server.api.executions.statedata import Wanted, values_of
from server.api.past.reading import check_accepted, execution_id_of

_SCOPE_TIMES = ("entered_at", "left_at")
_ATTEMPT_TIMES = ("scheduled_at", "ended_at")


async def history(exchange: Exchange) -> web.Response:
    """GET /executions/{id}/history."""
    execution_id, row = await projected(exchange)
    head = head_of(execution_id, row)
    if row is None:
        return json_reply({**head, "scopes": [], "attempts": [], "next": None})
    store, query = exchange.services.executions, exchange.query
    after, limit = query["after"], query["limit"]
    pages = (
        await list_scopes(store, execution_id, after=after, limit=limit + 1),
        await list_attempts(store, execution_id, after=after, limit=limit + 1),
    )
    (scopes, attempts), following = page_of(pages, ("frame", "seq"), limit)
    wanted = None
    if query["data"]:
        wanted = await values_of(exchange, execution_id, scopes, attempts, query["data"])
    return json_reply(
        {
            **head,
            "scopes": [_scope(one, wanted) for one in scopes],
            "attempts": [_attempt(one, wanted) for one in attempts],
            "next": following,
        }
    )


async def projected(exchange: Exchange) -> tuple[UUID, Row | None]:
    """The execution that the path names and its row; None: it is not projected yet. Problem:
    not_found where this namespace has not accepted it."""
    execution_id = execution_id_of(exchange)
    row = await find_execution(exchange.services.executions, exchange.namespace, execution_id)
    if row is None:
        await check_accepted(exchange, execution_id)
    return execution_id, row


def head_of(execution_id: UUID, row: Row | None) -> dict[str, Any]:
    """What every answer about a projected execution begins with."""
    return {
        "id": format_execution(execution_id),
        "status": "running" if row is None else status_of_row(row),
        "last_seq": 0 if row is None else row["last_seq"],
    }


def page_of(
    lists: Sequence[Sequence[Row]], keys: Sequence[str], limit: int
) -> tuple[list[list[Row]], str | None]:
    """The first `limit` rows of all lists together, in the order of their keys (each unique), and
    the last key where there are more."""
    seqs = sorted(row[key] for rows, key in zip(lists, keys, strict=True) for row in rows)
    if len(seqs) <= limit:
        return [list(rows) for rows in lists], None
    last = seqs[limit - 1]
    taken = [
        [row for row in rows if row[key] <= last] for rows, key in zip(lists, keys, strict=True)
    ]
    return taken, str(last)


def _scope(row: Row, wanted: Wanted | None) -> dict[str, Any]:
    members = _members(row, _SCOPE_TIMES)
    if wanted is None or row["kind"] != "state":
        return {**members, "input": None, "output": None, "cut": []}
    sides = {
        "input": (wanted.inputs, row["frame"]),
        "output": (wanted.outputs, row["left_seq"]),
    }
    return {**members, **_shown(sides)}


def _attempt(row: Row, wanted: Wanted | None) -> dict[str, Any]:
    members = _members(row, _ATTEMPT_TIMES)
    if wanted is None:
        return {**members, "input": None, "output": None, "cut": []}
    answered = row["ended_seq"] if row["outcome"] == "completed" else None
    sides = {
        "input": (wanted.arguments, row["first"]),
        "output": (wanted.results, answered),
    }
    return {**members, **_shown(sides)}


def _shown(sides: Mapping[str, tuple[dict[int, msgspec.Raw], int | None]]) -> dict[str, Any]:
    """The values, and the names of those that are there and not shown."""
    members: dict[str, Any] = {
        name: None if seq is None else table.get(seq) for name, (table, seq) in sides.items()
    }
    members["cut"] = [
        name for name, (table, seq) in sides.items() if seq is not None and seq not in table
    ]
    return members


def _members(row: Mapping[str, Any], times: tuple[str, str]) -> dict[str, Any]:
    members = {name: value for name, value in row.items() if name != "node"}
    start, end = (row[name] for name in times)
    members[times[0]] = format_time(start)
    members[times[1]] = None if end is None else format_time(end)
    members["duration_ms"] = None if end is None else end - start
    return members
