"""Event states: any and all, correlation, timeouts, what was taken, how they start executions."""

from engine.core.step import step
from engine.model.command import Circumstance, DeliverEvent
from tests.property.core_run import arrived_of
from tests.unit.core.driving import Execution


def started(name):
    """By request, not by a CloudEvent."""
    return Execution("event", name).begin()


def test_the_first_cloudevent_decides_and_its_actions_run():
    run = started("any")
    run.receive("b", {"x": [1]})
    run.receive("a", {"late": True})
    assert run.pending() == ["other"]
    run.reply("other", {"ok": True})
    assert run.outcome == ("completed", {"b": [1], "ok": True, "late": True})
    assert run.types().count("EventAwaited") == 2


def test_a_timeout_leaves_the_state_without_actions():
    run = started("any")
    run.pass_time(60_000)
    assert run.bodies("EventWaitClosed")[0].reason == "timeout"
    assert run.types("ActionScheduled") == []
    assert run.path == ["any", "again"]


def test_all_waits_for_each_and_the_first_fixes_the_correlation():
    run = started("every")
    run.receive("a", {"n": 1}, customer="c1")
    run.receive("b", {"n": "of another"}, customer="c2")
    run.receive("b", {"n": "of nobody"})
    assert run.pending() == []
    run.receive("b", {"m": 2}, customer="c1")
    assert [one.done for one in run.bodies("EventReceived")] == [False, True]
    run.reply("work", {})
    assert run.outcome == ("completed", {"got": {"n": 1, "m": 2}})


def test_a_timeout_of_all_keeps_nothing_of_what_came():
    run = started("every")
    run.receive("a", {"n": 1}, customer="c1")
    run.pass_time(60_000)
    assert run.outcome == ("completed", {})


def test_a_cloudevent_that_came_before_the_wait_is_found_and_a_loop_takes_each_once():
    run = started("round")
    for number in range(3):
        run.receive("a", {"n": number})
    for number in range(3):
        assert run.state.frames[next(reversed(run.state.frames))].data == {"n": number}
        run.reply("work", {})
    assert run.state.status == "waiting"
    assert run.state.consumed == {"A": 3}


def test_a_faulty_cloudevent_is_taken_once_and_its_error_caught():
    run = started("faulty")
    run.receive("a", {"n": "x"})
    assert run.path == ["faulty", "again"]
    assert run.bodies("EventReceived")[0].data == {"n": "x"}
    assert run.state.status == "waiting"
    run.receive("a", {"fine": 1})
    assert run.outcome == ("completed", {"fine": 1})


def test_a_cloudevent_starts_an_execution_and_is_not_taken_again():
    run = Execution("event", "round")
    run.receive("c", {})
    assert run.state.phase == "new"
    run.receive("a", {"n": 1})
    assert run.types()[:3] == ["ExecutionStarted", "StateEntered", "EventReceived"]
    run.reply("work", {})
    assert run.state.status == "waiting"


def test_a_faulty_cloudevent_that_starts_an_execution_reaches_the_states_handlers():
    run = Execution("event", "faulty")
    run.receive("a", {"n": "x"})
    assert run.path == ["faulty", "again"]
    assert run.state.consumed == {"A": 1}


def test_a_definition_that_is_not_data_only_sees_the_whole_cloudevent():
    run = Execution("event", "of the whole")
    run.receive("a", {"n": 1})
    assert run.outcome == ("completed", {"type": "a", "source": "/s", "data": {"n": 1}})


def test_a_gathering_becomes_an_execution_with_its_last_cloudevent():
    run = Execution("event", "every")
    run.receive("b", {"m": 2}, customer="c1")
    assert (run.state.phase, run.types("ExecutionStarted")) == ("gathering", [])
    run.receive("a", {"n": 0}, customer="c2")
    run.receive("a", {"n": 1}, customer="c1")
    run.reply("work", {})
    assert run.outcome == ("completed", {"got": {"n": 1, "m": 2}})
    assert run.state.timers == {}


def test_a_gathering_that_is_not_complete_in_time_expires():
    run = Execution("event", "every")
    run.receive("b", {"m": 2}, customer="c1")
    run.pass_time(60_000)
    assert run.bodies("GatheringExpired")[0].missing == ("A of customer",)
    assert run.types("ExecutionStarted") == []


def test_a_gathered_start_whose_input_filter_fails_leaves_no_wait_behind():
    run = Execution("event", "filtered and faulty")
    run.receive("a", {})
    run.receive("b", {})
    assert run.path == ["filtered and faulty", "again"]
    assert [wait.name for wait in run.state.waits.values()] == ["again"]
    run.pass_time(120_000)
    run.receive("a", {"n": 1})
    assert run.state.phase == "completed"


def test_a_gathering_takes_no_delivery_meant_for_executions():
    run = Execution("event", "every")
    run.receive("b", {"m": 2}, customer="c1")
    (wait,) = run.state.waits
    event = {"type": "a", "source": "/s", "attributes": {"customer": "c1"}, "data": {}, "whole": {}}
    command = DeliverEvent(wait, arrived_of(event, 9, 1))
    assert step(run.program, run.state, command, Circumstance(at=1)).code == "wait.not_open"
