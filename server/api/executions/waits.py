"""Open waits of a namespace: timers, waits for CloudEvents, callbacks."""

import json
from typing import Any
from uuid import UUID

from aiohttp import web

from engine.model.errors import BadIdentifier
from engine.model.ids import format_execution, parse_execution
from projections.database import Row
from projections.questions.waits import WaitFilter, list_open_waits
from server.api.door.cursor import read_cursor, write_cursor
from server.api.door.exchange import Exchange
from server.api.door.problem import ProblemRaised
from server.api.door.reply import json_reply
from server.api.door.times import format_time
from server.api.executions.listing import status_of_row

_NIL = UUID(int=0)


async def index(exchange: Exchange) -> web.Response:
    """GET /waits: in order of execution and event."""
    query, limit = exchange.query, exchange.query["limit"]
    wanted = WaitFilter(
        kind=query["kind"],
        workflow=query["workflow"],
        type=query["type"],
        due_before=query["due_before"],
    )
    rows = await list_open_waits(
        exchange.services.executions,
        exchange.namespace,
        wanted,
        after=read_place(query["cursor"]),
        limit=limit + 1,
    )
    page, rest = rows[:limit], rows[limit:]
    following = write_place(page[-1]) if rest else None
    return json_reply({"items": [_members(row) for row in page], "next": following})


def write_place(row: Row) -> str:
    """The cursor behind a row that an execution and a seq name."""
    return write_cursor(f"{format_execution(row['execution_id'])}.{row['seq']}")


def read_place(cursor: str | None) -> tuple[UUID, int]:
    """The execution and seq in such a cursor. Problem: query.invalid."""
    text = read_cursor(cursor)
    if not text:
        return _NIL, 0
    execution, _, seq = text.partition(".")
    try:
        if not (seq.isascii() and seq.isdigit() and len(seq) <= 9):
            raise BadIdentifier("ex", text)
        return parse_execution(execution), int(seq)
    except BadIdentifier:
        raise ProblemRaised(
            "query.invalid", "this cursor is not one that a page gave out"
        ) from None


def _members(row: Row) -> dict[str, Any]:
    return {
        "execution": format_execution(row["execution_id"]),
        "workflow": row["workflow"],
        "version": row["version"],
        "status": "waiting" if row["status"] is None else status_of_row(row),
        "seq": row["seq"],
        "kind": row["kind"],
        "purpose": row["purpose"],
        "state": row["state"],
        "since": format_time(row["opened_at"]),
        "due": None if row["due"] is None else format_time(row["due"]),
        "types": json.loads(row["types"]),
        "events": json.loads(row["filters"]),
    }
