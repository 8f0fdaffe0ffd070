"""Callback states: answered by CloudEvent or token, early, late, never."""

from tests.unit.core.driving import Execution


def asked():
    run = Execution("callback", "ask").begin()
    run.reply("work", {"asked": True})
    return run


def test_a_cloudevent_answers():
    run = asked()
    run.receive("a", "yes")
    assert run.outcome == ("completed", {"asked": True, "answer": "yes"})


def test_the_token_answers_once():
    run = asked()
    assert run.answer_callback({"by": "token"})
    assert run.outcome == ("completed", {"asked": True, "answer": {"by": "token"}})
    assert not run.answer_callback({"again": True})


def test_an_answer_that_comes_before_the_action_is_done_is_kept():
    run = Execution("callback", "ask").begin()
    assert run.answer_callback("early")
    assert not run.answer_callback("twice")
    run.reply("work", {"asked": True})
    assert run.outcome == ("completed", {"asked": True, "answer": "early"})
    assert run.types("CallbackReceived", "EventReceived") == ["CallbackReceived", "EventReceived"]


def test_without_an_answer_in_time_the_state_is_left():
    run = asked()
    run.pass_time(60_000)
    assert run.outcome == ("completed", {"asked": True})
