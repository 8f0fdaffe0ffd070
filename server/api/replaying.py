"""Replay: fold an execution again from its first event, and compare with the live state."""

import asyncio
import hashlib
from uuid import UUID

import msgspec
from aiohttp import web

from engine.core.replay import fold, states
from engine.model.ids import format_execution, shard_of
from engine.model.state import ExecutionState
from engine.ports.codec import event_of
from engine.ports.snapshots import state_of
from schemas.api import answers
from schemas.json_text import dumps, loads, write_unknown
from server.api.exchange import Exchange
from server.api.reading import all_rows, execution_id_of, pages, status_of, unknown
from server.api.reply import json_reply
from server.api.times import format_time

_canonical = msgspec.json.Encoder(enc_hook=write_unknown, order="sorted")


async def replay(exchange: Exchange) -> web.Response:
    """GET /executions/{id}/replay: fold from the first event, event by event, and compare with the
    state that an engine works with (a snapshot, where there is one, and the events after it)."""
    execution_id = execution_id_of(exchange)
    live, from_seq = await _live_state(exchange, execution_id)
    rows = await all_rows(exchange, execution_id, upto=live.seq)
    if not rows:
        raise unknown(execution_id)
    steps: list[answers.ReplayStep] = []
    digest = ""
    for event, state in states(execution_id, map(event_of, rows)):
        digest = _digest(state)
        steps.append(
            answers.ReplayStep(
                seq=event.seq,
                type=type(event.body).__name__,
                at=format_time(event.at),
                name=event.name,
                status=status_of(state),
                digest=digest,
            )
        )
        if event.seq % 100 == 0:
            await asyncio.sleep(0)
    live_digest = _digest(live)
    return json_reply(
        answers.Replay(
            execution=format_execution(execution_id),
            equal=digest == live_digest,
            events=len(rows),
            replayed_digest=digest,
            live_digest=live_digest,
            live_from_seq=from_seq,
            steps=steps,
        )
    )


async def _live_state(exchange: Exchange, execution_id: UUID) -> tuple[ExecutionState, int]:
    """The state as an engine loads it, and the seq of the snapshot it began with (0: none)."""
    log, shard = exchange.services.log, shard_of(execution_id)
    snapshots = await log.load_snapshots([(shard, execution_id)])
    state = state_of(snapshots[0]) if snapshots else None
    from_seq = 0 if state is None else state.seq
    async for rows in pages(exchange.services, execution_id, from_seq):
        state = fold(execution_id, map(event_of, rows), state)
    if state is None:
        raise unknown(execution_id)
    return state, from_seq


def _digest(state: ExecutionState) -> str:
    """Over the state as JSON, members in order of their names."""
    return hashlib.sha256(_canonical.encode(loads(dumps(state)))).hexdigest()
