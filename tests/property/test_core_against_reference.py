"""The core does what a second, plainer interpreter of the same definition does.

After every step of every schedule: path, calls with arguments, idempotency, emitted CloudEvents,
timers, waits, status, output and error code are the reference's; the log has no gap, folds to the
live state to the byte, and ends in one terminal event (`tests.property.core_run`).

Run one seed again: `python -m tests.property.soak 1 --seed SEED`.
"""

import pytest

from tests.property.case import SCHEDULES_OF_A_DEFINITION, check_seed
from tests.property.needs_values import check_needs_values

SLICES = 8
SCHEDULES = 10_000
DEFINITIONS = SCHEDULES // SCHEDULES_OF_A_DEFINITION
DEFINITIONS_WITHOUT_CLOSURES = 120


@pytest.mark.parametrize("part", range(SLICES))
def test_the_core_does_what_the_reference_does(part):
    schedules = events = 0
    for seed in range(part, DEFINITIONS, SLICES):
        made, recorded = check_seed(seed)
        schedules += made
        events += recorded
    assert schedules >= SCHEDULES // SLICES
    assert events > 10 * schedules, "the schedules are too short to say anything"


def test_expressions_answered_by_workers_give_the_events_that_closures_give():
    asked = sum(check_needs_values(seed) for seed in range(DEFINITIONS_WITHOUT_CLOSURES))
    assert asked > DEFINITIONS_WITHOUT_CLOSURES, "hardly any expression went to a worker"
