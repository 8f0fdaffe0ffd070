"""A simulation with the answers of a recording writes the events of the source again.

Compared is everything but the time of an event, the due time of a timer, and the delay of a retry
with its due time: jitter is chance, and the recording holds what came of it, not the chance itself.
"""

from msgspec.structs import replace

from engine.core.decide import nodes
from engine.core.replay import fold
from engine.core.timetravel.marks import parting
from engine.core.timetravel.recording import Recording
from engine.core.timetravel.simulation import Simulation
from engine.core.timetravel.supply import Rules
from engine.model.effect import NeedsValues
from engine.model.program import Each, Fork
from engine.model.state import ExecutionState
from schemas import events as log
from tests.property.case import random_document, run_random
from tests.property.core_run import EXECUTION, worker_answer
from tests.property.holding import check_held

DEFINITIONS = 700
DEFINITIONS_FROM_EVERY_TURN = 150
RULES = Rules(max_events=2_000)


def test_a_simulation_from_the_start_writes_the_source_again():
    compared = 0
    for seed in range(DEFINITIONS):
        program, source = history(seed)
        simulation = Simulation(program, ExecutionState(id=EXECUTION), Recording.of(source))
        if source:
            simulation.begin_as_recorded()
            compared += same(seed, source, simulation)
    assert compared > 10 * DEFINITIONS, "the histories are too short to say anything"


def test_a_simulation_from_any_turn_writes_the_rest_of_the_source_again():
    begun = 0
    for seed in range(DEFINITIONS_FROM_EVERY_TURN):
        program, source = history(seed)
        for first in turns(source):
            state = fold(EXECUTION, source[:first])
            simulation = Simulation(program, state, Recording.of(source, after=first))
            same(f"{seed}, event {first}", source[first:], simulation)
            rest = Recording.of(source[first:], after=first, state=state)
            same(f"{seed}, state {first}", source[first:], Simulation(program, state, rest))
            begun += 1
    assert begun > 2 * DEFINITIONS_FROM_EVERY_TURN, "hardly any turn was begun from"


def test_steps_that_were_put_off_are_put_off_again(monkeypatch):
    monkeypatch.setattr(nodes, "MAX_EVENTS_PER_STEP", 3)
    put_off = 0
    for seed in range(DEFINITIONS_FROM_EVERY_TURN):
        program, source = history(seed, resumes=True)
        if source:
            simulation = Simulation(program, ExecutionState(id=EXECUTION), Recording.of(source))
            simulation.begin_as_recorded()
            same(seed, source, simulation)
        put_off += sum(getattr(event.body, "purpose", "") == "yield" for event in source)
    assert put_off > DEFINITIONS_FROM_EVERY_TURN, "hardly any step was put off"


def test_an_execution_that_was_held_took_the_path_that_a_simulation_without_holds_takes():
    held = 0
    for seed in range(DEFINITIONS_FROM_EVERY_TURN):
        core = check_held(seed)
        if not core.stored or core.apart:
            continue
        simulation = Simulation(
            core.program, ExecutionState(id=EXECUTION), Recording.of(core.stored), rules=RULES
        )
        simulation.begin_as_recorded()
        outcome = evaluated(simulation)
        difference = parting(core.stored, outcome.events, held=core.held)
        assert difference is None, f"seed {seed}: {difference}"
        held += core.holds
    assert held > DEFINITIONS_FROM_EVERY_TURN, "hardly any execution was held"


def history(seed, *, resumes=False):
    """A program and the events of a random execution of it; many do not come to their end."""
    document, program = random_document(seed)
    while resumes and any(isinstance(node, (Fork, Each)) for node in program.nodes.values()):
        seed += 10_000  # branches that are put off take turns: the reference does not know that
        document, program = random_document(seed)
    return program, run_random(document, program, seed, resumes=resumes).core.stored


def turns(events):
    """After how many events the world was asked: where a command had been decided."""
    first = 1
    for event in events[1:]:
        if event.causation != first:
            yield event.seq - 1
            first = event.seq


def same(name, source, simulation):
    outcome = evaluated(simulation)
    ours, theirs = timeless(outcome.events), timeless(source)
    for one, other in zip(ours, theirs, strict=False):
        assert one == other, f"seed {name}, event {other.seq}"
    assert len(ours) == len(theirs), f"seed {name}: {outcome.stop}"
    if outcome.stop is not None:
        assert outcome.stop.reason == "end_of_recording", f"seed {name}: {outcome.stop}"
    assert (outcome.stop is None) == outcome.state.closed
    return len(ours)


def evaluated(simulation):
    outcome = simulation.run()
    while isinstance(outcome, NeedsValues):
        outcome = simulation.answer({one: worker_answer(one) for one in outcome.requests})
    return outcome


def timeless(events):
    """The events without what depends on the clock or on chance."""
    return [replace(event, at=0, body=_timeless(event.body)) for event in events]


def _timeless(body):
    if isinstance(body, log.TimerSet):
        return replace(body, due=0)
    if isinstance(body, log.RetryScheduled):
        return replace(body, due=0, delay_ms=0)
    return body
