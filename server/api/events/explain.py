"""What became of a CloudEvent: whom it started or woke, who nearly took it, and why not."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from aiohttp import web

from engine.core.timetravel.nearest import similar_types
from engine.model.command import Arrived
from engine.model.ids import format_execution
from engine.ports.erasures import ERASED_TYPE
from engine.ports.evidence import StoredCloudEvent
from engine.ports.rows import SubscriptionRow
from projections.questions import lineage
from projections.views.lineage import emitted_by
from schemas.api.why import (
    Delivery,
    Explanation,
    LetterExplanation,
    NearWait,
    RefusedMessage,
    StoredEventDetail,
    TriggerVerdict,
)
from schemas.json_text import loads
from server.api.door.exchange import Exchange
from server.api.door.problem import ProblemRaised
from server.api.door.reply import json_reply
from server.api.door.times import format_time
from server.api.events.published import letter_members, position_in_path
from server.api.past.reading import folded
from server.api.reasons.account import account, advice_on
from server.api.reasons.gather import LETTERS, TYPES, arrivals_of, program_by_hash
from server.api.reasons.verdicts import concerns, near_wait, verdict
from server.api.reasons.waits import refused_members

TRIGGERS = 200
DELIVERIES = 50
SUBSCRIPTIONS = 200
EXECUTIONS_FOLDED = 20
PENDING = 1_000
_GATHERING = (None, "gathering", "expired")
"""Statuses in the read tables of a start that wants several CloudEvents and has not begun."""


async def by_position(exchange: Exchange) -> web.Response:
    """GET /events/{position}/explain."""
    return await _explained(exchange, position_in_path(exchange))


async def by_name(exchange: Exchange) -> web.Response:
    """GET /events/explain?source=&id=: the CloudEvent with this source and id."""
    source, event_id = exchange.query["source"], exchange.query["id"]
    if source is None or event_id is None:
        raise ProblemRaised("query.invalid", "give both source and id")
    position = await exchange.services.evidence.position_of(exchange.namespace, source, event_id)
    if position is not None:
        return await _explained(exchange, position)
    letters = await _letters(exchange, source, event_id)
    hint = f"; dead letter {letters[0].dead_letter} names this id" if letters else ""
    raise ProblemRaised(
        "not_found", f"no CloudEvent {event_id!r} of source {source!r} was stored here{hint}"
    )


async def letter(exchange: Exchange) -> web.Response:
    """GET /events/dead-letters/{number}/explain."""
    number = exchange.path_name("number")
    found = None
    if number.isascii() and number.isdigit() and len(number) <= 18:
        found = await exchange.services.evidence.letter(exchange.namespace, int(number))
    if found is None:
        raise ProblemRaised("not_found", f"there is no dead letter {number[:80]!r}")
    now = await exchange.services.leases.now_ms()
    summary, advice = advice_on(found, now)
    return json_reply(
        LetterExplanation(summary=summary, advice=advice, letter=letter_members(found))
    )


async def _explained(exchange: Exchange, position: int) -> web.Response:
    services, namespace = exchange.services, exchange.namespace
    stored = await services.evidence.stored(namespace, position)
    if stored is None:
        raise ProblemRaised("not_found", f"no CloudEvent is kept at position {position}")
    arrivals = arrivals_of([stored.event])
    erased = stored.event.type == ERASED_TYPE
    arrived = arrivals[0] if arrivals and not erased else None  # what is left was never matched
    triggers, others = await _triggers(exchange, arrived) if arrived else ([], 0)
    deliveries = _with_starts(await _deliveries(exchange, position), triggers)
    taken = {one.execution for one in deliveries}
    near = await _near_waits(exchange, arrived, taken) if arrived else []
    matched = await services.streams.matched(namespace)
    explanation = Explanation(
        summary="",
        event=await _detail(exchange, stored),
        matched=position <= matched,
        matcher_position=matched,
        head=await services.streams.head(namespace),
        deliveries=deliveries,
        triggers=triggers,
        other_triggers=others,
        near_waits=near,
        pending=len(await services.evidence.waiting_at(namespace, position, PENDING)),
        behind=await _behind(exchange),
        dead_letters=await _letters(exchange, stored.event.source, stored.event.id),
    )
    explanation.summary = account(explanation, stored, await services.leases.now_ms())
    return json_reply(explanation)


async def _detail(exchange: Exchange, stored: StoredCloudEvent) -> StoredEventDetail:
    store, emitter = exchange.services.executions, emitted_by(stored.event.id)
    if emitter is not None:
        source = stored.event.source
        if await lineage.emission(store, exchange.namespace, emitter, source) is None:
            emitter = None
    return StoredEventDetail(
        position=stored.event.position,
        at=format_time(stored.event.at),
        event=loads(stored.event.body),
        actor=stored.actor,
        emitted_by=None if emitter is None else format_execution(emitter[0]),
    )


async def _triggers(exchange: Exchange, arrived: Arrived) -> tuple[list[TriggerVerdict], int]:
    """Verdicts of the triggers that may have meant it, and how many others were active."""
    namespace, event = exchange.namespace, arrived.event
    rows = await exchange.services.evidence.triggers(
        namespace, event.type, event.position, TRIGGERS
    )
    concerned = [row for row in rows if concerns(row, event.type)]
    verdicts: list[TriggerVerdict] = []
    for row in concerned:
        program = await program_by_hash(exchange, row.definition_hash)
        told = verdict(row, program, arrived)
        if told.accepted and not told.gathers and program is not None and program.trigger:
            key = f"trigger:{row.definition_hash}:{program.trigger.node}:{event.position}"
            started = await exchange.services.catalog.find_by_key(namespace, row.workflow, key)
            told.execution = None if started is None else format_execution(started)
        verdicts.append(told)
    verdicts.sort(key=lambda one: not one.accepted)
    return verdicts, len(rows) - len(concerned)


async def _deliveries(exchange: Exchange, position: int) -> list[Delivery]:
    """Who took it, as far as the read tables know."""
    store = exchange.services.executions
    rows = await lineage.takers(store, exchange.namespace, position, limit=DELIVERIES)
    return [_delivery(row) for row in rows]


def _delivery(row: Mapping[str, Any]) -> Delivery:
    return Delivery(
        execution=format_execution(row["execution_id"]),
        workflow=row["workflow"],
        role="kept" if row["status"] in _GATHERING else row["role"],
        ref=row["ref"] or None,
        state=row["name"] or None,
        seq=row["seq"],
        at=format_time(row["at"]),
    )


def _with_starts(deliveries: list[Delivery], triggers: Sequence[TriggerVerdict]) -> list[Delivery]:
    """Executions that it started and that the read tables do not have yet are known by their
    start key."""
    known = {one.execution for one in deliveries}
    return deliveries + [
        Delivery(
            execution=one.execution, workflow=one.workflow, role="started", ref=one.ref,
            state=None, seq=None, at=None,
        )
        for one in triggers
        if one.execution is not None and one.execution not in known
    ]  # fmt: skip


async def _near_waits(exchange: Exchange, arrived: Arrived, taken: set[str]) -> list[NearWait]:
    """Open waits for its type or one that is written alike, of the newest executions."""
    evidence, namespace = exchange.services.evidence, exchange.namespace
    types = await evidence.subscribed_types(namespace, TYPES)
    wanted = [arrived.event.type, *similar_types(arrived.event.type, types)]
    rows = await evidence.subscriptions(namespace, wanted, SUBSCRIPTIONS)
    found: list[NearWait] = []
    for execution_id in _executions(rows, taken):
        state = await folded(exchange, execution_id)
        for wait in state.waits.values() if state is not None else ():
            near = near_wait(state, wait, arrived) if state is not None else None
            if near is not None and not (taken and _came_later(near)):
                found.append(near)
    found.sort(key=lambda one: one.passed - one.asked, reverse=True)
    return found


def _came_later(near: NearWait) -> bool:
    """Of a CloudEvent that somebody took, it is no news that it was too early for another."""
    return near.failed is not None and near.failed.kind == "position"


def _executions(rows: Sequence[SubscriptionRow], taken: set[str]) -> list[UUID]:
    """Each once, in order, but those that took it."""
    ids = dict.fromkeys(row.execution_id for row in rows)
    return [one for one in ids if format_execution(one) not in taken][:EXECUTIONS_FOLDED]


async def _behind(exchange: Exchange) -> int:
    """Events of the log that the read tables do not have yet."""
    read = await exchange.services.executions.positions()
    heads = await exchange.services.log.heads()
    return sum(max(0, head.last_position - read.get(head.shard, 0)) for head in heads)


async def _letters(exchange: Exchange, source: str, event_id: str) -> list[RefusedMessage]:
    """Dead letters that name its id and its source."""
    letters = await exchange.services.evidence.latest_letters(exchange.namespace, LETTERS)
    words = (event_id.encode(), source.encode())
    return [
        refused_members(one)
        for one in letters
        if all(word in one.body or word in one.headers for word in words)
    ]
