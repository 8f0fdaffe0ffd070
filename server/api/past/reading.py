"""Reading one execution: always a fold of its log, so an answer never lags behind a commit.

A snapshot, where there is one, stands for the events before it; what is proved (verify, replay)
does not rest on one.
"""

from collections.abc import AsyncIterator
from uuid import UUID

from engine.core.evolve import EVOLVE_VERSION
from engine.core.replay import fold
from engine.model.errors import BadIdentifier
from engine.model.ids import format_execution, parse_execution, shard_of
from engine.model.state import ExecutionState
from engine.ports.codec import body_of, event_of
from engine.ports.rows import EventRow
from engine.ports.snapshots import state_of
from engine.ports.storage import Log
from schemas.events.bodies import ExecutionSuspended
from server.api.door.exchange import Exchange, Services
from server.api.door.pace import Pace
from server.api.door.problem import ProblemRaised
from server.api.past.gaps import Gap

PAGE = 500
"""Rows at a time: few milliseconds of decoding."""

MAX_UNREADABLE = 3
"""Snapshots of the past that one read tries: they are a cache, its events are there."""

API_STATUS = {
    "new": "running",
    "gathering": "waiting",
    "expired": "timed_out",
}
"""Phases whose name is not the API's."""

TERMINAL_TYPES = {
    "ExecutionCompleted": "completed",
    "ExecutionFailed": "failed",
    "ExecutionCancelled": "cancelled",
    "GatheringExpired": "expired",
}
"""Event types that end an execution, and the phase that each leads to: after them its log grows by
`NOTES` alone."""

NOTES = frozenset({"ForkTaken", "ExecutionImported"})
"""Types of the events that note a fork of the execution, or that it came from elsewhere."""

_BACK = 100


def status_of(state: ExecutionState) -> str:
    """The status as the API names it."""
    return API_STATUS.get(state.status, state.status)


def execution_id_of(exchange: Exchange) -> UUID:
    """The execution that the path names. Problem: id.malformed."""
    text = exchange.request.match_info["execution"]
    try:
        return parse_execution(text)
    except BadIdentifier as error:
        raise ProblemRaised("id.malformed", error.message) from None


async def pages(
    services: Services, execution_id: UUID, after: int = 0, upto: int | None = None
) -> AsyncIterator[list[EventRow]]:
    """The execution's rows in order, a page at a time, up to its last one when the reading began:
    a log that grows as fast as it is read has no end."""
    while True:
        rows = await services.log.read_execution(execution_id, after, PAGE, upto)
        if len(rows) == PAGE and upto is None:
            last = await services.log.last_event(execution_id)
            upto = rows[-1].seq if last is None else last.seq
        if rows:
            yield rows
        if len(rows) < PAGE:
            return
        after = rows[-1].seq


async def folded(
    exchange: Exchange,
    execution_id: UUID,
    upto: int | None = None,
    *,
    since: ExecutionState | None = None,
) -> ExecutionState | None:
    """The state at `upto` (None: now); None: accepted, but nothing is in its log yet. `since`: an
    earlier answer, from which to go on. Problem: not_found, also for an execution of another
    namespace."""
    state = since
    if state is None:
        state = await snapshot_state(exchange, execution_id, upto)
    after, pace = 0 if state is None else state.seq, Pace()
    gap = Gap(exchange.services.log, after)
    async for rows in pages(exchange.services, execution_id, after, upto):
        check_namespace(exchange, rows[0])
        for row in rows:
            state = fold(execution_id, (event_of(row),), state)
            gap.folded(row, state)
            await pace.breathe()
        await gap.save(rows[-1].seq)
    if state is None:
        await check_accepted(exchange, execution_id)
    return state


async def snapshot_state(
    exchange: Exchange, execution_id: UUID, upto: int | None = None
) -> ExecutionState | None:
    """The state of the execution's last snapshot (at or before `upto`) that can be read and whose
    last event the log holds. Problem: not_found for an execution of another namespace."""
    log = exchange.services.log
    newest = await log.load_snapshots([(shard_of(execution_id), execution_id)])
    state = state_of(newest[0]) if newest else None
    if state is not None and upto is not None and state.seq > upto:
        state = None
    after = 0 if state is None else state.seq
    kept = await _kept_state(log, execution_id, after, upto)
    state = state if kept is None else kept
    if state is None:
        return None
    rows = await log.read_execution(execution_id, state.seq - 1, 1, state.seq)
    if not rows:
        return None
    check_namespace(exchange, rows[0])
    return state


async def _kept_state(
    log: Log, execution_id: UUID, after: int, upto: int | None
) -> ExecutionState | None:
    """The last snapshot of the past behind `after` that can be read."""
    for _ in range(MAX_UNREADABLE):
        row = await log.kept_snapshot(execution_id, after, upto, EVOLVE_VERSION)
        if row is None:
            return None
        state = state_of(row)
        if state is not None:
            return state
        upto = row.seq - 1
    return None


async def last_fact(log: Log, last: EventRow) -> EventRow:
    """The last event but for `NOTES`, which alone may follow a terminal one."""
    if last.type not in NOTES:
        return last
    async for row in backwards(log, last.execution_id, last.seq):
        if row.type not in NOTES:
            return row
    return last


async def backwards(log: Log, execution_id: UUID, seq: int) -> AsyncIterator[EventRow]:
    """The event `seq` and those before it, the last one first."""
    while seq > 0:
        rows = await log.read_execution(execution_id, max(0, seq - _BACK), _BACK, seq)
        for row in reversed(rows):
            yield row
        seq -= _BACK


async def check_open(exchange: Exchange, execution_id: UUID) -> None:
    """Problem not_found where this namespace has not accepted such an execution, execution.closed
    where it has ended, execution.imported where it never goes on: told by its last event, however
    long its log is."""
    last = await exchange.services.log.last_event(execution_id)
    if last is None:
        await check_accepted(exchange, execution_id)
        return
    check_namespace(exchange, last)
    last = await last_fact(exchange.services.log, last)
    if last.type in TERMINAL_TYPES:
        raise ProblemRaised(
            "execution.closed", f"{format_execution(execution_id)} is {TERMINAL_TYPES[last.type]}"
        )
    if last.type == ExecutionSuspended.__name__:
        body = body_of(last)
        if isinstance(body, ExecutionSuspended) and body.reason == "imported":
            raise never_goes_on(execution_id)


def check_namespace(exchange: Exchange, row: EventRow) -> None:
    """Problem not_found where the row is of another namespace."""
    if row.namespace != exchange.namespace:
        raise unknown(row.execution_id)


async def check_exists(exchange: Exchange, execution_id: UUID) -> None:
    """Problem not_found unless the execution is of this namespace, begun or accepted."""
    first = await exchange.services.log.read_execution(execution_id, 0, 1)
    if first:
        check_namespace(exchange, first[0])
    else:
        await check_accepted(exchange, execution_id)


async def check_accepted(exchange: Exchange, execution_id: UUID) -> None:
    """Problem not_found unless a start with this id was accepted here."""
    if not await exchange.services.inbox.is_accepted(exchange.namespace, execution_id):
        raise unknown(execution_id)


def never_goes_on(execution_id: UUID) -> ProblemRaised:
    """The problem of an imported execution."""
    return ProblemRaised(
        "execution.imported", f"{format_execution(execution_id)} is a copy; its forks go on"
    )


def unknown(execution_id: UUID) -> ProblemRaised:
    """The problem of an execution that this namespace has not."""
    return ProblemRaised(
        "not_found", f"there is no execution {format_execution(execution_id)} in this namespace"
    )
