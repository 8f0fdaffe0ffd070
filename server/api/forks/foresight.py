"""Dry runs of forks: gone on with in memory, nothing is written and nothing called."""

import asyncio
from typing import Any, Final
from uuid import UUID

from engine.core.decide.answering import answerer
from engine.core.timetravel.comparison import side_by_side
from engine.core.timetravel.recording import Recording
from engine.core.timetravel.simulation import Simulation
from engine.core.timetravel.supply import Call, Choice, Outcome, Rules
from engine.core.timetravel.telling import told
from engine.model.command import Arrived, ForkExecution
from engine.model.effect import NeedsValues
from engine.model.event import Event
from engine.model.program import Program
from engine.model.state import ExecutionState
from engine.runtime.arrivals import arrived_of, fetch
from schemas.api.forks import ForeseenEvent, Foresight
from schemas.events.wire import encode_body, type_of
from schemas.json_text import loads
from server.api.door.exchange import Services
from server.api.door.times import format_time
from server.api.forks.prefix import all_events
from server.api.past.describe import error_members
from server.api.past.reading import status_of

MAX_FORESEEN: Final = 10_000
"""Events that a dry run goes on for."""

MAX_SHOWN: Final = 1_000
"""Events that its answer shows."""

MAX_READ: Final = 50_000
"""Events of the source that answers are looked for in."""


async def foreseen(
    services: Services,
    source: UUID,
    at: int,
    program: Program,
    state: ExecutionState,
    command: ForkExecution,
    cloudevents: dict[int, Arrived],
) -> Foresight:
    """What the fork would record, as far as that follows from the log and the answers given."""
    events = await all_events(services.log, source, MAX_READ)
    namespace = (await services.log.read_execution(source, 0, 1))[0].namespace
    recording = await asyncio.to_thread(Recording.of, events, at)
    known = {**await _taken(services, namespace, recording), **cloudevents}
    rules = Rules(cloudevents=known, max_events=MAX_FORESEEN)
    begun = state if at else ExecutionState(id=source)
    run = _Run(program, begun, recording, command, rules)
    outcome = await run.outcome(services)
    rest = [one for one in events if one.seq > at]
    return await asyncio.to_thread(_told, outcome, rest)


async def _taken(services: Services, namespace: str, recording: Recording) -> dict[int, Arrived]:
    """The CloudEvents that the source took, as the stream has them."""
    taken = [one for wait in recording.taken.values() for one in wait.taken]
    if recording.beginning is not None:
        taken += recording.beginning.events
    positions = {one.event.position for one in taken if one.event is not None}
    found = await fetch(services.streams, namespace, positions)
    return {position: arrived_of(event) for position, event in found.items()}


class _Run:
    """A simulation whose calls are answered as the fork says."""

    def __init__(
        self,
        program: Program,
        state: ExecutionState,
        recording: Recording,
        command: ForkExecution,
        rules: Rules,
    ) -> None:
        self._command = command
        self._state = state
        self._simulation: Simulation | None = None
        self._simulation = Simulation(program, state, recording, policy=self._choice, rules=rules)
        self._simulation.begin(command, state.at or recording_at(recording))

    def _choice(self, call: Call) -> Choice:
        """Mocks are given by the core itself."""
        state = self._state if self._simulation is None else self._simulation.state
        frame = state.frames.get(call.action.frame)
        while frame is not None and frame.kind != "state":
            frame = state.frames.get(frame.parent)
        named = "" if frame is None else frame.name
        chosen = answerer(self._command.body.policy, named, call.action.name)
        return "recorded" if chosen == "recorded" else "live"

    async def outcome(self, services: Services) -> Outcome:
        """Run it to its end."""
        assert self._simulation is not None
        outcome = await asyncio.to_thread(self._simulation.run)
        while isinstance(outcome, NeedsValues):
            answers = await services.evaluate(outcome.requests)
            given = dict(zip(outcome.requests, answers, strict=True))
            outcome = await asyncio.to_thread(self._simulation.answer, given)
        return outcome


def recording_at(recording: Recording) -> int:
    """When the recorded execution began."""
    return 0 if recording.beginning is None else recording.beginning.at


def _told(outcome: Outcome, rest: list[Event]) -> Foresight:
    state, stop = outcome.state, outcome.stop
    own = list(outcome.events)
    return Foresight(
        status=status_of(state),
        count=len(own),
        events=[_foreseen(one) for one in own[:MAX_SHOWN]],
        stop=None if stop is None else stop.reason,
        stop_message=None if stop is None else stop.message,
        output=state.output,
        error=error_members(state.error),
        diverges_at=_divergence(rest, own, came_to_a_stop=stop is not None),
    )


def _divergence(rest: list[Event], own: list[Event], *, came_to_a_stop: bool) -> int | None:
    """The first event of the source that the fork has not the like of, as far as it came."""
    rows = list(side_by_side(rest, own))
    while came_to_a_stop and rows and rows[-1].right is None:
        rows.pop()
    differing = (number for number, one in enumerate(rows) if not one.same)
    first = next(differing, len(rows))
    return next((one.left.seq for one in rows[first:] if one.left is not None), None)


def _foreseen(event: Event) -> ForeseenEvent:
    data: Any = loads(encode_body(event.body))
    return ForeseenEvent(
        seq=event.seq, type=type_of(event.body), at=format_time(event.at), frame=event.frame,
        node=event.node, name=event.name, branch=event.branch, iteration=event.iteration,
        attempt=event.attempt, told=told(event), data=data,
    )  # fmt: skip
