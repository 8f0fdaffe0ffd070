"""The lineage of CloudEvents and executions: what came of what."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from aiohttp import web

from engine.model.ids import format_event, format_execution
from projections.database import Row
from projections.questions.lineage import (
    emission,
    emitted_by,
    taken_by,
    taken_from,
    takers,
)
from projections.views.lineage import emitted_by as emitter_of
from server.api.door.exchange import Exchange
from server.api.door.problem import ProblemRaised
from server.api.door.reply import json_reply
from server.api.door.times import format_time
from server.api.executions.history import head_of, projected
from server.api.executions.listing import status_of_row
from server.api.executions.waits import read_place, write_place

_SHOWN = 200
"""So many CloudEvents of one execution are told."""

_DESCENDANTS = 1_000
_MAX_POSITION_DIGITS = 18


async def of_event(exchange: Exchange) -> web.Response:
    """GET /events/{position}/lineage."""
    position, limit = _position(exchange), exchange.query["limit"]
    namespace, store = exchange.namespace, exchange.services.executions
    stored = await exchange.services.streams.read(namespace, (), position - 1, position)
    if not stored:
        raise ProblemRaised("not_found", f"there is no CloudEvent at position {position}")
    event = stored[0]
    emitter = emitter_of(event.id)
    emitted = None if emitter is None else await emission(store, namespace, emitter, event.source)
    after = read_place(exchange.query["cursor"])
    rows = await takers(store, namespace, position, after=after, limit=limit + 1)
    page, rest = rows[:limit], rows[limit:]
    return json_reply(
        {
            "position": position,
            "id": event.id,
            "source": event.source,
            "type": event.type,
            "at": format_time(event.at),
            "emitted_by": None if emitted is None else _party(emitted),
            "taken_by": [_taker(row) for row in page],
            "next": write_place(page[-1]) if rest else None,
        }
    )


def _position(exchange: Exchange) -> int:
    text = exchange.request.match_info["position"]
    if not (text.isascii() and text.isdigit() and len(text) <= _MAX_POSITION_DIGITS and int(text)):
        raise ProblemRaised(
            "not_found", f"{text[:80]!r} is not the position of a CloudEvent: 1, 2, 3 ..."
        )
    return int(text)


def _party(row: Row) -> dict[str, Any]:
    """What is told of an execution that took or emitted a CloudEvent."""
    return {
        "execution": format_execution(row["execution_id"]),
        "workflow": row["workflow"],
        "version": row["version"],
        "status": None if row["status"] is None else status_of_row(row),
        "seq": row["seq"],
        "state": (row["state"] if "state" in row else row["name"]) or None,
        "at": format_time(row["at"]),
    }


def _taker(row: Row) -> dict[str, Any]:
    return {**_party(row), "role": row["role"]}


async def of_execution(exchange: Exchange) -> web.Response:
    """GET /executions/{id}/lineage."""
    execution_id, row = await projected(exchange)
    store, depth = exchange.services.executions, exchange.query["depth"]
    copied = 0 if row is None else row["copied_upto"]  # what came before happened elsewhere
    taken = await taken_by(store, execution_id, after=copied, limit=_SHOWN + 1)
    emitted = await emitted_by(store, execution_id, after=copied, limit=_SHOWN + 1)
    ancestors = await _ancestors(exchange, execution_id, depth)
    descendants, is_cut = await _descendants(exchange, execution_id, depth)
    source = None if row is None else row["forked_from"]
    return json_reply(
        {
            **head_of(execution_id, row),
            "workflow": None if row is None else row["workflow"],
            "started_by": None if row is None or copied or _is_triggered(taken) else row["actor"],
            "forked_from": None if source is None else format_execution(source),
            "forked_at": None if row is None else row["forked_at"],
            "taken": [_taken(one) for one in taken[:_SHOWN]],
            "emitted": [_emitted(execution_id, one) for one in emitted[:_SHOWN]],
            "ancestors": ancestors,
            "descendants": descendants,
            "cut": is_cut or len(taken) > _SHOWN or len(emitted) > _SHOWN,
        }
    )


def _is_triggered(taken: Sequence[Row]) -> bool:
    return any(row["role"] == "started" for row in taken)


def _taken(row: Row) -> dict[str, Any]:
    return {
        "seq": row["seq"],
        "position": row["position"],
        "id": row["event_id"],
        "source": row["source"],
        "type": row["type"],
        "role": row["role"],
        "state": row["name"] or None,
        "at": format_time(row["at"]),
        "emitted_by": None if row["emitter"] is None else format_execution(row["emitter"]),
    }


def _emitted(execution_id: UUID, row: Row) -> dict[str, Any]:
    return {
        "seq": row["seq"],
        "id": format_event(execution_id, row["seq"]),
        "source": row["source"],
        "type": row["type"],
        "state": row["state"],
        "at": format_time(row["at"]),
    }


async def _ancestors(exchange: Exchange, execution_id: UUID, depth: int) -> list[dict[str, Any]]:
    """The chain of executions whose CloudEvents started it, the nearest first."""
    store, chain, seen = exchange.services.executions, list[dict[str, Any]](), {execution_id}
    for level in range(1, depth + 1):
        taken = await taken_by(store, execution_id, limit=_SHOWN)
        found = None
        for one in (row for row in taken if row["role"] == "started"):
            if one["emitter"] is not None:
                emitter = one["emitter"], one["emitter_seq"]
                found = await emission(store, exchange.namespace, emitter, one["source"])
            if found is not None:
                chain.append(_ancestor(level, one, found))
                break
        if found is None or found["execution_id"] in seen:
            break
        execution_id = found["execution_id"]
        seen.add(execution_id)
    return chain


def _ancestor(level: int, taken: Row, emitted: Row) -> dict[str, Any]:
    return {
        "depth": level,
        "position": taken["position"],
        "type": taken["type"],
        "execution": format_execution(emitted["execution_id"]),
        "workflow": emitted["workflow"],
        "status": None if emitted["status"] is None else status_of_row(emitted),
        "seq": emitted["seq"],
    }


async def _descendants(
    exchange: Exchange, execution_id: UUID, depth: int
) -> tuple[list[dict[str, Any]], bool]:
    """What took the CloudEvents of the execution, then what took theirs, level by level; and
    whether there is more."""
    store, found = exchange.services.executions, list[dict[str, Any]]()
    seen, level = {execution_id}, [execution_id]
    for number in range(1, depth + 1):
        room = _DESCENDANTS - len(found)
        rows = await taken_from(store, exchange.namespace, level, room + 1)
        found += [_descendant(number, row) for row in rows[:room]]
        if len(rows) > room:
            return found, True
        level = list({row["execution_id"] for row in rows} - seen)
        seen.update(level)
        if not level:
            return found, False
    return found, bool(await taken_from(store, exchange.namespace, level, 1))


def _descendant(level: int, row: Row) -> dict[str, Any]:
    return {
        **_taker(row),
        "depth": level,
        "emitter": format_execution(row["emitter"]),
        "emitter_seq": row["emitter_seq"],
        "position": row["position"],
        "type": row["type"],
    }
