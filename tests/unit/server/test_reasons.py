"""What is said of an execution that does not move, from facts that a test makes up."""

from uuid import UUID

import pytest

from engine.model.command import Arrived
from engine.model.event import Event
from engine.model.program import Exit, Listen, Listening, Program, Scope
from engine.model.state import (
    Action,
    ExecutionState,
    Frame,
    Held,
    RunningTimer,
    Suspension,
    Wait,
)
from engine.ports.evidence import Standing
from engine.ports.rows import InboxRow
from schemas.events import bodies
from schemas.events.parts import Asked, CloudEventRef, EventFilter
from server.api.reasons.case import Case, Sought
from server.api.reasons.whole import MAX_REASONS, why
from server.api.reasons.words import lasting, listed

NOW = 1_000_000_000
ID = UUID(int=5 << 64)
ROOT = Frame(1, 0, "execution", "", "order")
PAY = Frame(2, 1, "state", "/states/0", "Pay")
OWNED = Standing(5, "e1", NOW + 10_000, NOW, ("e1",), 0, None)
GONE = Standing(5, "e1", NOW - 60_000, NOW, (), 0, None)
FREE = Standing(5, None, 0, NOW, ("e2", "e3"), 0, None)


def state(**members):
    return ExecutionState(
        **{
            "id": ID, "seq": 9, "at": NOW - 1_000, "phase": "running", "workflow": "order",
            "version": "1", "started_at": NOW - 61_000, "root": 1, "frames": {1: ROOT, 2: PAY},
            **members,
        }
    )  # fmt: skip


def told(folded, standing=OWNED, **members):
    given = {"program": None, **members}
    return why(Case(ID, "default", "http://here", b"s" * 32, folded, standing=standing, **given))


def row(kind, age_ms, **members):
    given = {"position": 0, "actor": "key:ops", **members}
    return InboxRow(
        5, 1, kind, ID, "default", body=b"{}", traceparent=None, at=NOW - age_ms, **given
    )


def call(handler="python", timeout_ms=0, age_ms=2_000):
    body = bodies.ActionScheduled("f", handler, "m:f", timeout_ms)
    return {7: Action(7, 7, 2, "/a", "charge", 1, NOW - age_ms, body)}


def sleeping(due):
    return {7: RunningTimer(7, 2, "/t", "Nap", "sleep", due)}


def reason(answer, kind):
    return next(one for one in answer.reasons if one.kind == kind)


def test_a_start_that_nobody_has_taken_tells_the_shard_and_its_engine():
    waiting = row("start", 2_000)
    answer = told(None, rows=[waiting])
    assert (answer.status, answer.last_seq) == ("running", 0)
    assert "accepted, but not begun" in answer.summary
    assert "in the inbox of shard 5 since 2 s. Engine e1 holds the shard." in answer.summary
    assert reason(answer, "not_begun").unblock == ["Nothing is to be done: an engine takes it."]
    assert "Its fork from another execution lies in" in told(None, rows=[row("fork", 0)]).summary
    late = told(None, rows=[row("start", 65_000)])
    assert "quarantine" in late.summary
    assert "log of engine e1" in late.reasons[0].unblock[0]


@pytest.mark.parametrize(
    ("standing", "words", "advice"),
    [
        (
            GONE,
            "Engine e1 had the shard, its lease ran out 1 min ago; no engine lives.",
            "Start an engine: refold serve --role engine, or refold up",
        ),
        (
            FREE,
            "No engine holds the shard; 2 engines live and one of them takes it within seconds.",
            "Nothing is to be done: an engine takes it.",
        ),
    ],
)
def test_without_an_engine_that_is_the_first_reason(standing, words, advice):
    for folded in (None, state(timers=sleeping(NOW + 5_000))):
        answer = told(folded, standing)
        assert answer.reasons[0].kind == "no_engine"
        assert words in answer.summary
        assert answer.reasons[0].unblock == [advice]
        assert not answer.engine.lease_valid


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("cancel", "The request to cancel it by key:ops was accepted 1 min 5 s ago"),
        ("callback", "The answer to a callback by key:ops was accepted"),
        ("resume", "The request to resume it by key:ops was accepted"),
        ("hint", "The word that a CloudEvent may match (CloudEvent 12) was accepted"),
    ],
)
def test_what_came_for_it_and_was_not_taken_is_told_once_it_is_late(kind, words):
    folded = state(timers=sleeping(NOW + 5_000))
    fresh = told(folded, rows=[row(kind, 1_000, position=12)])
    assert [one.kind for one in fresh.reasons] == ["timer"]
    late = told(folded, rows=[row(kind, 65_000, position=12)])
    assert late.reasons[0].kind == "not_taken"
    assert words in late.reasons[0].text
    assert "quarantine" in late.reasons[0].text
    assert late.engine.rows_for_it == [kind]


