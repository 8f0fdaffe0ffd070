"""Forks in the core: what they go on with, who answers, what is refused."""

from engine.core.decide.resumption import Trail
from engine.core.step import step
from engine.dialects.cncf_v08 import program_of
from engine.model.command import (
    Circumstance,
    FailExecution,
    ForkExecution,
    ImportExecution,
    NoteFork,
    OfferEvent,
)
from engine.model.effect import Step
from engine.model.rejection import Rejection
from engine.model.state import ExecutionState
from schemas import events as log
from schemas.events.parts import AnswerPolicy, Error, MockAnswer
from tests.property.core_run import EXECUTION, CoreRun, arrived_of

HEAD = """
id: one
version: '1'
specVersion: '0.8'
functions: [{name: work, type: custom, operation: 'python:shop:work'}]
errors: [{name: any, code: '*'}]
retries: [{name: often, delay: PT1H, maxAttempts: 5}]
events:
- {name: a, type: a, source: s}
- {name: b, type: b, source: s}
"""
TWICE = """
start: nap
states:
- {name: nap, type: sleep, duration: P1D, transition: work}
- name: work
  type: operation
  actions: [{functionRef: work, retryRef: often}]
  onErrors: [{errorRef: any, end: true}]
  end: true
"""
BOTH = """
start: both
states:
- name: both
  type: event
  exclusive: false
  onEvents: [{eventRefs: [a]}, {eventRefs: [b]}]
  end: true
"""


def run_of(text):
    return CoreRun(program_of((HEAD + text).encode()))


def begun():
    run = run_of(TWICE)
    run.start({})
    return run


def fire(run):
    key, due = next(iter(run.open_timers().items()))
    run.now = max(run.now, due)
    run.fire(key)


def last(run):
    return run.stored[-1].seq


def made(run, command):
    return step(run.program, run.state, command, Circumstance(at=run.now))


def test_a_sleep_that_is_open_is_over_at_once_where_timers_are_skipped():
    run = begun()
    run.fork(last(run), policy=AnswerPolicy(skip_timers=True))
    assert [one.name for one in run.state.actions.values()] == ["work"]
    slept = [one.body.purpose for one in run.stored if isinstance(one.body, log.TimerFired)]
    assert slept == ["sleep"]


def test_answers_that_are_made_up_follow_the_attempts_and_the_last_one_stays():
    run = begun()
    error = Error(code="shaky", message="no")
    mocks = {"work/work": (MockAnswer(error=error), MockAnswer(error=error), MockAnswer({"n": 3}))}
    policy = AnswerPolicy(actions={"work/work": "mock"}, mocks=mocks, skip_timers=True)
    run.fork(last(run), policy=policy)
    for attempt in (2, 3):
        assert not run.state.closed, attempt
        fire(run)
    assert run.state.output == {"n": 3}


def test_an_open_call_is_answered_by_a_mock():
    run = begun()
    fire(run)
    assert run.state.actions
    policy = AnswerPolicy(default="mock", mocks={"work": (MockAnswer({"n": 1}),)})
    run.fork(last(run), policy=policy)
    assert run.state.output == {"n": 1}


def test_no_handler_takes_the_want_of_an_answer():
    run = begun()
    fire(run)
    (action,) = run.state.actions
    outcome = made(run, FailExecution(action, Error(code="fork.not_recorded", message="none")))
    assert isinstance(outcome, Step)
    failure = outcome.state.error
    assert (failure.code, failure.state, failure.action) == ("fork.not_recorded", "work", "work")
    again = step(run.program, run.state, FailExecution(99, failure), Circumstance(at=1))
    assert isinstance(again, Rejection)


def test_a_fork_is_noted_behind_the_end_and_changes_nothing_there():
    run = begun()
    assert run.cancel()
    before = run.state
    run.note_fork(2)
    assert (run.state.phase, run.state.closed_at) == ("cancelled", before.closed_at)
    refused = step(run.program, ExecutionState(id=EXECUTION), _note(), Circumstance(at=1))
    assert isinstance(refused, Rejection)


def _note():
    return NoteFork(log.ForkTaken(fork="ex_1", at=1))


def test_a_fork_is_refused_behind_another_event_than_that_of_its_prefix():
    run = begun()
    trail = Trail(ExecutionState(id=EXECUTION))
    for event in run.stored[:1]:
        trail.note(event)
    outcome = made(run, ForkExecution(run.forked_body(1, {}), trail.broken_off))
    assert isinstance(outcome, Rejection)
    assert outcome.code == "fork.not_here"


def test_a_fork_of_an_execution_that_was_brought_here_goes_on():
    run = begun()
    body = log.ExecutionImported(source="ex_1", cluster="c", events=last(run), source_hash="")
    outcome = made(run, ImportExecution(body))
    trail = Trail(ExecutionState(id=EXECUTION))
    for event in (*run.stored, *outcome.events):
        trail.note(event)
    assert trail.state.is_imported
    command = ForkExecution(run.forked_body(trail.state.seq, {}), trail.broken_off)
    forked = step(run.program, trail.state, command, Circumstance(at=5))
    assert isinstance(forked, Step)
    assert (forked.state.status, len(forked.state.timers)) == ("waiting", 1)


def test_a_start_that_gathers_is_begun_anew_with_all_its_cloudevents():
    run = run_of(BOTH)
    events = [
        arrived_of({"type": one, "source": "s", "attributes": {}, "data": {one: 1}, "whole": {}},
                   number, 1_000)
        for number, one in ((1, "a"), (2, "b"))
    ]  # fmt: skip
    state = ExecutionState(id=EXECUTION)
    command = ForkExecution(run.forked_body(0, {"name": "again"}), offers=tuple(events))
    outcome = step(run.program, state, command, Circumstance(at=2_000))
    assert isinstance(outcome, Step)
    types = [type(one.body).__name__ for one in outcome.events]
    assert types[:2] == ["GatheringOpened", "ExecutionForked"]
    assert (outcome.state.output, outcome.state.name) == ({"a": 1, "b": 1}, "again")
    few = ForkExecution(run.forked_body(0, {}), offers=(events[0],))
    assert isinstance(step(run.program, state, few, Circumstance(at=1)), Rejection)
    alone = step(run.program, state, OfferEvent(events[0]), Circumstance(at=1))
    assert isinstance(alone, Step)
