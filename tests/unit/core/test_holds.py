"""Held executions: what is taken, what is held, how it goes on."""

import pytest

from engine.core.step import step
from engine.model.breakpoint import Breakpoint
from engine.model.command import Circumstance, ResumeExecution, SuspendExecution
from engine.model.ids import format_execution
from engine.model.rejection import Rejection
from engine.model.state import ExecutionState
from tests.property.core_run import EXECUTION
from tests.unit.core.driving import Execution, program


def held(run):
    return [(one.name, one.stage) for one in run.state.held.values()]


def refused(run, command):
    outcome = step(run.program, run.state, command, Circumstance(at=run.now))
    assert isinstance(outcome, Rejection)
    return outcome.code


def test_a_paused_execution_takes_an_answer_and_calls_nothing_more():
    run = Execution("operation", "one after the other").begin({"a": 1})
    assert run.pause()
    run.reply("work", {"a": 2})
    assert (run.pending(), held(run)) == ([], [("other", "entry")])
    assert run.state.status == "suspended"
    assert (run.state.suspended.reason, run.state.suspended.asked.reason) == ("paused", "to look")
    assert run.resume()
    assert run.pending() == ["other"]
    assert run.state.suspended is None


def test_an_execution_with_nothing_held_can_be_resumed():
    run = Execution("sleep", "nap").begin()
    assert run.pause()
    assert not run.state.held
    assert run.resume()
    assert run.state.status == "waiting"


def test_holding_twice_and_resuming_what_is_not_held_is_refused():
    run = Execution("operation", "one after the other").begin()
    assert refused(run, ResumeExecution()) == "execution.not_suspended"
    assert refused(run, ResumeExecution("step")) == "execution.not_suspended"
    assert run.pause()
    assert refused(run, SuspendExecution()) == "execution.suspended"
    assert refused(run, ResumeExecution(breakpoint="bp_1")) == "execution.not_suspended"
    assert run.cancel()
    assert refused(run, SuspendExecution()) == "execution.closed"
    assert refused(run, ResumeExecution()) == "execution.closed"


def test_an_execution_that_has_not_begun_cannot_be_held():
    state = ExecutionState(id=EXECUTION)
    outcome = step(program("event", "every"), state, SuspendExecution(), Circumstance(at=1))
    assert isinstance(outcome, Rejection)
    assert outcome.code == "execution.not_started"
    gathering = Execution("event", "every")
    gathering.receive("a", {}, customer="c")
    assert refused(gathering, SuspendExecution()) == "execution.not_started"


def test_a_cancel_ends_a_held_execution():
    run = Execution("parallel", "all").begin()
    assert run.pause()
    run.reply("work", {})
    assert run.cancel()
    assert run.state.phase == "cancelled"
    assert (run.state.suspended, run.state.held) == (None, {})


def test_an_error_while_held_is_caught_and_the_way_of_its_handler_is_held():
    run = Execution("event", "faulty").begin()
    assert run.pause()
    run.receive("a", {"n": "a text"})
    assert run.bodies("ErrorCaught")[0].next == "again"
    assert held(run) == [("again", "entry")]
    assert run.resume()
    assert [one.name for one in run.state.waits.values()] == ["again"]


def test_an_error_in_a_branch_while_held_closes_what_was_held_in_it():
    run = Execution("parallel", "all").begin()
    assert run.pause()
    run.reply("work", {})
    assert held(run) == [("other", "entry")]
    run.break_down("third", "broken")
    assert run.state.phase == "completed"
    assert run.types("NodeHeld", "ErrorCaught", "ExecutionCompleted")[-1] == "ExecutionCompleted"


def test_a_time_out_while_held_closes_the_wait_and_holds_what_follows():
    run = Execution("event", "any").begin()
    assert run.pause()
    run.pass_time(60_000)
    assert run.types("TimerFired", "EventWaitClosed") == ["TimerFired", "EventWaitClosed"]
    assert held(run) == [("any", "entry")]
    run.receive("a", {})
    assert run.resume()
    assert run.outcome == ("completed", {})


def test_a_callback_is_taken_while_held():
    run = Execution("callback", "ask").begin()
    run.reply("work", {})
    assert run.pause()
    assert run.answer_callback({"yes": True})
    assert not run.state.waits
    assert run.resume()
    assert run.outcome == ("completed", {"answer": {"yes": True}})


def test_a_retry_that_comes_due_while_held_is_made_when_it_is_resumed():
    run = Execution("operation", "retried").begin()
    run.break_down("work", "broken")
    assert run.pause()
    run.pass_time(10_000)
    assert (run.pending(), held(run)) == ([], [("work", "retry")])
    assert run.resume()
    assert run.bodies("ActionScheduled")[-1].retry_of == run.state.actions[run.state.seq].first
    assert run.state.actions[run.state.seq].attempt == 2


def test_a_call_that_slept_while_held_is_made_when_it_is_resumed_and_sleeps_no_more():
    run = Execution("operation", "slept").begin()
    assert run.pause()
    run.pass_time(1_000)
    assert held(run) == [("work", "call")]
    assert run.resume()
    assert run.pending() == ["work"]
    assert len(run.bodies("TimerSet")) == 1


def test_steps_that_were_put_off_are_held(monkeypatch):
    monkeypatch.setattr("engine.core.decide.nodes.MAX_EVENTS_PER_STEP", 2)
    run = Execution("operation", "one after the other").begin({"a": 1})
    assert [one.purpose for one in run.state.timers.values()] == ["yield"]
    assert run.pause()
    run.pass_time(0)
    assert held(run) == [("work", "entry")]
    assert run.resume()
    assert run.pending() == ["work"]


