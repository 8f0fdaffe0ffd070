"""Gathers what tells why an execution does not move: its log, the stream, the engines."""

from collections.abc import Iterable, Sequence
from uuid import UUID

from engine.core.matching import wanted_value
from engine.core.timetravel.nearest import similar_types
from engine.model.command import Arrived
from engine.model.errors import RefoldError, Unavailable
from engine.model.event import Event
from engine.model.ids import attribute_key, shard_of
from engine.model.program import Program
from engine.model.state import ExecutionState, RunningTimer
from engine.ports.codec import event_of
from engine.ports.rows import DeadLetter, StreamEvent
from engine.runtime.arrivals import UNKEYED, readable
from schemas.events.bodies import ActionFailed
from schemas.events.parts import Error, EventFilter
from server.api.door.exchange import Exchange
from server.api.door.problem import ProblemRaised
from server.api.past.reading import folded
from server.api.reasons.case import Case, Sought

LOOK_BACK = 200
"""CloudEvents of a wanted type that are looked at, the newest first, and as many of any type."""

ALIKE_BACK = 50
TYPES = 500
LETTERS = 50
ROWS = 20
FILTERS = 20
"""Filters for which near misses are sought; an execution may have thousands."""

RETRIES = 20
FUNCTIONS = 10


async def gather(exchange: Exchange, execution_id: UUID) -> Case:
    """Everything about one execution. Problem: not_found."""
    services, state = exchange.services, await folded(exchange, execution_id)
    standing = await services.evidence.standing(shard_of(execution_id))
    if standing is None:
        raise ProblemRaised("not_found", "this installation has no such shard")
    opened = state is not None and not state.closed
    return Case(
        execution_id=execution_id,
        namespace=exchange.namespace,
        origin=str(exchange.request.url.origin()),
        secret=services.installation.callback_secret,
        state=state,
        program=await program_of_state(exchange, state) if opened else None,
        standing=standing,
        rows=await services.evidence.waiting_for(execution_id, ROWS),
        head=await services.streams.head(exchange.namespace),
        matched=await services.streams.matched(exchange.namespace),
        sought=await _sought(exchange, state) if state is not None and opened else {},
        errors=await _errors(exchange, state) if state is not None and opened else {},
        workers=await _workers(exchange, state) if state is not None and opened else {},
        end=await _end(exchange, state) if state is not None and state.closed else None,
    )


async def program_of_state(exchange: Exchange, state: ExecutionState | None) -> Program | None:
    """The program it runs by; None where the definition is not there or cannot be compiled any
    more, which the answer then does without."""
    if state is None or not state.definition_hash:
        return None
    return await program_by_hash(exchange, state.definition_hash)


async def program_by_hash(exchange: Exchange, definition_hash: str) -> Program | None:
    """As above, of a version."""
    programs = exchange.services.programs
    try:
        return (await programs.get(exchange.namespace, definition_hash)).program
    except Unavailable:
        raise
    except RefoldError:
        return None


async def _end(exchange: Exchange, state: ExecutionState) -> Event | None:
    row = await exchange.services.log.last_event(state.id)
    return None if row is None else event_of(row)


async def _errors(exchange: Exchange, state: ExecutionState) -> dict[int, Error]:
    """The error before each retry that is due: of the event before the one that set its timer."""
    found: dict[int, Error] = {}
    retries = [one for one in state.timers.values() if one.action is not None]
    for timer in retries[:RETRIES]:
        error = await _error_before(exchange, state.id, timer)
        if error is not None:
            found[timer.id] = error
    return found


async def _error_before(
    exchange: Exchange, execution_id: UUID, timer: RunningTimer
) -> Error | None:
    rows = await exchange.services.log.read_execution(execution_id, timer.id - 2, 1)
    body = event_of(rows[0]).body if rows else None
    return body.error if isinstance(body, ActionFailed) else None


async def _workers(exchange: Exchange, state: ExecutionState) -> dict[str, bool | None]:
    """Whether somebody listens for each Python function that is called."""
    operations = {
        one.call.operation for one in state.actions.values() if one.call.handler == "python"
    }
    listens = exchange.services.listens
    return {one: await listens(exchange.namespace, one) for one in sorted(operations)[:FUNCTIONS]}


async def _sought(exchange: Exchange, state: ExecutionState) -> dict[tuple[int, str], Sought]:
    """What the stream holds for the filters that lack a CloudEvent."""
    lacking = [
        (wait, one)
        for wait in state.waits.values()
        for one in wait.filters
        if one.ref not in wait.received
    ][:FILTERS]
    if not lacking:
        return {}
    reach = await Reach.of(exchange)
    return {(wait.id, one.ref): await reach.sought(state, one) for wait, one in lacking}


class Reach:
    """The part of a namespace's stream in which near misses are sought."""

    def __init__(
        self,
        exchange: Exchange,
        head: int,
        recent: Sequence[StreamEvent],
        types: Sequence[str],
        letters: Sequence[DeadLetter],
    ) -> None:
        self._evidence = exchange.services.evidence
        self._namespace = exchange.namespace
        self._head = head
        self._recent = recent
        self._types = types
        self._letters = letters

    @classmethod
    async def of(cls, exchange: Exchange) -> "Reach":
        """What all filters of an execution share."""
        evidence, namespace = exchange.services.evidence, exchange.namespace
        head = await exchange.services.streams.head(namespace)
        return cls(
            exchange,
            head,
            await evidence.latest(namespace, (), 0, head, LOOK_BACK),
            [seen.type for seen in await evidence.types_seen(namespace, TYPES)],
            await evidence.latest_letters(namespace, LETTERS),
        )

    async def sought(self, state: ExecutionState, one: EventFilter) -> Sought:
        """CloudEvents of the filter's type, of types written alike, with a value that it correlates
        by, and the latest of any type."""
        found: dict[int, StreamEvent] = {row.position: row for row in self._recent}
        exact = await self._latest((one.type,), LOOK_BACK)
        alike = similar_types(one.type, self._types)
        for rows in (
            exact,
            await self._latest(alike, ALIKE_BACK) if alike else [],
            *[await self._latest(self._types, ALIKE_BACK, key) for key in _keys(state, one)],
        ):
            found.update((row.position, row) for row in rows)
        back_to = exact[-1].position if len(exact) == LOOK_BACK else 1
        return Sought(arrivals_of(found.values()), self._naming(one.type), back_to)

    async def _latest(
        self, types: Sequence[str], limit: int, key: bytes | None = None
    ) -> list[StreamEvent]:
        if not types:
            return []
        return await self._evidence.latest(self._namespace, types, 0, self._head, limit, key)

    def _naming(self, event_type: str) -> list[DeadLetter]:
        """Dead letters that name the type in their headers or body."""
        word = event_type.encode()
        return [one for one in self._letters if word in one.body or word in one.headers][:3]


def _keys(state: ExecutionState, one: EventFilter) -> list[bytes]:
    """Keys of the values that the filter wants and that CloudEvents are found by."""
    known = [
        (name, wanted_value(state, name, fixed))
        for name, fixed in one.correlation
        if name not in UNKEYED
    ]
    return [attribute_key(name, value) for name, value in known if value is not None][:3]


def arrivals_of(rows: Iterable[StreamEvent]) -> list[Arrived]:
    """CloudEvents as filters see them, the newest first."""
    return readable(sorted(rows, key=lambda row: -row.position))
