"""A recorded execution made ready to be run again with another version of its definition."""

from collections.abc import Mapping, Sequence
from uuid import UUID

import msgspec

from engine.core.replay import fold
from engine.core.timetravel.difference import Finding
from engine.core.timetravel.forking import ForkFault, Prefix, check_program
from engine.core.timetravel.impact import Case, findings_of
from engine.core.timetravel.recording import Recording
from engine.core.timetravel.simulation import Simulation
from engine.core.timetravel.supply import Outcome, Rules
from engine.model.command import Arrived, ResumeExecution
from engine.model.event import Event
from engine.model.program import Program
from engine.model.state import ExecutionState
from schemas.events import bodies

_MORE_EVENTS = 1_000
_TIMES = 10
"""A run with another version may have so many times the events of the recorded one and so many
more: what loops for ever there is not followed further, in any of a hundred thousand executions."""


class NotComparable(Exception):
    """Why this execution cannot be run with that version."""


class Rehearsal(msgspec.Struct, frozen=True):
    """`simulation` is to be run; its outcome is compared with `source`, the events behind `begun`.
    `definition_hash`: of the version the execution ran with."""

    simulation: Simulation
    program: Program
    source: Sequence[Event]
    begun: ExecutionState
    definition_hash: str

    def compare(self, outcome: Outcome, old: Program | None) -> Finding:
        """What the new version changes; `old` is the program the execution ran with, None where it
        cannot be read any more."""
        return findings_of(Case(self.source, self.begun, outcome, self.program, old))


def rehearsed(
    program: Program,
    execution_id: UUID,
    events: Sequence[Event],
    cloudevents: Mapping[int, Arrived],
    max_events: int,
) -> Rehearsal:
    """Make ready to run the execution from its start; a fork from where it was taken, since what
    came before was edited. `cloudevents`: those it took, by position; `max_events`: so many are
    simulated at most. Raises NotComparable."""
    if _failed_for_want(events):
        raise NotComparable("it is a fork whose source has no answer recorded for a call of it")
    most = min(max_events, _TIMES * len(events) + _MORE_EVENTS)
    rules = Rules(cloudevents=cloudevents, max_events=most)
    begun_at = _behind_the_fork(events)
    begun = fold(execution_id, events[:begun_at])
    definition_hash = begun.definition_hash or _definition_of(events)
    recording = Recording.of(events, after=begun_at)
    simulation = Simulation(program, begun, recording, rules=rules)
    if not begun_at:
        if recording.beginning is None:
            raise NotComparable("its log does not begin with its start")
        simulation.begin_as_recorded()
    else:
        _check(program, begun)
        if begun.suspended is not None:
            simulation.begin(ResumeExecution(), begun.at)
    return Rehearsal(simulation, program, events[begun_at:], begun, definition_hash)


def cloudevents_of(events: Sequence[Event]) -> set[int]:
    """Positions of the CloudEvents that the execution took."""
    return {
        event.body.event.position
        for event in events
        if isinstance(event.body, bodies.EventReceived) and event.body.event is not None
    }


def _definition_of(events: Sequence[Event]) -> str:
    for event in events:
        if isinstance(event.body, bodies.ExecutionStarted | bodies.GatheringOpened):
            return event.body.definition_hash
    return ""


def _behind_the_fork(events: Sequence[Event]) -> int:
    """How many events lead to the end of the turn in which the execution was forked; 0: it was not,
    or was started anew then."""
    place = next(
        (
            number
            for number in range(len(events) - 1, -1, -1)
            if isinstance(events[number].body, bodies.ExecutionForked)
        ),
        None,
    )
    if place is None:
        return 0
    forked = events[place]
    if isinstance(forked.body, bodies.ExecutionForked) and not forked.body.at:
        return 0
    first = forked.causation or forked.seq
    place += 1
    while place < len(events) and events[place].causation == first:
        place += 1
    return place


def _failed_for_want(events: Sequence[Event]) -> bool:
    """Whether it is a fork that failed since its source has no answer for a call of it."""
    return any(
        isinstance(event.body, bodies.ExecutionFailed)
        and event.body.error.code == "fork.not_recorded"
        for event in events[-5:]
    )


def _check(program: Program, begun: ExecutionState) -> None:
    """Whether the program has, where a fork was taken, what is open there. Raises NotComparable."""
    try:
        check_program(program, Prefix(begun))
    except ForkFault as fault:
        raise NotComparable(f"it is a fork, and where it was taken {fault.message}") from None
