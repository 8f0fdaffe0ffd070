"""ForEach states: iteration data, results in input order, batches, one by one, errors."""

import pytest

from engine.model.limits import MAX_FAN_OUT
from tests.unit.core.driving import Execution


def test_iterations_overlap_and_see_the_element_beside_the_states_data():
    run = Execution("foreach", "at once").begin({"a": 1, "items": ["x", 2]})
    assert run.pending() == ["work", "work"]
    assert run.arguments("work", 0) == {"of": "x", "same": "x", "with": 1}
    assert run.arguments("work", 1) == {"of": 2, "same": 2, "with": 1}
    run.reply("work", {"got": 2}, nth=1)
    assert run.types("ActionScheduled", "ActionCompleted") == [
        "ActionScheduled", "ActionScheduled", "ActionCompleted",
    ]  # fmt: skip


def test_results_stand_in_input_order_without_uniqueness_behind_what_is_there():
    run = Execution("foreach", "at once").begin({"items": [1, 2, 3, 4], "results": [7]})
    for nth, result in ((3, {"k": 1}), (1, None), (0, 7), (0, [7])):
        run.reply("work", result, nth=nth)
    phase, output = run.outcome
    assert phase == "completed"
    assert output == {"items": [1, 2, 3, 4], "results": [7, 7, None, [7], {"k": 1}]}


def test_a_batch_begins_when_the_one_before_has_ended():
    run = Execution("foreach", "by two").begin({"items": [1, 2, 3]})
    run.reply("work", 10, nth=1)
    assert run.pending() == ["work"]
    run.reply("work", 20)
    assert run.pending() == ["work"]
    run.reply("work", 30)
    assert run.state.output["results"] == [20, 10, 30]


def test_one_by_one_merges_what_the_actions_of_an_iteration_wrote():
    run = Execution("foreach", "one by one").begin({"items": [1, 2], "list": [0]})
    assert run.pending() == ["work"]
    run.reply("work", {"list": [1], "a": 1})
    run.reply("other", {"list": [2], "a": 2})
    run.reply("work", {"kept": True})
    run.reply("other", None)
    assert run.state.output["results"] == [{"list": [1, 2], "a": 2}, {"kept": True}]
    assert run.state.output["list"] == [0]


def test_no_elements_make_an_empty_collection():
    run = Execution("foreach", "at once").begin({"items": []})
    assert run.outcome == ("completed", {"items": [], "results": []})


def test_an_error_cancels_the_other_iterations_and_is_the_states():
    run = Execution("foreach", "at once").begin({"items": [1, 2, 3]})
    run.reply("work", {"done": 1})
    run.break_down("work")
    assert run.types("IterationCompleted", "IterationCancelled") == [
        "IterationCompleted", "IterationCancelled", "IterationCancelled",
    ]  # fmt: skip
    assert run.outcome == ("completed", {"items": [1, 2, 3]})


@pytest.mark.parametrize("items", [None, {"a": 1}, "text", 3])
def test_what_is_no_array_is_an_error(items):
    run = Execution("foreach", "at once").begin({"items": items})
    assert run.outcome == ("failed", "foreach.not_array")


def test_too_many_elements_are_refused():
    run = Execution("foreach", "at once").begin({"items": [0] * (MAX_FAN_OUT + 1)})
    assert run.outcome == ("failed", "foreach.too_many")
