"""The history of one execution as the projection has it: scopes entered and left, attempts."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from server.api.describe import list_members
from server.api.exchange import Exchange
from server.api.reading import check_accepted, execution_id_of
from server.api.reply import json_reply
from server.api.times import format_time

_SCOPE_TIMES = ("entered_at", "left_at")
_ATTEMPT_TIMES = ("scheduled_at", "ended_at")


async def history(exchange: Exchange) -> web.Response:
    """GET /executions/{id}/history."""
    execution_id, store = execution_id_of(exchange), exchange.services.executions
    row = await store.find_execution(exchange.namespace, execution_id)
    if row is None:
        await check_accepted(exchange, execution_id)
        return json_reply(
            {
                "id": exchange.request.match_info["execution"],
                "status": "running",
                "last_seq": 0,
                "scopes": [],
                "attempts": [],
            }
        )
    scopes = await store.list_scopes(exchange.namespace, execution_id)
    attempts = await store.list_attempts(exchange.namespace, execution_id)
    listed = list_members(row)
    return json_reply(
        {
            "id": listed["id"],
            "status": listed["status"],
            "last_seq": listed["last_seq"],
            "scopes": [_members(one, _SCOPE_TIMES) for one in scopes],
            "attempts": [_members(one, _ATTEMPT_TIMES) for one in attempts],
        }
    )


def _members(row: Mapping[str, Any], times: tuple[str, ...]) -> dict[str, Any]:
    members = {name: value for name, value in row.items() if name != "node"}
    for name in times:
        if members[name] is not None:
            members[name] = format_time(members[name])
    return members
