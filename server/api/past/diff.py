"""What differs between two points of executions."""

import asyncio
from typing import Any
from uuid import UUID

from aiohttp import web

from engine.core.timetravel.diff import Change, diff, patch_of
from engine.core.timetravel.pointer import pointer_of, shown_path
from engine.model.errors import BadIdentifier
from engine.model.ids import parse_execution
from schemas.json_text import dumps, loads
from server.api.door.exchange import Exchange
from server.api.door.problem import ProblemRaised
from server.api.door.reply import json_reply
from server.api.past.describe import past_members
from server.api.past.moments import is_known, moment_of, past_headers, state_of_moment
from server.api.past.reading import execution_id_of

PARTS = ("data", "state", "input", "output")
_NAMES = ("execution", "seq", "at")
"""Members of a state that only say which one it is."""


async def difference(exchange: Exchange) -> web.Response:
    """GET /executions/{id}/diff?from=&to=[&other=]: between two points of one execution, or of it
    and another one."""
    one, other = execution_id_of(exchange), _other(exchange)
    first = await moment_of(exchange, one, exchange.query["from"], "from")
    second = await moment_of(exchange, one if other is None else other, exchange.query["to"], "to")
    headers = past_headers(first, second)
    if is_known(exchange, headers):
        return web.Response(status=304, headers=headers)
    before = past_members(first.execution_id, await state_of_moment(exchange, first))
    after = past_members(second.execution_id, await state_of_moment(exchange, second))
    of = exchange.query["of"] or "data"
    # Both may be large: the comparison does not keep the loop.
    body = await asyncio.to_thread(compared, before, after, of)
    return json_reply(body, headers=headers)


def _other(exchange: Exchange) -> UUID | None:
    text = exchange.query["other"]
    if text is None:
        return None
    try:
        return parse_execution(text)
    except BadIdentifier as error:
        raise ProblemRaised("id.malformed", error.message) from None


def compared(before: dict[str, Any], after: dict[str, Any], of: str) -> dict[str, Any]:
    """What differs between two states as `past_members` tells them, in one of the `PARTS`."""
    changes = diff(_part(before, of), _part(after, of))
    return {
        "from": _point(before),
        "to": _point(after),
        "of": of,
        "equal": not changes,
        "changes": [_members(one) for one in changes],
        "patch": patch_of(changes),
    }


def _part(state: dict[str, Any], of: str) -> Any:
    if of != "state":
        return state[of]
    members = {name: value for name, value in state.items() if name not in _NAMES}
    return loads(dumps(members))  # frames and the like as the plain JSON that they are told as


def _point(state: dict[str, Any]) -> dict[str, Any]:
    return {name: state[name] for name in (*_NAMES, "status")}


def _members(change: Change) -> dict[str, Any]:
    members = {
        "kind": change.kind,
        "path": shown_path(change.path),
        "pointer": pointer_of(change.place),
    }
    if change.kind != "add":
        members["before"] = change.before
    if change.kind != "remove":
        members["after"] = change.after
    return members
