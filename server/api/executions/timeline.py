"""The timeline of one execution: a bar for everything that took time."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from aiohttp import web

from projections.database import Row
from projections.questions.history import list_attempts, list_scopes, list_waits, parents_of
from projections.store import ReadStore
from server.api.door.exchange import Exchange
from server.api.door.reply import json_reply
from server.api.door.times import format_time
from server.api.executions.history import head_of, page_of, projected

_MAX_DEPTH = 20
"""Scopes do not lie deeper in each other; whoever did would be drawn so deep."""


async def timeline(exchange: Exchange) -> web.Response:
    """GET /executions/{id}/timeline."""
    execution_id, row = await projected(exchange)
    head = head_of(execution_id, row)
    times = ("started_at", "closed_at", "last_at")
    if row is None:
        return json_reply({**head, **dict.fromkeys(times), "bars": [], "next": None})
    store, limit = exchange.services.executions, exchange.query["limit"]
    asked = {"after": exchange.query["after"], "limit": limit + 1}
    pages = (
        await list_scopes(store, execution_id, **asked),
        await list_attempts(store, execution_id, **asked),
        await list_waits(store, execution_id, **asked),
    )
    (scopes, attempts, waits), following = page_of(pages, ("frame", "seq", "seq"), limit)
    around = await _around(store, execution_id, scopes, [*attempts, *waits])
    bars = [_scope(one, around) for one in scopes]
    bars += [_attempt(one, around) for one in attempts]
    bars += [_wait(one, around) for one in waits]
    bars.sort(key=lambda bar: int(bar["seq"]))
    shown = {name: None if row[name] is None else format_time(row[name]) for name in times}
    return json_reply({**head, **shown, "bars": bars, "next": following})


async def _around(
    store: ReadStore, execution_id: UUID, scopes: Sequence[Row], others: Sequence[Row]
) -> dict[int, int]:
    """The parent of every scope that is around a bar, those of earlier pages too."""
    parents = {row["frame"]: row["parent"] for row in scopes}
    lacking = {row["frame"] for row in others} | set(parents.values())
    for _ in range(_MAX_DEPTH):
        lacking -= parents.keys()
        if not lacking:
            break
        found = await parents_of(store, execution_id, sorted(lacking))
        if not found:
            break
        parents |= found
        lacking |= set(found.values())
    return parents


def _depth(frame: int, around: dict[int, int]) -> int:
    """How many scopes are around something in this frame; the execution itself is none."""
    depth = 0
    while frame in around and depth < _MAX_DEPTH:
        frame, depth = around[frame], depth + 1
    return depth


def _scope(row: Row, around: dict[int, int]) -> dict[str, Any]:
    number = row["branch"] if row["kind"] == "branch" else row["iteration"]
    detail = row["type"] if row["kind"] == "state" else f"{row['kind']} {number}"
    return _bar(row["frame"], row["kind"], row, detail, _depth(row["parent"], around),
                row["entered_at"], row["left_at"])  # fmt: skip


def _attempt(row: Row, around: dict[int, int]) -> dict[str, Any]:
    again = f", attempt {row['attempt']}" if row["attempt"] > 1 else ""
    return _bar(row["seq"], "action", row, row["function"] + again, _depth(row["frame"], around),
                row["scheduled_at"], row["ended_at"])  # fmt: skip


def _wait(row: Row, around: dict[int, int]) -> dict[str, Any]:
    types = msgspec.json.decode(row["types"], type=list[str])
    detail = row["purpose"] if row["kind"] == "timer" else ", ".join(types)
    return _bar(row["seq"], row["kind"], row, detail, _depth(row["frame"], around),
                row["opened_at"], row["closed_at"])  # fmt: skip


def _bar(
    seq: int, kind: str, row: Row, detail: str, depth: int, start: int, end: int | None
) -> dict[str, Any]:
    return {
        "seq": seq,
        "kind": kind,
        "name": row["name"],
        "detail": detail,
        "depth": depth,
        "start": format_time(start),
        "end": None if end is None else format_time(end),
        "duration_ms": None if end is None else end - start,
        "outcome": row["outcome"],
    }
