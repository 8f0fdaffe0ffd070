"""The execution list and its counts, from the projection; the filters that others use too."""

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from aiohttp import web

from engine.model.errors import BadIdentifier
from engine.model.ids import format_execution, parse_execution
from projections.database import Row
from projections.questions.executions import (
    ExecutionFilter,
    Group,
    count_executions,
    list_executions,
)
from projections.views.finding import BadCondition, condition_key, label_key
from server.api.door.cursor import read_cursor, write_cursor
from server.api.door.exchange import Exchange
from server.api.door.problem import ProblemRaised
from server.api.door.reply import json_reply
from server.api.door.times import format_time
from server.api.past.reading import API_STATUS

_FORKS = {None: None, "only": True, "none": False}
_GROUPS: tuple[Group, ...] = ("workflow", "version", "status")


def execution_filter(exchange: Exchange) -> ExecutionFilter:
    """The executions that the query parameters of `routes.parameters.FILTERS` name. Problem:
    query.invalid."""
    return filter_of(exchange.namespace, exchange.query)


def filter_of(namespace: str, given: Mapping[str, Any]) -> ExecutionFilter:
    """A filter from its members as they were given, times in ms since 1970. Problem:
    query.invalid."""
    source = given["forked_from"]
    try:
        forked_from = None if source is None else parse_execution(source)
    except BadIdentifier as error:
        raise ProblemRaised("query.invalid", f"forked_from: {error.message}") from None
    return ExecutionFilter(
        workflow=given["workflow"],
        version=given["version"],
        status=given["status"],
        error=given["error"],
        forked_from=forked_from,
        forked=_FORKS[given["forks"]],
        batch=given["batch"],
        started_from=given["started_after"],
        started_before=given["started_before"],
        keys=_keys(namespace, given),
    )


def _keys(namespace: str, given: Mapping[str, Any]) -> tuple[int, ...]:
    keys = list[int]()
    for label in given["label"] or ():
        name, equals, value = label.partition("=")
        if not (name and equals):
            raise ProblemRaised("query.invalid", f"label takes NAME=VALUE, got {label[:80]!r}")
        keys.append(label_key(namespace, name, value))
    for condition in given["where"] or ():
        try:
            keys.append(condition_key(namespace, condition))
        except BadCondition as fault:
            raise ProblemRaised("query.invalid", f"where: {fault}") from None
    return tuple(keys)


async def index(exchange: Exchange) -> web.Response:
    """GET /executions: the newest first."""
    limit, wanted = exchange.query["limit"], execution_filter(exchange)
    rows = await list_executions(
        exchange.services.executions,
        exchange.namespace,
        wanted,
        before=_before(exchange.query["cursor"]),
        limit=limit + 1,
    )
    page, rest = rows[:limit], rows[limit:]
    following = write_cursor(format_execution(page[-1]["execution_id"])) if rest else None
    return json_reply({"items": [list_members(row) for row in page], "next": following})


def _before(cursor: str | None) -> UUID | None:
    text = read_cursor(cursor)
    try:
        return parse_execution(text) if text else None
    except BadIdentifier:
        raise ProblemRaised(
            "query.invalid", "this cursor is not one that a page gave out"
        ) from None


async def count(exchange: Exchange) -> web.Response:
    """GET /executions/count: with the filters of the list."""
    wanted, by = execution_filter(exchange), exchange.query["by"] or ()
    groups = tuple(name for name in _GROUPS if name in by)
    store, namespace = exchange.services.executions, exchange.namespace
    total = await count_executions(store, namespace, wanted)
    rows = await count_executions(store, namespace, wanted, groups) if groups else []
    return json_reply({"count": total[0]["count"], "groups": [_group(row) for row in rows]})


def _group(row: Row) -> dict[str, object]:
    values: dict[str, object] = {name: row.get(name) for name in _GROUPS}
    return {**values, "count": row["count"]}


def list_members(row: Row) -> dict[str, object]:
    """The members of `schemas.api.projections.ExecutionRow`, from a row of the projection."""
    source = row["forked_from"]
    return {
        "id": format_execution(row["execution_id"]),
        "workflow": row["workflow"],
        "version": row["version"],
        "name": row["name"],
        "status": status_of_row(row),
        "started_at": format_time(row["started_at"]),
        "closed_at": None if row["closed_at"] is None else format_time(row["closed_at"]),
        "last_seq": row["last_seq"],
        "labels": json.loads(row["labels"]),
        "error": row["error_code"],
        "forked_from": None if source is None else format_execution(source),
        "forked_at": row["forked_at"],
        "batch": row["batch"],
    }


def status_of_row(row: Row) -> str:
    """The status as the API names it."""
    status = str(row["status"])
    return API_STATUS.get(status, status)
