"""Matching, model-checked: whatever the order of publishing, subscribing, committing, looking,
hinting and dying, an execution takes what the stream alone decides; seeded bugs are found.

Two explorations of the same world (see `matching_world`): all schedules that differ from going on
undisturbed in at most two places, and random ones from a printed seed.
"""

import random
from collections.abc import Callable, Iterator

import pytest
from msgspec.structs import replace

from engine.core.decide import listen
from engine.core.decide.turn import Turn
from engine.model.program import EventDefinition
from engine.model.state import Frame
from schemas.events.parts import EventFilter
from tests.property.matching_world import Bugs, Schedule, Small, expected, violation

EVENTS = ("a", "b", "a")
SCHEDULES_AT_LEAST = 2_000
RANDOM_SCHEDULES = 3_000
SCHEDULES_FOR_A_BUG = 20_000


def explored(
    bugs: Bugs, deviations: int, takeovers: int, events: tuple[str, ...] = EVENTS
) -> Iterator[str | None]:
    """The verdict on every schedule with at most so many deviations from going on undisturbed."""
    pending: list[tuple[tuple[int, int], ...]] = [()]
    while pending:
        chosen = pending.pop()
        schedule = Schedule(Small(events, bugs), takeovers)
        picks = dict(chosen)
        schedule.run(lambda step, *_: picks.get(step, 0))  # noqa: B023 - run before the next round
        yield violation(schedule.small)
        if len(chosen) < deviations:
            first = chosen[-1][0] + 1 if chosen else 0
            pending.extend(
                (*chosen, (step, choice))
                for step in range(first, len(schedule.counts))
                for choice in range(1, schedule.counts[step])
            )


def wandered(bugs: Bugs, seed: int, count: int, takeovers: int) -> Iterator[str | None]:
    """The verdict on random schedules of random streams."""
    chance = random.Random(seed)
    for _ in range(count):
        events = tuple(chance.choice("ab") for _ in range(chance.randint(1, 4)))
        schedule = Schedule(Small(events, bugs), takeovers)
        schedule.run(_wanderer(chance))
        yield violation(schedule.small)


def _wanderer(chance: random.Random) -> Callable[[int, int, int], int]:
    """Goes on undisturbed for longer or shorter, by a restlessness of its own for each schedule."""
    restless = chance.choice((0.05, 0.1, 0.2, 0.5))

    def choose(step: int, free: int, count: int) -> int:
        if chance.random() < restless:
            return chance.randrange(count)
        return chance.randrange(free) if free else 0

    return choose


def test_no_schedule_with_two_deviations_loses_doubles_or_reorders_an_event() -> None:
    verdicts = list(explored(Bugs(), deviations=2, takeovers=1))
    assert [one for one in verdicts if one is not None] == []
    assert len(verdicts) >= SCHEDULES_AT_LEAST
    print(f"{len(verdicts)} schedules")


def test_no_random_schedule_with_takeovers_loses_doubles_or_reorders_an_event() -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")
    verdicts = list(wandered(Bugs(), seed, RANDOM_SCHEDULES, takeovers=2))
    assert [one for one in verdicts if one is not None] == []


@pytest.mark.parametrize(
    "bugs",
    [
        Bugs(look_before_commit=True),
        Bugs(hint_apart_from_cursor=True),
        Bugs(subscribers_before_events=True),
        Bugs(hint_is_the_event=True),
        Bugs(no_fence=True),
        Bugs(no_look_at_takeover=True),
    ],
    ids=str,
)
def test_a_seeded_bug_of_the_protocol_is_found(bugs: Bugs) -> None:
    verdicts = wandered(bugs, seed=1, count=SCHEDULES_FOR_A_BUG, takeovers=1)
    assert any(one is not None for one in verdicts)


def test_a_forgotten_consumed_mark_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    real = listen._filter

    def forgetful(turn: Turn, frame: Frame, definition: EventDefinition) -> EventFilter:
        return replace(real(turn, frame, definition), after=turn.state.from_position)

    monkeypatch.setattr(listen, "_filter", forgetful)
    assert any(one is not None for one in explored(Bugs(), deviations=1, takeovers=0))


def test_the_reference_takes_the_lowest_position_of_any_type() -> None:
    assert expected(["b", "a", "a"]) == [1, 2]
    assert expected(["a", "a"]) == [1, 2]
    assert expected(["b"]) == [1]
    assert expected([]) == []
