"""Operation states: actions in order and at once, data filters, conditions, retries, sleeps."""

import pytest

from tests.unit.core.driving import Execution


def test_actions_run_one_after_the_other_on_what_the_ones_before_wrote():
    run = Execution("operation", "one after the other").begin({"a": 1})
    assert run.pending() == ["work"]
    run.reply("work", {"a": {"deep": 2}})
    assert run.pending() == ["other"]
    assert run.arguments("other") == {"seen": {"deep": 2}, "fixed": [1]}
    run.reply("other", {"b": [3]})
    assert run.outcome == ("completed", {"a": {"deep": 2}, "b": [3]})


def test_parallel_actions_are_all_scheduled_before_the_first_completes():
    run = Execution("operation", "at once").begin()
    assert run.pending() == ["work", "other", "third"]
    run.reply("third", {"who": "third", "list": [3]})
    run.reply("work", {"who": "work", "list": [1]})
    run.reply("other", {"list": [2, 1]})
    order = run.types("ActionScheduled", "ActionCompleted")
    assert order == ["ActionScheduled"] * 3 + ["ActionCompleted"] * 3
    assert run.outcome == ("completed", {"who": "third", "list": [1, 2, 3]})


def test_state_and_action_filters_see_and_place_what_they_name():
    run = Execution("operation", "filtered").begin({"n": 7, "other": True})
    assert run.arguments("work") == {"n": 7}
    run.reply("work", {"inner": {"k": 1}, "ignored": 2})
    assert run.outcome == ("completed", {"n": 7, "got": {"k": 1}})


def test_a_plain_result_goes_under_the_last_name_of_results_or_under_response():
    run = Execution("operation", "placed").begin({"response": ["old"]})
    run.reply("work", {"deep": {"number": 12345678901234567890}})
    run.reply("other", ["a"])
    run.reply("third", {"unused": 1})
    expected = {"response": ["old", "a"], "number": 12345678901234567890}
    assert run.outcome == ("completed", expected)


def test_a_null_result_goes_nowhere():
    run = Execution("operation", "placed").begin({"number": 1})
    run.reply("work", {"deep": {}})
    run.reply("other", None)
    run.reply("third", None)
    assert run.outcome == ("completed", {"number": 1})


def test_a_plain_result_at_the_root_of_an_object_is_a_data_error_that_can_be_caught():
    run = Execution("operation", "merged at the root").begin({"n": 1})
    run.reply("work", "text")
    assert run.bodies("ErrorCaught")[0].error.code == "data.type"
    assert run.bodies("ActionCompleted")[0].result == "text"
    assert run.outcome == ("completed", {"n": 1})
    told = run.bodies("EventEmitted")[0]
    assert (told.type, told.source, told.data, told.extensions) == (
        "told", "/us", {"n": 1}, {"n": "1"},
    )  # fmt: skip


def test_a_false_condition_skips_and_one_that_is_no_boolean_is_an_error():
    run = Execution("operation", "conditional").begin({"n": 1})
    assert run.types("ActionSkipped", "ActionScheduled") == ["ActionSkipped"]
    assert run.bodies("ErrorCaught")[0].error.code == "condition.not_boolean"


def test_a_failed_action_is_called_again_after_growing_delays_then_fails():
    run = Execution("operation", "retried").begin()
    for _ in range(3):
        run.break_down("work")
        run.pass_time(60_000)
    run.break_down("work")
    assert [one.delay_ms for one in run.bodies("RetryScheduled")] == [1_000, 4_000, 7_000]
    assert [event.attempt for event in run.events if event.attempt][::2] == [1, 2, 3, 4]
    assert run.outcome == ("failed", "broken")
    assert run.types()[-1] == "ExecutionFailed"


def test_an_error_that_is_not_among_the_retryable_ones_is_not_retried():
    run = Execution("operation", "retried").begin()
    run.break_down("work", "other", ["yet another"])
    assert run.outcome == ("failed", "other")


def test_sleeps_wrap_the_call():
    run = Execution("operation", "slept").begin()
    assert run.pending() == []
    run.pass_time(1_000)
    run.reply("work", {"a": 1})
    assert run.state.status == "waiting"
    run.pass_time(2_000)
    assert run.outcome == ("completed", {"a": 1})


def test_an_expression_function_answers_at_once():
    run = Execution("operation", "computed").begin({"n": 1.5})
    assert run.outcome == ("completed", {"n": 1.5, "double": 3})


def test_an_exit_emits_all_of_its_cloudevents_or_none():
    run = Execution("operation", "two to tell").begin({"n": "no"})
    assert run.bodies("EventEmitted") == []
    assert run.bodies("ErrorCaught")[0].error.code == "expression.failed"
    assert run.state.phase == "completed"


def test_deep_data_in_an_extension_is_no_crash():
    deep = 1
    for _ in range(100):
        deep = [deep]
    run = Execution("operation", "told of it").begin({"n": deep})
    assert run.bodies("EventEmitted")[0].extensions["n"] == "[" * 100 + "1" + "]" * 100


def test_a_handler_may_need_a_workers_answer_and_its_way_out_has_no_output_filter():
    run = Execution("operation", "caught with a message").begin({"n": 4})
    run.break_down("work")
    assert run.asked == 1
    assert run.bodies("EventEmitted")[0].data == 4
    assert run.outcome == ("completed", {"n": 4})


@pytest.mark.parametrize("start", ["one after the other", "at once"])
def test_cancelling_says_of_every_call_that_it_is_cancelled(start):
    run = Execution("operation", start).begin({"a": 1})
    open_calls = len(run.state.actions)
    assert run.cancel()
    assert len(run.bodies("ActionCancelled")) == open_calls
    assert run.outcome == ("cancelled", None)
    assert not run.cancel()
