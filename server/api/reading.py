"""Reading one execution: always a fold of its log, so an answer never lags behind a commit."""

from collections.abc import AsyncIterator
from uuid import UUID

from engine.core.replay import fold
from engine.model.errors import BadIdentifier
from engine.model.ids import format_execution, parse_execution
from engine.model.state import ExecutionState
from engine.ports.codec import event_of
from engine.ports.rows import EventRow
from server.api.exchange import Exchange, Services
from server.api.problem import ProblemRaised

PAGE = 2_000
API_STATUS = {
    "new": "running",
    "gathering": "waiting",
    "expired": "timed_out",
}
"""Phases whose name is not the API's."""


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
    exchange: Exchange, execution_id: UUID, upto: int | None = None
) -> ExecutionState | None:
    """The state at `upto` (None: now); None: accepted, but nothing is in its log yet. Problem:
    not_found, also for an execution of another namespace."""
    state: ExecutionState | None = None
    async for rows in pages(exchange.services, execution_id, upto=upto):
        check_namespace(exchange, rows[0])
        state = fold(execution_id, map(event_of, rows), state)
    if state is None:
        await check_accepted(exchange, execution_id)
    return state


async def all_rows(
    exchange: Exchange, execution_id: UUID, upto: int | None = None
) -> list[EventRow]:
    """Every row of the execution, up to `upto`. Problem: not_found for another namespace's."""
    rows: list[EventRow] = []
    async for page in pages(exchange.services, execution_id, upto=upto):
        check_namespace(exchange, page[0])
        rows += page
    return rows


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
