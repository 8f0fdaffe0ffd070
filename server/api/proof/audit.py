"""Who did what: one list of commands, audit entries and published CloudEvents, newest first."""

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from aiohttp import web

from engine.model.errors import BadIdentifier
from engine.model.ids import format_event, format_execution, parse_execution
from engine.ports.audit import INSTALLATION, AuditFilter, AuditRow
from engine.ports.survey import Sender
from projections.database import Row
from projections.questions.commands import LAST, CommandFilter, Place, list_commands
from schemas.api import audit as answers
from schemas.json_text import loads
from server.api.door.cursor import read_cursor, write_cursor
from server.api.door.exchange import Exchange
from server.api.door.problem import ProblemRaised
from server.api.door.reply import json_reply
from server.api.door.times import format_time
from server.api.proof.actions import PUBLISHED, check_action

BUS = "nats"
"""The actor of CloudEvents that came over NATS: nobody in particular."""

_SCANNED = 1_000
"""CloudEvents looked at for one page: none of them may be wanted."""

_CURSOR = re.compile(r"(\d{1,18}) (\d{1,19}) ([0-9a-f]{32}) (\d{1,10}) (\d{1,18})", re.A)
_END = 2**53


@dataclass(frozen=True)
class _Places:
    """How far each source was told: only what is before these is still to come."""

    entry: int = _END
    command: Place = LAST
    event: int = _END

    def text(self) -> str:
        """As a cursor."""
        at, execution, seq = self.command
        return f"{self.entry} {at} {execution.hex} {seq} {self.event}"


@dataclass(frozen=True)
class _Found:
    """What a source has, newest first: time, place, deed. `end`: the place down to which it was
    looked at; `reaches`: the time there, None: there is nothing behind it."""

    items: Sequence[tuple[int, Any, answers.Deed]]
    end: Any
    reaches: int | None


async def index(exchange: Exchange) -> web.Response:
    """GET /audit of a namespace."""
    return await _page(exchange, exchange.namespace, ("entry", "command", "event"))


async def of_installation(exchange: Exchange) -> web.Response:
    """GET /v1/audit: what concerns the whole installation."""
    return await _page(exchange, INSTALLATION, ("entry",))


async def _page(exchange: Exchange, namespace: str, kinds: Sequence[str]) -> web.Response:
    check_action(exchange.query["action"])
    limit, places = exchange.query["limit"], _places_of(exchange.query["cursor"])
    asked = exchange.query.get("kind")
    wanted = [kind for kind in kinds if asked in (None, kind)]
    answered = await asyncio.gather(
        *(_SOURCES[kind](exchange, namespace, places, limit) for kind in wanted)
    )
    page, following = _merged(dict(zip(wanted, answered, strict=True)), places, limit)
    return json_reply(answers.DeedPage(items=page, next=following))


def _merged(
    found: Mapping[str, _Found], places: _Places, limit: int
) -> tuple[list[answers.Deed], str | None]:
    """The newest of all sources, nothing older than what one of them may still have; and the
    cursor behind them."""
    horizon = max((one.reaches for one in found.values() if one.reaches is not None), default=-1)
    items = [
        (at, kind, place, deed)
        for kind, one in found.items()
        for at, place, deed in one.items
        if at >= horizon
    ]
    page = sorted(items, key=lambda item: item[0], reverse=True)[:limit]
    reached, more = dict[str, Any](), False
    for kind, one in found.items():
        told = [place for _, source, place, _ in page if source == kind]
        if len(told) == len(one.items):
            reached[kind] = one.end
            more = more or one.reaches is not None
        else:
            reached[kind] = told[-1] if told else getattr(places, kind)
            more = True
    cursor = write_cursor(replace(places, **reached).text()) if more else None
    return [deed for *_, deed in page], cursor


async def _entries(exchange: Exchange, namespace: str, places: _Places, limit: int) -> _Found:
    query = exchange.query
    wanted = AuditFilter(
        actor=query["actor"],
        action=query["action"],
        target=query["target"],
        since=query["since"],
        until=query["until"],
    )
    rows = await exchange.services.audit.find(namespace, wanted, places.entry, limit + 1)
    items = [(row.at, row.position, _of_entry(row)) for row in rows]
    return _all_or_part(items, limit, places.entry)


