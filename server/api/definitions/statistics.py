"""Statistics of a workflow and its states, for each of its versions."""

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from projections.database import Row
from projections.questions.statistics import Statistics, statistics_of
from server.api.door.exchange import Exchange
from server.api.door.reply import json_reply


async def show(exchange: Exchange) -> web.Response:
    """GET /definitions/{workflow}/statistics. Problem: not_found where there is no such workflow
    or version."""
    workflow, query = exchange.path_name("workflow"), exchange.query
    version = query["version"]
    await exchange.services.definitions.resolve(exchange.namespace, workflow, version)
    found = await statistics_of(
        exchange.services.executions,
        exchange.namespace,
        workflow,
        version,
        query["since"],
        query["until"],
    )
    versions = [_version(row, found) for row in found.executions]
    return json_reply({"workflow": workflow, "versions": versions})


def _version(row: Row, found: Statistics) -> dict[str, Any]:
    version = row["version"]
    again = {one["name"]: one["retries"] for one in found.retries if one["version"] == version}
    states = [one for one in found.states if one["version"] == version]
    states.sort(key=lambda one: (len(one["node"]), one["node"]))  # as they stand in the definition
    return {
        **{name: row[name] for name in _COUNTS},
        "duration": _percentiles(row["durations"]),
        "states": [_state(one, again.get(one["name"], 0)) for one in states],
    }


_COUNTS = ("version", "started", "completed", "failed", "cancelled", "running")


def _state(row: Row, retries: int) -> dict[str, Any]:
    names = ("name", "type", "count", "failures", "open")
    return {
        **{name: row[name] for name in names},
        "retries": retries,
        "duration": _percentiles(row["durations"]),
    }


def _percentiles(values: Sequence[int] | None) -> dict[str, int] | None:
    if values is None or values[0] is None:
        return None
    return dict(zip(("p50_ms", "p95_ms", "p99_ms"), values, strict=True))
