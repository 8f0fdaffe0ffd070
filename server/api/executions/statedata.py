"""Input and output of states and actions: folded from the log when they are asked for.

The projection says at which events they arose; a stretch of the log around these is folded once,
from the nearest snapshot. What is large, or far behind the rest, is left out and marked.
"""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET

from engine.core.replay import fold
from engine.model.event import Event
from engine.model.state import ExecutionState
from engine.ports.codec import event_of
from projections.database import Row
from schemas.events import bodies
from schemas.events.parts import Write
from schemas.json_text import dumps
from server.api.door.exchange import Exchange
from server.api.door.pace import Pace
from server.api.past.reading import folded, pages

MAX_EVENTS = 20_000
"""So many events are folded for one answer."""

MAX_TOTAL_BYTES = 4 * 1024 * 1024
"""So much data stands in one answer."""


class Wanted(msgspec.Struct):
    """Values of one page, by seq: data of frames after the event that opened them, what states gave
    when they were left, arguments of first attempts, results of answers. `left` bytes may still be
    kept, `each` of one value."""

    each: int
    left: int = MAX_TOTAL_BYTES
    inputs: dict[int, msgspec.Raw] = {}
    outputs: dict[int, msgspec.Raw] = {}
    arguments: dict[int, msgspec.Raw] = {}
    results: dict[int, msgspec.Raw] = {}

    def keep(self, table: dict[int, msgspec.Raw], seq: int, value: Any) -> None:
        """Keep the value if it is not too large."""
        text = dumps(value)
        if len(text) <= min(self.each, self.left):
            table[seq] = msgspec.Raw(text)
            self.left -= len(text)


async def values_of(
    exchange: Exchange,
    execution_id: UUID,
    scopes: Sequence[Row],
    attempts: Sequence[Row],
    max_bytes: int,
) -> Wanted:
    """The inputs and outputs of these rows of the history, each of at most `max_bytes`."""
    wanted = Wanted(each=max_bytes)
    states = [row for row in scopes if row["kind"] == "state"]
    frames = {row["frame"] for row in states}
    left = {row["left_seq"] for row in states if row["left_seq"] is not None}
    if frames:
        await _fold(exchange, execution_id, frames, left, wanted)
    firsts = {row["first"] for row in attempts}
    ended = {row["ended_seq"] for row in attempts if row["outcome"] == "completed"}
    if firsts:
        await _read(exchange, execution_id, firsts, ended, wanted)
    return wanted


async def _fold(
    exchange: Exchange, execution_id: UUID, frames: set[int], left: set[int], wanted: Wanted
) -> None:
    """Fold the stretch in which these frames were opened and left."""
    first = min(frames)
    last = min(max(frames | left), first + MAX_EVENTS)
    state = None if first == 1 else await folded(exchange, execution_id, first - 1)
    pace = Pace()
    async for rows in pages(exchange.services, execution_id, first - 1, last):
        for row in rows:
            event, before = event_of(row), state
            state = fold(execution_id, (event,), state)
            if event.seq in frames and event.seq in state.frames:
                wanted.keep(wanted.inputs, event.seq, state.frames[event.seq].data)
            elif event.seq in left and before is not None:
                wanted.keep(wanted.outputs, event.seq, _output(before, event))
            await pace.breathe()


def _output(before: ExecutionState, event: Event) -> Any:
    """What a state gave to what is around it; None where it was not left but ended."""
    frame = before.frames.get(event.frame)
    if not isinstance(event.body, bodies.StateExited) or frame is None:
        return None
    values = [frame.data if one.of == "child" else one.value for one in event.body.writes]
    return values[0] if values else None


async def _read(
    exchange: Exchange, execution_id: UUID, firsts: set[int], ended: set[int], wanted: Wanted
) -> None:
    """Read arguments and results where they stand."""
    seqs = firsts | ended
    last = min(max(seqs), min(seqs) + MAX_EVENTS)
    pace = Pace()
    async for rows in pages(exchange.services, execution_id, min(seqs) - 1, last):
        for row in rows:
            if row.seq in seqs:
                body = event_of(row).body
                if isinstance(body, bodies.ActionScheduled):
                    wanted.keep(wanted.arguments, row.seq, body.arguments)
                elif isinstance(body, bodies.ActionCompleted):
                    wanted.keep(wanted.results, row.seq, _result(body.result, body.writes))
            await pace.breathe()


def _result(result: Any, writes: Sequence[Write]) -> Any:
    """The result as received, or, where a write holds it, what was written."""
    if result is not UNSET:
        return result
    values = [write.value for write in writes if write.value is not UNSET]
    return values[0] if values else None