def test_a_timer_and_a_call_that_are_long_over_are_told_as_overdue():
    timer = told(state(timers=sleeping(NOW - 60_000)))
    assert timer.reasons[0].kind == "overdue"
    assert "A timer of state Pay was over 1 min ago" in timer.reasons[0].text
    action = told(state(actions=call(timeout_ms=1_000, age_ms=62_000)))
    assert "The time limit of action charge was over 1 min 1 s ago" in action.reasons[0].text
    assert "overdue" not in [one.kind for one in told(state(actions=call())).reasons]


@pytest.mark.parametrize(
    ("known", "worker", "words"),
    [
        (True, "listening", "A worker listens for it."),
        (False, "none", "No worker listens for the function m:f."),
        (None, "unknown", "since 2 s; this attempt is given up in 58 s."),
    ],
)
def test_a_call_of_a_function_tells_whether_a_worker_listens(known, worker, words):
    answer = told(state(actions=call(timeout_ms=60_000)), workers={"m:f": known})
    pending = reason(answer, "action")
    assert pending.action is not None
    assert pending.action.worker == worker
    assert pending.action.attempt == 1
    assert words in pending.text
    assert ("refold serve --role worker" in pending.unblock[0]) == (worker == "none")


def test_another_call_has_no_worker():
    pending = reason(told(state(actions=call("http"))), "action")
    assert pending.action is not None
    assert pending.action.worker is None
    assert "action charge calls http m:f (attempt 1)" in pending.text


@pytest.mark.parametrize(
    ("suspension", "words"),
    [
        (
            Suspension(3, "paused", NOW - 60_000, "key:ops", asked=Asked(reason="prices")),
            "It is held since 1 min: paused by key:ops, saying 'prices'.",
        ),
        (
            Suspension(3, "breakpoint", NOW, "engine", breakpoint="bp_1", condition=".n > 3"),
            "breakpoint bp_1 was met, as .n > 3 was true.",
        ),
        (Suspension(3, "step", NOW, "key:ops"), "a step is done."),
        (
            Suspension(3, "forked", NOW, "key:ops"),
            "it was forked by key:ops and is to be resumed.",
        ),
    ],
)
def test_a_held_execution_tells_who_holds_it_and_what_comes_next(suspension, words):
    held = {
        8: Held(8, 1, "/states/1", "Ship"), 9: Held(9, 2, "", ""),
        10: Held(10, 2, "/a", "charge", "retry"),
    }  # fmt: skip
    answer = told(state(suspended=suspension, held=held))
    first = answer.reasons[0]
    assert (first.kind, answer.status) == ("suspended", "suspended")
    assert words in first.text
    assert first.hold is not None
    assert first.hold.held == [
        "state Ship",
        "the end of state Pay",
        "the next attempt of charge in state Pay",
    ]
    assert "Next comes state Ship, the end of state Pay and the next attempt" in first.text
    assert first.unblock[0].startswith("refold exec resume ex_")
    release = RunningTimer(9, 1, "", "", "hold", NOW + 60_000)
    let_go = told(state(suspended=suspension, timers={9: release}))
    assert [one.kind for one in let_go.reasons] == ["suspended"]
    assert "It is let go by itself in 1 min." in let_go.summary
    idle = told(state(suspended=suspension))
    assert "what runs goes on to its end" in idle.reasons[0].text


def test_nothing_open_is_work_under_way_until_it_takes_too_long():
    fresh = told(state())
    assert [one.kind for one in fresh.reasons] == ["under_way"]
    assert "quarantine" not in fresh.summary
    stale = told(state(at=NOW - 90_000))
    assert "Its last event is 1 min 30 s old." in stale.summary
    assert "quarantine" in stale.summary


def test_an_expired_gathering_names_what_it_lacked():
    end = Event(3, NOW, bodies.GatheringExpired(missing=("one", "two")))
    answer = told(state(phase="expired", closed_at=NOW - 5_000), end=end)
    assert answer.status == "timed_out"
    assert "it expired 5 s ago. Missing: one and two." in answer.summary


