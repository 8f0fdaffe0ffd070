"""A few kills of every kind while work is in flight: nothing lost, nothing doubled, no zombies.

The long form is `python -m tests.crash.chaos`. REFOLD_CRASH_SEED repeats a run.
"""

import os
import random
from pathlib import Path

import pytest

from tests.crash.campaign import Campaign
from tests.crash.chaos import plan
from tests.crash.report import nats_version, summary

KILLS = {
    "engine kill": 3,
    "both engines kill": 1,
    "engine freeze": 2,
    "freeze in a commit": 1,
    "requests delayed": 1,
    "role stop": 1,
    "postgres kill": 2,
    "backend kill": 1,
    "nats kill": 1,
    "nats wipe": 1,
    "postgres freeze": 1,
    "nats freeze": 1,
    "everything kill": 1,
    "worker kill": 1,
    "projector kill": 1,
    "api kill": 1,
    "replies swallowed": 2,
}


@pytest.mark.slow
async def test_nothing_is_lost_doubled_or_stuck_whatever_is_killed(service_dir: Path) -> None:
    given = os.environ.get("REFOLD_CRASH_SEED")
    seed = int(given) if given else random.SystemRandom().randrange(10**6)
    print(f"REFOLD_CRASH_SEED={seed}")
    kinds = [kind for kind, times in KILLS.items() for _ in range(times)]
    random.Random(seed).shuffle(kinds)
    campaign = Campaign(service_dir / "run", seed, kinds, width=10, pause_s=0.5, quiet_s=120)
    outcome = await campaign.run()
    table = summary(outcome, f"REFOLD_CRASH_SEED={seed} pytest tests/crash", nats_version())
    assert not outcome.faults, table
    assert len(outcome.blows) == len(kinds)


def test_a_plan_is_the_same_for_the_same_seed_and_has_every_kind() -> None:
    kinds = sorted(KILLS)
    assert plan(40, 7, kinds) == plan(40, 7, kinds)
    assert plan(40, 7, kinds) != plan(40, 8, kinds)
    assert set(plan(40, 7, kinds)) == set(kinds)
    assert len(plan(40, 7, kinds)) == 40
