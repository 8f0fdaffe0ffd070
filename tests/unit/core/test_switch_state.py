"""Switch states: data and event conditions, defaults, timeouts."""

import pytest

from tests.unit.core.driving import Execution


@pytest.mark.parametrize(("n", "case", "size"), [(4, "large", "large"), (1, "positive", "small")])
def test_the_first_true_condition_decides(n, case, size):
    run = Execution("switch", "on data").begin({"n": n})
    assert run.bodies("ChoiceTaken")[0].case == case
    assert run.outcome == ("completed", {"n": n, "size": size})


def test_without_a_true_condition_the_default_is_taken():
    run = Execution("switch", "on data").begin({"n": 0})
    assert run.bodies("ChoiceTaken")[0].case == "default"
    assert run.outcome == ("completed", {"n": 0})


def test_without_a_default_it_is_an_error():
    assert Execution("switch", "without default").begin({"n": 2}).outcome == (
        "failed", "switch.no_match",
    )  # fmt: skip


def test_the_first_cloudevent_decides():
    run = Execution("switch", "on events").begin()
    run.receive("c")
    run.receive("a", 5)
    assert run.outcome == ("completed", {"a": 5, "size": "large"})


def test_the_default_is_taken_when_no_cloudevent_comes_in_time():
    run = Execution("switch", "on events").begin()
    run.pass_time(60_000)
    assert run.outcome == ("completed", {"size": "small"})
