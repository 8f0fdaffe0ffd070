"""Replay: fold an execution again from its first event, and compare with the live state."""

import hashlib
from uuid import UUID

import msgspec
from aiohttp import web

from engine.core.replay import states
from engine.model.event import Event
from engine.model.ids import format_execution
from engine.model.state import ExecutionState
from engine.ports.codec import event_of
from schemas.api import answers
from schemas.json_text import dumps, loads, write_unknown
from server.api.door.exchange import Exchange
from server.api.door.pace import Pace
from server.api.door.reply import members_of
from server.api.door.times import format_time
from server.api.past.reading import (
    check_namespace,
    execution_id_of,
    folded,
    pages,
    snapshot_state,
    status_of,
    unknown,
)

_canonical = msgspec.json.Encoder(enc_hook=write_unknown, order="sorted")


async def replay(exchange: Exchange) -> web.Response:
    """GET /executions/{id}/replay: fold from the first event, event by event, and compare with the
    state that an engine works with (a snapshot, where there is one, and the events after it)."""
    execution_id = execution_id_of(exchange)
    live, from_seq = await _live_state(exchange, execution_id)
    steps, digest = await _steps(exchange, execution_id, live.seq)
    if not steps:
        raise unknown(execution_id)
    live_digest = _digest(live)
    found = answers.Replay(
        execution=format_execution(execution_id),
        equal=digest == live_digest,
        events=len(steps),
        replayed_digest=digest,
        live_digest=live_digest,
        live_from_seq=from_seq,
        steps=[],
    )
    body = dumps(members_of(found) | {"steps": [msgspec.Raw(one) for one in steps]})
    return web.Response(body=body, content_type="application/json")


async def _steps(exchange: Exchange, execution_id: UUID, upto: int) -> tuple[list[bytes], str]:
    """Every step as JSON, and the last one's digest. A step is written when it is made: hundreds of
    thousands of models, written at once, would hold up everybody else."""
    steps: list[bytes] = []
    folded_state: ExecutionState | None = None
    digest, pace = "", Pace()
    async for rows in pages(exchange.services, execution_id, upto=upto):
        check_namespace(exchange, rows[0])
        for event, state in states(execution_id, map(event_of, rows), folded_state):
            folded_state, digest = state, _digest(state)
            steps.append(dumps(members_of(_step(event, state, digest))))
            await pace.breathe()
    return steps, digest


def _step(event: Event, state: ExecutionState, digest: str) -> answers.ReplayStep:
    return answers.ReplayStep(
        seq=event.seq,
        type=type(event.body).__name__,
        at=format_time(event.at),
        name=event.name,
        status=status_of(state),
        digest=digest,
    )


async def _live_state(exchange: Exchange, execution_id: UUID) -> tuple[ExecutionState, int]:
    """The state as an engine loads it, and the seq of the snapshot it began with (0: none)."""
    snapshot = await snapshot_state(exchange, execution_id)
    live = await folded(exchange, execution_id, since=snapshot)
    if live is None:
        raise unknown(execution_id)
    return live, 0 if snapshot is None else snapshot.seq


def _digest(state: ExecutionState) -> str:
    """Over the state as JSON, members in order of their names."""
    return hashlib.sha256(_canonical.encode(loads(dumps(state)))).hexdigest()
