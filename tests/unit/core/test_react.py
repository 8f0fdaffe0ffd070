"""Effects are the difference of two states; after a restart everything open is asked for again."""

from engine.core.react import react
from engine.model.effect import Effects
from tests.unit.core.driving import Execution


def ids(entries):
    return [one.id for one in entries]


def before_and_after(run, stimulus):
    before = run.state
    stimulus()
    return react(before, run.state)


def test_a_new_call_is_made_and_one_that_is_cancelled_is_recalled():
    run = Execution("parallel", "first of three")
    made = before_and_after(run, run.begin)
    calls, timers = list(run.state.actions), list(run.state.timers)
    assert (ids(made.calls), ids(made.timers_set)) == (calls, timers)
    ended = before_and_after(run, lambda: run.reply("other", {}))
    assert (sorted(ended.recalls), list(ended.timers_cleared)) == (calls, timers)
    assert ended.closed
    assert ended.calls == ()


def test_a_retry_sets_a_timer_and_its_end_makes_the_call_again():
    run = Execution("operation", "retried").begin()
    failed = before_and_after(run, lambda: run.break_down("work"))
    assert (len(failed.recalls), len(failed.timers_set), failed.calls) == (1, 1, ())
    again = before_and_after(run, lambda: run.pass_time(1_000))
    assert [one.attempt for one in again.calls] == [2]
    assert len(again.timers_cleared) == 1


def test_waits_open_with_their_timer_and_open_again_when_a_correlation_value_is_fixed():
    run = Execution("event", "every").begin()
    opened = react(None, run.state)
    assert (len(opened.waits_opened), len(opened.timers_set)) == (1, 1)
    fixed = before_and_after(run, lambda: run.receive("a", {}, customer="c1"))
    assert fixed.waits_opened == tuple(run.state.waits.values())
    assert fixed.waits_closed == ()
    closed = before_and_after(run, lambda: run.receive("b", {}, customer="c1"))
    assert (len(closed.waits_closed), len(closed.timers_cleared)) == (1, 1)


def test_nothing_changed_means_nothing_to_do():
    run = Execution("event", "any").begin()
    assert react(run.state, run.state) == Effects()


def test_after_a_restart_all_that_is_open_is_asked_for_again():
    run = Execution("parallel", "first of three").begin()
    again = react(None, run.state)
    assert ids(again.calls) == list(run.state.actions)
    assert ids(again.timers_set) == list(run.state.timers)
    run.reply("other", {})
    assert react(None, run.state) == Effects(closed=True)
