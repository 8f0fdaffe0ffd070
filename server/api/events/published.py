"""CloudEvents over HTTP: publish in three modes, list the stream, get one, list dead letters."""

import base64
from collections.abc import Sequence

import msgspec
from aiohttp import web

from engine.model.cloudevents import CloudEvent, CloudEventFault
from engine.model.cloudevents.http_binding import from_http
from engine.ports.rows import DeadLetter, StreamEvent
from engine.ports.rows import Receipt as StoredReceipt
from schemas.api import answers
from schemas.json_text import loads
from server.api.door.body import read_bytes
from server.api.door.cursor import read_number_cursor, write_cursor
from server.api.door.exchange import Exchange
from server.api.door.problem import ProblemRaised, place_of_fault
from server.api.door.reply import json_reply
from server.api.door.times import format_time
from server.api.events.pages import page_of_stream


async def publish(exchange: Exchange) -> web.Response:
    """POST /events: durable before it is answered. 202 with one receipt for each CloudEvent. A
    message of one CloudEvent that is malformed or conflicts is 400 or 409; in a batch the receipt
    says so, and only when nothing of it was taken the whole is 400 or 409."""
    body = await read_bytes(exchange)
    headers = list(exchange.request.headers.items())
    delivery = from_http(headers, body, exchange.services.limits.cloudevents)
    good = [event for event in delivery.events if isinstance(event, CloudEvent)]
    namespace = exchange.namespace
    stored = await exchange.services.intake.ingest(namespace, good, exchange.actor) if good else []
    receipts = _receipts(delivery.events, stored)
    taken = [one for one in receipts if one.outcome in ("stored", "duplicate")]
    if receipts and not taken:
        raise _refusal(receipts)
    return json_reply(answers.Receipts(receipts=receipts), 202)


def _receipts(
    events: Sequence[CloudEvent | CloudEventFault], stored: Sequence[StoredReceipt]
) -> list[answers.Receipt]:
    remaining = iter(stored)
    receipts: list[answers.Receipt] = []
    for event in events:
        if isinstance(event, CloudEventFault):
            receipts.append(
                answers.Receipt(
                    outcome="refused",
                    id=event.event_id,
                    source=event.event_source,
                    error=place_of_fault(event),
                )
            )
            continue
        receipt = next(remaining)
        receipts.append(
            answers.Receipt(
                outcome=receipt.outcome,
                position=receipt.position,
                id=event.id,
                source=event.source,
            )
        )
    return receipts


def _refusal(receipts: Sequence[answers.Receipt]) -> ProblemRaised:
    faults = [one.error for one in receipts if one.error is not None]
    if faults:
        return ProblemRaised("cloudevent.malformed", faults[0].detail, faults)
    first = receipts[0]
    return ProblemRaised(
        "cloudevent.conflict",
        f"{first.source} {first.id} is at position {first.position} with other content",
    )


async def index(exchange: Exchange) -> web.Response:
    """GET /events: the namespace's stream, oldest first. A page may hold fewer than there are
    behind it, where few CloudEvents pass the filters: go on with `next`."""
    rows, more_after = await page_of_stream(exchange)
    following = None if more_after is None else write_cursor(str(more_after))
    return json_reply({"items": [stored_members(row) for row in rows], "next": following})


async def show(exchange: Exchange) -> web.Response:
    """GET /events/{position}: one CloudEvent, and who sent it."""
    position = position_in_path(exchange)
    stored = await exchange.services.evidence.stored(exchange.namespace, position)
    if stored is None:
        raise ProblemRaised("not_found", f"no CloudEvent is kept at position {position}")
    return json_reply({**stored_members(stored.event), "actor": stored.actor})


def position_in_path(exchange: Exchange) -> int:
    """The position that the path names. Problem: not_found for anything that is none."""
    text = exchange.path_name("position")
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise ProblemRaised("not_found", f"{text[:80]!r} is no position; it is a number from 1")
    return int(text)


def stored_members(row: StreamEvent) -> dict[str, object]:
    """A CloudEvent with its position, as the API tells it."""
    return {"position": row.position, "at": format_time(row.at), "event": loads(row.body)}


async def dead_letters(exchange: Exchange) -> web.Response:
    """GET /events/dead-letters."""
    limit = exchange.query["limit"]
    after = read_number_cursor(exchange.query["cursor"])
    rows = await exchange.services.streams.dead_letters(exchange.namespace, after, limit + 1)
    page, rest = rows[:limit], rows[limit:]
    following = write_cursor(str(page[-1].id)) if rest else None
    return json_reply(
        answers.DeadLetterPage(items=[letter_members(row) for row in page], next=following)
    )


def letter_members(row: DeadLetter) -> answers.DeadLetter:
    """A dead letter as the API tells it."""
    return answers.DeadLetter(
        id=row.id,
        at=format_time(row.at),
        origin=row.origin,
        code=row.code,
        reason=row.reason,
        headers=_headers_of(row.headers),
        body=base64.b64encode(row.body).decode(),
    )


def _headers_of(raw: bytes) -> object:
    try:
        return msgspec.json.decode(raw) if raw else {}
    except msgspec.DecodeError:
        return base64.b64encode(raw).decode()
