"""Inject and sleep states, and definitions that go in circles."""

from engine.dialects.cncf_v08 import program_of
from engine.expr import loads
from engine.model.limits import MAX_EVENTS_PER_STEP
from schemas.json_text import dumps
from tests.property.core_run import CoreRun
from tests.unit.core.driving import Execution


def test_injected_data_is_merged():
    begin = {"a": {"y": 2}, "list": [2, 1], "s": "old", "n": 4, "dropped": 0}
    run = Execution("inject", "merging").begin(begin)
    expected = {"a": {"y": 2, "x": 1}, "list": [2, 1, True], "s": "new", "n": None}
    assert run.outcome == ("completed", expected)


def test_numbers_keep_their_text():
    definition = b"""
      {"id": "n", "version": "1", "specVersion": "0.8", "states": [
        {"name": "numbers", "type": "inject", "end": true,
         "data": {"kept": [1.10, 1e2, 12345678901234567890]},
         "stateDataFilter": {"output": "{copied: .kept, n}"}}]}"""
    run = CoreRun(program_of(definition, "application/json"))
    run.start({"n": loads(b"[-0, -0.00, 1e400]")})
    expected = b'{"copied":[1.10,1e2,12345678901234567890],"n":[-0,-0.00,1e400]}'
    assert dumps(run.state.output) == expected


def test_an_execution_knows_its_workflow_and_itself():
    definition = b"""
      {"id": "me", "version": "7", "specVersion": "0.8", "states": [
        {"name": "who", "type": "inject", "end": true, "data": {},
         "stateDataFilter": {"output": "{id: $WORKFLOW.id, v: $WORKFLOW.version}"}}]}"""
    run = CoreRun(program_of(definition, "application/json"))
    run.start({})
    assert run.state.output == {"id": "me", "v": "7"}


def test_a_sleep_ends_when_its_time_is_over():
    run = Execution("sleep", "nap").begin({"a": 1})
    assert run.state.status == "waiting"
    run.pass_time(89_999)
    assert run.state.status == "waiting"
    run.pass_time(1)
    assert run.outcome == ("completed", {"a": 1})


def test_a_sleep_that_is_cancelled_says_so():
    run = Execution("sleep", "nap").begin()
    run.cancel()
    assert run.types()[-2:] == ["TimerCancelled", "ExecutionCancelled"]


def test_a_loop_without_a_wait_is_put_off_after_each_step():
    run = Execution("inject", "around").begin()
    assert len(run.events) < MAX_EVENTS_PER_STEP + 10
    assert run.bodies("TimerSet")[-1].purpose == "yield"
    before = len(run.events)
    ((key, _),) = run.open_timers().items()
    run.fire(key)
    assert before < len(run.events) < before + MAX_EVENTS_PER_STEP + 10
