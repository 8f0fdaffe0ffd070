"""The core does what a second, plainer interpreter of the same definition does.

After every step of every schedule: path, calls with arguments, idempotency, emitted CloudEvents,
timers, waits, status, output and error code are the reference's; the log has no gap, folds to the
live state to the byte, and ends in one terminal event (`tests.property.core_run`).

Run one seed again: `python -m tests.property.soak 1 --seed SEED`.
"""

import pytest

from engine.core.decide import nodes
from engine.model.program import Each, Fork
from tests.property.case import (
    SCHEDULES_OF_A_DEFINITION,
    check_seed,
    random_document,
    run_random,
)
from tests.property.holding import check_held
from tests.property.needs_values import check_needs_values

SLICES = 8
SCHEDULES = 10_000
DEFINITIONS = SCHEDULES // SCHEDULES_OF_A_DEFINITION
DEFINITIONS_PUT_OFF = 600  # most have branches, where being put off changes who is first
DEFINITIONS_WITHOUT_CLOSURES = 120
DEFINITIONS_HELD = 800


@pytest.mark.parametrize("part", range(SLICES))
def test_the_core_does_what_the_reference_does(part):
    schedules = events = 0
    for seed in range(part, DEFINITIONS, SLICES):
        made, recorded = check_seed(seed)
        schedules += made
        events += recorded
    assert schedules >= SCHEDULES // SLICES
    assert events > 10 * schedules, "the schedules are too short to say anything"


def test_steps_that_are_put_off_again_and_again_come_to_the_same(monkeypatch):
    monkeypatch.setattr(nodes, "MAX_EVENTS_PER_STEP", 3)
    put_off = 0
    for seed in range(DEFINITIONS_PUT_OFF):
        document, program = random_document(seed)
        if not any(isinstance(node, (Fork, Each)) for node in program.nodes.values()):
            run = run_random(document, program, seed, resumes=True).core
            put_off += sum(getattr(event.body, "purpose", "") == "yield" for event in run.events)
    assert put_off > DEFINITIONS_PUT_OFF // 2, "hardly any step was put off"


def test_expressions_answered_by_workers_give_the_events_that_closures_give():
    asked = sum(check_needs_values(seed) for seed in range(DEFINITIONS_WITHOUT_CLOSURES))
    assert asked > DEFINITIONS_WITHOUT_CLOSURES, "hardly any expression went to a worker"


def test_an_execution_that_is_held_and_let_go_at_any_moment_comes_to_the_same():
    runs = [check_held(seed) for seed in range(DEFINITIONS_HELD)]
    assert sum(run.holds for run in runs) > 2 * DEFINITIONS_HELD
    assert sum(run.state.closed and not run.apart for run in runs) > DEFINITIONS_HELD // 2
