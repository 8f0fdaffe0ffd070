"""Arguments that name a secret are completed when the call is made, and never stored."""

import pytest

from engine.core.secrets import fill, masked
from engine.dialects.cncf_v08 import program_of
from engine.model.effect import NeedsValues
from schemas.events import Error, encode_body
from tests.property.core_run import CoreRun, worker_answer
from tests.property.generate import text_of

SECRETS = {"TOKEN": "s3cret", "OTHER": "x"}


def called(arguments, **action_filter):
    """An execution whose one action was called with these arguments."""
    action = {"functionRef": {"refName": "work", "arguments": arguments}}
    if action_filter:
        action["actionDataFilter"] = action_filter
    state = {"name": "one", "type": "operation", "actions": [action], "end": True}
    document = {
        "id": "secret", "version": "1", "specVersion": "0.8", "secrets": list(SECRETS),
        "functions": [{"name": "work", "type": "custom", "operation": "python:m:work"}],
        "states": [state],
    }  # fmt: skip
    run = CoreRun(program_of(text_of(document), "application/json"))
    run.start({"user": "ada", "inner": {"user": "bea"}})
    return run


def filled(run, answers=None):
    (action,) = run.state.actions.values()
    return fill(run.program, run.state, action, SECRETS, answers or {})


def test_secrets_are_filled_in_beside_what_was_stored():
    run = called({"user": "${ .user }", "auth": ["${ .user + $SECRETS.TOKEN }"]})
    assert filled(run) == {"user": "ada", "auth": ["adas3cret"]}
    stored = b"".join(encode_body(event.body) for event in run.events)
    assert b"s3cret" not in stored
    assert b"ada" in stored


def test_secret_arguments_see_what_the_action_sees():
    run = called({"auth": "${ .user + $SECRETS.TOKEN }"}, fromStateData="${ .inner }")
    assert filled(run) == {"auth": "beas3cret"}


def test_all_arguments_may_be_one_expression():
    assert filled(called("${ {token: $SECRETS.TOKEN} }")) == {"token": "s3cret"}


def test_an_expression_without_closure_is_asked_for():
    run = called({"auth": "${ def same: $SECRETS.TOKEN; same }"})
    needs = filled(run)
    assert isinstance(needs, NeedsValues)
    (request,) = needs.requests
    assert filled(run, {request: worker_answer(request)}) == {"auth": "s3cret"}


@pytest.mark.parametrize("text", ["${ $SECRETS.TOKEN + 1 }", "${ $SECRETS.TOKEN | error }"])
def test_an_expression_that_fails_is_the_actions_error(text):
    error = filled(called({"auth": text}))
    assert isinstance(error, Error)
    assert (error.code, error.aliases) == ("expression.failed", ("expression",))


def test_why_an_expression_failed_on_a_secret_is_not_told():
    for expression in ("$SECRETS.TOKEN - 1", "$SECRETS.TOKEN | error"):
        error = filled(called({"auth": "${ " + expression + " }"}))
        assert isinstance(error, Error)
        assert error.code == "expression.failed"
        assert "s3cret" not in error.message


def test_masked_leaves_no_secret_and_all_else():
    said = {"a s3cret": ["in s3cret text", 1, None], "url": "?q=s%2F3", "short": "xx"}
    hidden = masked(said, ["s3cret", "s/3", "s/3 %", "x"])
    assert hidden == {"a ***": ["in *** text", 1, None], "url": "?q=s%2F3", "short": "xx"}
    assert masked("?q=ab%2Fcd", ["ab/cd"]) == "?q=***"
    assert masked(("s3cret",), ["s3cret", "s3cret-and-more"]) == ("***",)
    assert masked("s3cret-and-more", ["s3cret", "s3cret-and-more"]) == "***"
    assert masked(None, ["s3cret"]) is None
