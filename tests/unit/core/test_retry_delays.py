"""Retry policies: how many, how long, which errors."""

import pytest

from engine.core.decide.retry import MAX_DELAY_MS, retry_delay_ms
from engine.model.program import Retry
from schemas.events import Error

BROKEN = Error(code="broken", message="", aliases=("http.5xx",))


def delays(policy, chance=0.0):
    made = []
    while (delay := retry_delay_ms(policy, BROKEN, len(made) + 1, chance)) is not None:
        made.append(delay)
    return made


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (Retry("r", 0), []),
        (Retry("r", 2), [0, 0]),
        (Retry("r", 4, delay_ms=10_000, increment_ms=2_000), [10_000, 12_000, 14_000, 16_000]),
        (Retry("r", 4, delay_ms=10_000, multiplier=2), [10_000, 20_000, 40_000, 80_000]),
        (Retry("r", 3, delay_ms=1, increment_ms=1, multiplier=10), [1, 20, 300]),
        (Retry("r", 3, delay_ms=1_000, multiplier=3, max_delay_ms=4_000), [1_000, 3_000, 4_000]),
        (Retry("r", 3, delay_ms=1_000, multiplier=0.5), [1_000, 500, 250]),
    ],
)
def test_delays_grow_as_the_policy_says(policy, expected):
    assert delays(policy) == expected


def test_jitter_is_added_last_by_chance():
    share = Retry("r", 1, delay_ms=1_000, multiplier=1, max_delay_ms=800, jitter_share=0.5)
    assert [delays(share, chance) for chance in (0.0, 0.5, 0.99)] == [[800], [1_000], [1_196]]
    assert delays(Retry("r", 1, delay_ms=1_000, jitter_ms=100), 0.5) == [1_050]


def test_no_delay_is_endless_and_none_stays_none():
    endless = Retry("r", 10_000, delay_ms=1_000, multiplier=1_000.0)
    assert retry_delay_ms(endless, BROKEN, 9_999, 0.5) == MAX_DELAY_MS
    none = Retry("r", 10_000, multiplier=1_000.0)
    assert retry_delay_ms(none, BROKEN, 9_999, 0.5) == 0


@pytest.mark.parametrize(
    ("codes", "excluded", "retried"),
    [
        (None, (), True), ((), (), False), (("broken",), (), True), (("http.5xx",), (), True),
        (("other",), (), False), (("*",), (), True), (None, ("http.5xx",), False),
        (("broken",), ("other",), True), (None, ("*",), False),
    ],
)  # fmt: skip
def test_which_errors_are_retried(codes, excluded, retried):
    policy = Retry("r", 1, codes=codes, excluded_codes=excluded)
    assert (retry_delay_ms(policy, BROKEN, 1, 0.0) is not None) is retried


def test_without_a_policy_nothing_is_retried():
    assert retry_delay_ms(None, BROKEN, 1, 0.0) is None