def _of_entry(row: AuditRow) -> answers.Deed:
    data = loads(row.data)
    return answers.Deed(
        at=format_time(row.at),
        actor=row.actor,
        action=row.action,
        target=row.target,
        kind="entry",
        id=str(row.position),
        origin=data.pop("origin", None),
        reason=data.pop("reason", ""),
        data=data,
    )


async def _commands(exchange: Exchange, namespace: str, places: _Places, limit: int) -> _Found:
    query, before = exchange.query, places.command
    target = None
    if query["target"] is not None:
        try:
            target = parse_execution(query["target"])
        except BadIdentifier:
            return _Found([], before, None)  # another thing's name: no command was on it
    if query["until"] is not None:
        before = min(before, (query["until"] + 1, UUID(int=0), 0))
    wanted = CommandFilter(
        actor=query["actor"], action=query["action"], target=target, since=query["since"]
    )
    store = exchange.services.executions
    rows = await list_commands(store, namespace, wanted, before, limit + 1)
    items = [
        (row["at"], (row["at"], row["execution_id"], row["seq"]), _of_command(row)) for row in rows
    ]
    return _all_or_part(items, limit, before)


def _of_command(row: Row) -> answers.Deed:
    return answers.Deed(
        at=format_time(row["at"]),
        actor=row["actor"],
        action=row["action"],
        target=format_execution(row["execution_id"]),
        kind="command",
        id=format_event(row["execution_id"], row["seq"]),
        origin=row["origin"] or None,
        reason=row["reason"],
        data={},
    )


def _all_or_part(items: Sequence[tuple[int, Any, answers.Deed]], limit: int, start: Any) -> _Found:
    if len(items) <= limit:
        return _Found(items, items[-1][1] if items else start, None)
    return _Found(items, items[-1][1], items[-1][0])


async def _events(exchange: Exchange, namespace: str, places: _Places, limit: int) -> _Found:
    """Of CloudEvents so many are looked at, wanted or not: their stream has no index of actors."""
    query = exchange.query
    if not PUBLISHED.startswith(query["action"] or PUBLISHED):
        return _Found([], places.event, None)
    head = await exchange.services.streams.head(namespace)
    before = min(places.event, head + 1)
    rows = await exchange.services.survey.senders(namespace, before, _SCANNED)
    items = [(row.at, row.position, _of_event(row)) for row in rows if _is_wanted(row, query)]
    if not rows or rows[-1].position == 1 or rows[-1].at < (query["since"] or 0):
        return _Found(items[: limit + 1], items[-1][1] if items else before, None)
    return _Found(items, rows[-1].position, rows[-1].at)


def _is_wanted(row: Sender, query: Mapping[str, Any]) -> bool:
    action = query["action"]
    return (
        row.actor != BUS
        and query["actor"] in (None, row.actor)
        and (action in (None, PUBLISHED) or action.endswith("."))
        and query["target"] in (None, f"{row.source} {row.id}")
        and (query["since"] or 0) <= row.at
        and (query["until"] is None or row.at <= query["until"])
    )


def _of_event(row: Sender) -> answers.Deed:
    return answers.Deed(
        at=format_time(row.at),
        actor=row.actor,
        action=PUBLISHED,
        target=f"{row.source} {row.id}",
        kind="event",
        id=str(row.position),
        origin=None,
        reason="",
        data={"type": row.type},
    )


_SOURCES = {"entry": _entries, "command": _commands, "event": _events}


def _places_of(cursor: str | None) -> _Places:
    text = read_cursor(cursor)
    if not text:
        return _Places()
    found = _CURSOR.fullmatch(text)
    if found is None or int(found[2]) > LAST[0]:
        raise ProblemRaised("query.invalid", "this cursor is not one that a page gave out")
    entry, at, execution, seq, event = found.groups()
    return _Places(int(entry), (int(at), UUID(execution), int(seq)), int(event))