def test_a_step_ends_before_the_next_state_or_action():
    run = Execution("switch", "on data")
    run.break_at(("bp_1", "on data"))
    run.begin({"n": 5})
    stops = []
    while run.state.suspended is not None:
        stops.append((run.state.suspended.reason, *held(run)))
        assert run.go_step()
    assert stops == [("breakpoint", ("on data", "entry")), ("step", ("large", "entry"))]
    assert run.outcome == ("completed", {"n": 5, "size": "large"})


def test_a_step_enters_what_every_branch_holds():
    run = Execution("parallel", "all").begin()
    assert run.pause()
    run.reply("work", {})
    run.reply("third", {})
    assert held(run) == [("other", "entry"), ("two", "entry")]
    assert run.go_step()
    assert run.pending() == ["other"]
    assert run.bodies("BranchCompleted")
    assert run.state.stepping


def test_a_step_that_waits_for_an_answer_can_be_continued_or_paused():
    run = Execution("operation", "one after the other").begin()
    assert run.pause()
    assert run.go_step()
    assert run.state.stepping
    assert refused(run, ResumeExecution("step")) == "execution.not_suspended"
    assert run.resume()
    assert not run.state.stepping
    run.reply("work", {})
    assert run.pending() == ["other"]


def test_a_breakpoint_holds_what_its_condition_is_true_for():
    for number, phase in ((5, "running"), (1, "completed")):
        run = Execution("switch", "on data")
        run.break_at(("bp_1", "large", '.n > $CONST.limit and $WORKFLOW.id == "unit"'))
        run.begin({"n": number})
        assert run.state.phase == phase
    run = Execution("switch", "on data")
    run.break_at(("bp_1", "large", ".n > $CONST.limit", 1.0, None, "too many"))
    run.begin({"n": 5})
    assert run.state.suspended.breakpoint == "bp_1"
    assert run.state.suspended.condition == ".n > $CONST.limit"
    assert run.state.suspended.asked.reason == "too many"


@pytest.mark.parametrize("condition", [".n", ".n | error", "def f: .n; f", "oh("])
def test_a_condition_without_a_boolean_value_holds_nothing_and_is_remarked(condition):
    run = Execution("switch", "on data")
    run.break_at(("bp_1", "large", condition))
    run.begin({"n": 5})
    assert run.outcome == ("completed", {"n": 5, "size": "large"})
    assert [one.breakpoint for one in run.remarks] == ["bp_1"]


def test_a_breakpoint_in_a_loop_holds_each_round_once():
    run = Execution("event", "round")
    run.break_at(("bp_1", "round"))
    run.begin()
    assert run.state.suspended.breakpoint == "bp_1"
    assert run.resume()
    run.receive("a", {})
    run.reply("work", {})
    assert held(run) == [("round", "entry")]
    assert run.resume()
    assert run.state.status == "waiting"


def test_a_breakpoint_on_a_state_that_a_cloudevent_starts_sees_it_and_holds_what_follows():
    run = Execution("event", "any")
    run.break_at(("bp_1", "any", ".a.n > 1"))
    run.receive("a", {"n": 2})
    assert run.state.suspended.breakpoint == "bp_1"
    assert held(run) == [("work", "entry")]
    assert run.resume()
    assert run.pending() == ["work"]


def test_a_hold_with_an_end_lets_go_by_a_timer_that_is_gone_once_somebody_resumes():
    for resumed in (True, False):
        run = Execution("switch", "on data")
        run.break_at(("bp_1", "large", None, 1.0, 61_000))
        run.begin({"n": 5})
        assert [one.purpose for one in run.state.timers.values()] == ["hold"]
        if resumed:
            assert run.resume(breakpoint_="bp_1")
            assert "TimerFired" not in run.types()
        else:
            run.pass_time(60_000)
            assert "has expired" in run.bodies("ExecutionResumed")[0].asked.reason
        assert run.outcome == ("completed", {"n": 5, "size": "large"})


def test_a_hold_ends_in_time_though_somebody_stepped_in_it():
    run = Execution("parallel", "all")
    run.break_at(("bp_1", "all", None, 1.0, 61_000))
    run.begin()
    assert run.go_step()
    assert run.state.suspended.reason == "step"
    assert run.go_step()
    assert run.state.stepping
    run.pass_time(60_000)
    assert not run.state.stepping
    run.reply("third", {})
    run.reply("work", {})
    assert run.pending() == ["other"]


def test_pausing_what_a_breakpoint_holds_keeps_it_beyond_its_end():
    run = Execution("switch", "on data")
    run.break_at(("bp_1", "large", None, 1.0, 61_000))
    run.begin({"n": 5})
    assert run.pause()
    assert run.state.suspended.reason == "paused"
    assert refused(run, SuspendExecution()) == "execution.suspended"
    assert held(run) == [("large", "entry")]
    assert not run.state.timers
    assert run.resume()
    assert run.outcome == ("completed", {"n": 5, "size": "large"})


def test_a_share_of_the_executions_is_sampled_always_the_same_ones():
    executions = [ExecutionState(id=EXECUTION.__class__(int=EXECUTION.int + n)) for n in range(500)]
    tenth = Breakpoint("bp_1", "s", share=0.1)
    chosen = [one.id for one in executions if tenth.samples(one.id)]
    assert 20 < len(chosen) < 90
    assert chosen == [one.id for one in executions if tenth.samples(one.id)]
    other = [one.id for one in executions if Breakpoint("bp_2", "s", share=0.1).samples(one.id)]
    assert chosen != other, format_execution(chosen[0])
