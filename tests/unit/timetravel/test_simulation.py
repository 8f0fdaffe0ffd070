"""Simulations: who answers, what comes next, where they stop."""

from engine.core.timetravel.recording import Recording
from engine.core.timetravel.simulation import Simulation
from engine.core.timetravel.supply import Mocked, Rules
from engine.model.command import StartExecution
from engine.model.state import ExecutionState
from schemas.events import ActionCompleted, ActionScheduled, Error, StateEntered, TimerFired
from schemas.events.parts import MockAnswer
from tests.property.core_run import EXECUTION, arrived_of
from tests.unit.timetravel.orders import ORDER, RETRIED, program, recorded, started

PAID = {"type": "paid", "source": "/shop", "attributes": {}, "data": {"by": "card"}, "whole": {}}


def simulated(version, source, **options):
    simulation = Simulation(version, ExecutionState(id=EXECUTION), Recording.of(source), **options)
    simulation.begin_as_recorded()
    return simulation.run()


def test_an_action_of_another_name_has_no_recorded_answer():
    renamed = program(ORDER, ('"name": "charge"', '"name": "bill"'))
    stop = simulated(renamed, recorded(60)).stop
    assert (stop.reason, stop.name, stop.state) == ("no_recorded_answer", "bill", "Ship")
    assert (stop.path, stop.occurrence, stop.attempt) == ("Ship/bill", 1, 1)


def test_a_live_call_stops_it():
    def policy(call):
        return "live" if call.action.name == "charge" else "recorded"

    outcome = simulated(program(ORDER), recorded(60), policy=policy)
    assert (outcome.stop.reason, outcome.stop.name) == ("live_call", "charge")
    assert [e.name for e in outcome.events if isinstance(e.body, ActionCompleted)] == ["quote"]


def test_a_made_up_answer_takes_the_place_of_the_recorded_one():
    def policy(call):
        return Mocked(MockAnswer({"total": 9})) if call.action.name == "quote" else "recorded"

    outcome = simulated(program(ORDER), recorded(60), policy=policy)
    assert outcome.stop is None
    assert "Review" not in [e.name for e in outcome.events if isinstance(e.body, StateEntered)]
    assert outcome.state.output["quote"] == {"total": 9}


def test_a_made_up_error_is_retried_on_the_clock_alone():
    retried = program(ORDER, *RETRIED)

    def policy(call):
        if call.action.name != "charge":
            return Mocked(MockAnswer({"total": 1}))
        failed = MockAnswer(error=Error(code="shop.away", message="later"))
        return Mocked(failed if call.attempt < 3 else MockAnswer({"ok": True}), after_ms=100)

    simulation = Simulation(retried, ExecutionState(id=EXECUTION), policy=policy)
    simulation.begin(StartExecution(input={}), at=5_000)
    outcome = simulation.run()
    assert outcome.state.phase == "completed"
    attempts = [e.attempt for e in outcome.events if isinstance(e.body, ActionScheduled)]
    assert attempts == [1, 1, 2, 3]
    assert outcome.state.at == 5_000 + 2 * 3_600_000 + 3 * 100


def test_a_source_that_is_still_open_is_followed_to_where_it_is():
    source = [event for event in recorded(60) if event.seq <= started(recorded(60), "charge")]
    outcome = simulated(program(ORDER), source)
    assert (outcome.stop.reason, outcome.stop.name) == ("end_of_recording", "charge")
    assert len(outcome.events) == len(source)


def test_a_timer_of_the_new_version_fires_by_the_clock():
    slower = program(ORDER, ('"name": "charge",', '"name": "charge", "sleep": {"before": "P1D"},'))
    source = recorded(60)
    outcome = simulated(slower, source)
    assert outcome.stop is None
    assert len([e for e in outcome.events if isinstance(e.body, TimerFired)]) == 1
    assert outcome.state.at == source[-1].at - 250 + 24 * 3_600_000
    assert outcome.state.output == simulated(program(ORDER), source).state.output


def test_a_wait_takes_what_is_offered_or_stops():
    waiting = {
        "id": "w", "version": "1", "specVersion": "0.8", "start": "Pay",
        "events": [{"name": "Paid", "type": "paid", "kind": "consumed"}],
        "states": [
            {"name": "Pay", "type": "event", "onEvents": [{"eventRefs": ["Paid"]}],
             "timeouts": {"eventTimeout": "PT1H"}, "end": True}
        ],
    }  # fmt: skip

    def run(**rules):
        simulation = Simulation(
            program(waiting), ExecutionState(id=EXECUTION), rules=Rules(**rules)
        )
        simulation.begin(StartExecution(input={}), at=1_000)
        return simulation.run()

    assert (run().stop.reason, run().stop.state) == ("no_recorded_event", "Pay")
    assert run(offered=[arrived_of(PAID, 1, 2_000)]).state.output == {"by": "card"}
    timed_out = run(wait_out=True)
    assert (timed_out.state.output, timed_out.state.at) == ({}, 3_601_000)


def test_bounds_end_it():
    endless = program(ORDER, ('"end": true', '"transition": "Note"'))
    outcome = simulated(endless, recorded(60), rules=Rules(max_events=300))
    assert outcome.stop.reason == "too_many_events"
    slow = {
        "id": "s", "version": "1", "specVersion": "0.8", "start": "Nap",
        "states": [{"name": "Nap", "type": "sleep", "duration": "P1D", "transition": "Nap"}],
    }  # fmt: skip
    simulation = Simulation(
        program(slow), ExecutionState(id=EXECUTION), rules=Rules(max_ms=10 * 24 * 3_600_000)
    )
    simulation.begin(StartExecution(input={}), at=1_000)
    assert simulation.run().stop.reason == "too_long"


def test_a_recording_tells_what_became_of_each_attempt():
    source = recorded(60)
    recording = Recording.of(source)
    quote = recording.answer("Price/quote", 1, 1)
    assert (quote.outcome, quote.result) == ("completed", {"total": 60, "customer": "c-1"})
    assert recording.answer("Price/quote", 2, 1) is None
    assert recording.answer("Price/quote", 1, 2) is None
    seq = started(source, "charge")
    pending = Recording.of(source, after=seq)
    assert pending.answer("Ship/charge", 1, 1) is None
    assert pending.pending_answer(seq, 1).result == {"ok": True}
    cut = Recording.of([event for event in source if event.seq <= seq])
    assert cut.answer("Ship/charge", 1, 1).outcome == "open"
    assert not cut.closed