@pytest.mark.parametrize(
    ("exit_", "then"),
    [
        (None, "the state goes on without it and without its actions"),
        (Exit(target="/states/1"), "state Ship is entered"),
        (Exit(), "the execution ends"),
    ],
)
def test_a_time_out_tells_where_it_leads(exit_, then):
    listen = Listen("/l", "Pay", "/states/0", entries=(Listening("/e", "e", ()),), on_timeout=exit_)
    ship = Scope("/states/1", "Ship", "")
    nodes = {listen.id: listen, ship.id: ship}
    program = Program("order", "1", "Order", "cncf-0.8", "hash", "/states/0", nodes)
    wait = Wait(4, 2, "/l", "Pay", NOW - 1_000, "any", (EventFilter("paid", "order.paid"),))
    timers = {6: RunningTimer(6, 2, "/l", "Pay", "event_timeout", NOW + 60_000, subject=4)}
    answer = told(state(waits={4: wait}, timers=timers), program=program)
    (only,) = answer.reasons
    assert only.deadline is not None
    assert only.deadline.then == then
    assert f"it times out in 1 min, then {then}." in only.text


@pytest.mark.parametrize(
    ("matched", "words"),
    [
        (12, "CloudEvent 12 matches and is on its way to the execution. If it stays so"),
        (9, "to the execution: the matcher has read the stream up to 9 of 14. If it stays so"),
    ],
)
def test_a_cloudevent_that_matches_and_was_not_taken_yet_is_told(matched, words):
    wait = Wait(4, 2, "/l", "Pay", NOW, "any", (EventFilter("paid", "order.paid"),))
    event = CloudEventRef(12, "e", "/s", "order.paid")
    sought = {(4, "paid"): Sought([Arrived(event, NOW, {}, None, None)], (), 1)}
    answer = told(state(waits={4: wait}), sought=sought, head=14, matched=matched)
    assert answer.reasons[0].events[0].arriving == [12]
    assert words in answer.summary


def test_of_very_many_waits_some_are_told_without_a_look_into_the_stream():
    wait = Wait(4, 2, "/l", "Pay", NOW, "any", (EventFilter("paid", "order.paid"),))
    unsought = told(state(waits={4: wait}))
    assert unsought.reasons[0].events[0].looked_back_to is None
    assert "Nothing like it" not in unsought.summary
    nothing = told(state(waits={4: wait}), sought={(4, "paid"): Sought((), (), 1)})
    assert "Nothing like it has come." in nothing.summary


def test_reasons_are_limited_and_the_rest_counted():
    timers = {n: RunningTimer(n, 2, "/t", "Nap", "sleep", NOW + n * 1_000) for n in range(10, 90)}
    answer = told(state(timers=timers))
    assert len(answer.reasons) == MAX_REASONS
    assert answer.more == 80 - MAX_REASONS
    assert "78 more reasons below." in answer.summary


def test_a_callback_of_another_namespace_is_answered_there():
    wait = Wait(4, 2, "/l", "Pay", NOW, "any", (EventFilter("a", "t", "/+/x"),), callback=True)
    case = Case(
        ID, "shop", "http://here", b"s" * 32, state(waits={4: wait}), None, standing=OWNED
    )  # fmt: skip
    (only,) = why(case).reasons
    assert only.callback is not None
    assert only.callback.command.endswith("--namespace shop")
    assert "/v1/namespaces/shop/callbacks/cb_" in only.callback.curl
    assert only.events[0].publish == (
        "refold event publish --type t --source /x/x --namespace shop --data '{}'"
    )


@pytest.mark.parametrize(
    ("duration_ms", "words"),
    [
        (0, "0 ms"), (850, "850 ms"), (1_000, "1 s"), (61_000, "1 min 1 s"), (60_500, "1 min"),
        (3_900_000, "1 h 5 min"), (3_605_000, "1 h"), (2 * 86_400_000 + 4 * 3_600_000, "2 d 4 h"),
        (-12_000, "12 s"),
    ],
)  # fmt: skip
def test_durations_are_told_in_their_two_largest_units(duration_ms, words):
    assert lasting(duration_ms) == words


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b"], "a and b"),
        (list("abcdefg"), "a, b, c, d, e and 2 more"),
    ],
)
def test_lists_are_told_as_far_as_one_reads_them(names, words):
    assert listed(names) == words
