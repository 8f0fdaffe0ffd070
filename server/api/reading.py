"""Reading one execution: always a fold of its log, so an answer never lags behind a commit.

A snapshot, where there is one, stands for the events before it; what is proved (verify, replay)
does not rest on one.
"""

from collections.abc import AsyncIterator, Callable, Iterable
from uuid import UUID

from engine.core.replay import fold
from engine.model.errors import BadIdentifier
from engine.model.ids import format_execution, parse_execution, shard_of
from engine.model.state import ExecutionState
from engine.ports.codec import event_of
from engine.ports.rows import EventRow
from engine.ports.snapshots import state_of
from server.api.exchange import Exchange, Services
from server.api.pace import Pace
from server.api.problem import ProblemRaised

PAGE = 500
"""Rows at a time: few milliseconds of decoding."""

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
"""Event types after which an execution's log never grows, and the phase that each leads to."""


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
    """The execution's rows in order, a page at a time."""
    while True:
        rows = await services.log.read_execution(execution_id, after, PAGE, upto)
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
        state = await snapshot_state(
            exchange, execution_id, lambda one: upto is None or one.seq <= upto
        )
    after, pace = 0 if state is None else state.seq, Pace()
    async for rows in pages(exchange.services, execution_id, after, upto):
        check_namespace(exchange, rows[0])
        state = await fold_on(execution_id, rows, state, pace)
    if state is None:
        await check_accepted(exchange, execution_id)
    return state


async def fold_on(
    execution_id: UUID, rows: Iterable[EventRow], state: ExecutionState | None, pace: Pace
) -> ExecutionState | None:
    """The state after these rows too; None: no state and no row."""
    for row in rows:
        state = fold(execution_id, (event_of(row),), state)
        await pace.breathe()
    return state


async def snapshot_state(
    exchange: Exchange, execution_id: UUID, wanted: Callable[[ExecutionState], bool]
) -> ExecutionState | None:
    """The state of the execution's snapshot, if it is `wanted` and the log holds the event that it
    ends with. Problem: not_found for an execution of another namespace."""
    log = exchange.services.log
    snapshots = await log.load_snapshots([(shard_of(execution_id), execution_id)])
    state = state_of(snapshots[0]) if snapshots else None
    if state is None or not wanted(state):
        return None
    rows = await log.read_execution(execution_id, state.seq - 1, 1, state.seq)
    if not rows:
        return None
    check_namespace(exchange, rows[0])
    return state


async def check_open(exchange: Exchange, execution_id: UUID) -> None:
    """Problem not_found where this namespace has not accepted such an execution, execution.closed
    where it has ended: told by its last event, however long its log is."""
    last = await exchange.services.log.last_event(execution_id)
    if last is None:
        await check_accepted(exchange, execution_id)
        return
    check_namespace(exchange, last)
    if last.type in TERMINAL_TYPES:
        raise ProblemRaised(
            "execution.closed", f"{format_execution(execution_id)} is {TERMINAL_TYPES[last.type]}"
        )


def check_namespace(exchange: Exchange, row: EventRow) -> None:
    """Problem not_found where the row is of another namespace."""
    if row.namespace != exchange.namespace:
        raise unknown(row.execution_id)


async def check_accepted(exchange: Exchange, execution_id: UUID) -> None:
    """Problem not_found unless a start with this id was accepted here."""
    if not await exchange.services.inbox.is_accepted(exchange.namespace, execution_id):
        raise unknown(execution_id)


def unknown(execution_id: UUID) -> ProblemRaised:
    """The problem of an execution that this namespace has not."""
    return ProblemRaised(
        "not_found", f"there is no execution {format_execution(execution_id)} in this namespace"
    )
