"""The beginning of a fork, read from its source's log."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from uuid import UUID

from engine.core.decide.resumption import is_closing
from engine.core.timetravel.forking import MAX_FORK_EVENTS, ForkFault, Prefix, before_failure
from engine.model.event import Event
from engine.model.ids import format_execution
from engine.model.state import ExecutionState
from engine.ports.codec import event_of
from engine.ports.rows import EventRow
from engine.ports.storage import Log
from schemas.events.bodies import ActionScheduled, ExecutionCancelled, ExecutionFailed, StateEntered
from server.api.door.pace import Pace
from server.api.door.problem import ProblemRaised
from server.api.past.reading import backwards, last_fact

_PAGE = 500


@dataclass(frozen=True)
class Beginning:
    """The first `at` events of the source, followed; `hash` of the last one (hex, empty at 0)."""

    at: int
    prefix: Prefix
    hash: str


async def beginning_of(log: Log, source: UUID, at: int) -> Beginning:
    """What a fork at event `at` begins with: fewer events where nothing goes on from that one.
    Raises ForkFault, Unavailable."""
    if at > MAX_FORK_EVENTS:
        raise ForkFault(
            "fork.too_long", f"a fork copies at most {MAX_FORK_EVENTS} events, not {at}", "/at"
        )
    at = await _before_closing(log, source, at)
    prefix, last = Prefix(ExecutionState(id=source)), ""
    async for row in _rows(log, source, at):
        prefix.note(event_of(row))
        last = row.hash.hex()
    if prefix.state.closed:
        raise ForkFault(
            "fork.not_here", f"event {at} is behind its end; take one before that", "/at"
        )
    if at and not _is_opening(prefix):
        return Beginning(at, prefix, last)
    return Beginning(0, await _opening(log, source), "")


def _is_opening(prefix: Prefix) -> bool:
    """Whether the start itself is not over: a fork there begins anew."""
    gathers = any(not wait.frame for wait in prefix.state.waits.values())
    return gathers or prefix.origin.is_opening


async def _opening(log: Log, source: UUID) -> Prefix:
    """How the source began, as far as that is told."""
    prefix = Prefix(ExecutionState(id=source))
    async for row in _rows(log, source, None):
        prefix.note(event_of(row))
        if not prefix.origin.is_opening:
            return prefix
    raise ForkFault(
        "fork.not_here", "it gathers the CloudEvents of its start: there is no execution yet"
    )


async def _rows(log: Log, source: UUID, upto: int | None) -> AsyncIterator[EventRow]:
    after, pace = 0, Pace()
    while upto is None or after < upto:
        rows = await log.read_execution(source, after, _PAGE, upto)
        for row in rows:
            yield row
            await pace.breathe()
        if len(rows) < _PAGE:
            return
        after = rows[-1].seq


async def _before_closing(log: Log, source: UUID, seq: int) -> int:
    async for row in backwards(log, source, seq):
        if not is_closing(event_of(row)):
            return row.seq
    return 0


async def place_of_failure(log: Log, last: EventRow) -> int:
    """Behind which event an execution is taken up again that failed, or was cancelled. Problem:
    execution.not_failed."""
    source = last.execution_id
    end, seq = await _before_end(log, last)
    if isinstance(end.body, ExecutionCancelled):
        return seq
    seq, action = before_failure(await _event(log, source, seq))
    if not action:
        return seq
    call = (await _event(log, source, action)).body
    assert isinstance(call, ActionScheduled)
    return (call.retry_of or action) - 1


async def place_of_failed_state(log: Log, last: EventRow) -> int:
    """The event that entered the state in which an execution failed, or was cancelled; where it was
    in none, the last event before. Problem: execution.not_failed."""
    _, seq = await _before_end(log, last)
    event = await _event(log, last.execution_id, seq)
    while not isinstance(event.body, StateEntered) and event.frame:
        event = await _event(log, last.execution_id, event.frame)
    return event.seq if isinstance(event.body, StateEntered) else seq


async def _before_end(log: Log, last: EventRow) -> tuple[Event, int]:
    """The event that tells of the failure, and the seq of the last one before it closed."""
    end = event_of(await last_fact(log, last))
    source = last.execution_id
    if not isinstance(end.body, (ExecutionFailed, ExecutionCancelled)):
        raise ProblemRaised(
            "execution.not_failed",
            f"{format_execution(source)} has not failed; fork it at an event of your choice",
        )
    return end, await _before_closing(log, source, end.seq - 1)


async def _event(log: Log, source: UUID, seq: int) -> Event:
    (row,) = await log.read_execution(source, seq - 1, 1, seq)
    return event_of(row)


async def all_events(log: Log, source: UUID, limit: int) -> Sequence[Event]:
    """The source's events, the first `limit` of them."""
    return [event_of(row) async for row in _rows(log, source, limit)]
