"""CloudEvents end to end: what starts, what is waited for, what belongs together, what goes out."""

import json
from typing import Any

from tests.spec.bench import Bench


def test_one_of_several_events_decides_and_its_actions_alone_run(bench: Bench) -> None:
    workflow = bench.feature("event-any")
    red, blue = (bench.start(workflow, {"case": case}) for case in ("1", "2"))
    bench.waiting(red)
    bench.waiting(blue)
    bench.publish("test.red", {"kind": "warm"}, caseid="1")
    bench.publish("test.blue", {"kind": "cold"}, caseid="2")
    logs = [bench.ended(one) for one in (red, blue)]
    assert logs[0].output == {"case": "1", "before": True, "kind": "warm", "marked": "warm"}
    whole = {"kind": "cold", "of": "test.blue", "caseid": "2"}
    assert logs[1].output == {"case": "2", "before": True, "blue": whole}
    assert logs[1].of("ActionScheduled") == []


def test_all_events_are_waited_for_and_a_late_one_leaves_the_state_without_actions(
    bench: Bench,
) -> None:
    workflow = bench.feature("event-all")
    both, late = (bench.start(workflow, {"case": case}) for case in ("1", "2"))
    bench.publish("test.red", {"n": 5}, caseid="2")
    bench.waiting(both)
    bench.publish("test.blue", {"n": 2}, caseid="1")
    bench.publish("test.red", {"n": 1}, caseid="1")
    done, missed = bench.ended(both), bench.ended(late)
    assert done.output == {
        "case": "1", "before": True, "red": {"n": 1}, "blue": {"n": 2}, "marks": [1, 2],
    }  # fmt: skip
    assert [one["done"] for one in done.data("EventReceived") if "done" in one] == [False]
    assert missed.output == {"case": "2", "before": True}
    assert missed.of("ActionScheduled") == []
    assert missed.data("EventWaitClosed")[0]["reason"] == "timeout"


def test_any_event_of_the_start_state_starts_an_execution_if_its_source_fits(bench: Bench) -> None:
    bench.feature("event-start")
    bench.publish("test.red", {"n": 1}, source="/rooms/7/door")
    bench.publish("test.red", {"n": 2}, source="/rooms/7/8/door")
    bench.publish("test.blue", {"n": 3}, source="anywhere")
    logs = bench.triggered(2)
    assert [log.output for log in logs] == [{"n": 1, "marked": 1}, {"n": 3, "marked": 3}]
    assert [log.data("ExecutionStarted")[0]["trigger"]["type"] for log in logs] == [
        "test.red", "test.blue",
    ]  # fmt: skip


def test_cloudevents_come_in_over_nats_in_both_modes(bench: Bench, listening: Any) -> None:
    bench.feature("event-start")
    event = {"specversion": "1.0", "id": "1", "type": "test.blue", "source": "/n", "data": {"n": 1}}
    binary = {"ce-specversion": "1.0", "ce-id": "2", "ce-type": "test.blue", "ce-source": "/n"}
    subject = f"cloudevents.in.{bench.namespace}.test"
    structured = {"content-type": "application/cloudevents+json"}
    with listening("nothing") as connection:
        connection.publish(subject, json.dumps(event).encode(), structured)
        connection.publish(
            subject, b'{"n": 2}', {**binary, "ce-datacontenttype": "application/json"}
        )
        connection.publish(subject, json.dumps(event).encode(), structured)
        logs = [bench.ended(one) for one in bench.started(2)]
    assert sorted(log.output["n"] for log in logs) == [1, 2]


def test_events_correlate_by_the_value_that_the_first_one_fixed(bench: Bench) -> None:
    bench.feature("correlation")
    bench.publish("test.opened", {"opened": "a"}, caseid="A")
    bench.publish("test.opened", {"opened": "b"}, caseid="B")
    bench.started(2)
    bench.publish("test.approved", {"approved": "too low"}, caseid="A", grade="low")
    bench.publish("test.approved", {"approved": "b"}, caseid="B", grade="high")
    bench.publish("test.paid", {"paid": "b"}, caseid="B")
    bench.publish("test.paid", {"paid": "a"}, caseid="A")
    bench.publish("test.approved", {"approved": "a"}, caseid="A", grade="high")
    assert [log.output for log in bench.triggered(2)] == [
        {"opened": "a", "paid": "a", "approved": "a"},
        {"opened": "b", "paid": "b", "approved": "b"},
    ]


def test_a_cloudevent_that_comes_before_anybody_waits_is_still_taken(bench: Bench) -> None:
    bench.feature("correlation")
    bench.publish("test.paid", {"paid": "before the case was opened"}, caseid="A")
    bench.publish("test.opened", {"opened": 1}, caseid="A")
    (execution,) = bench.started(1)
    bench.publish("test.approved", {"approved": 1}, caseid="A", grade="high")
    bench.publish("test.paid", {"paid": 1}, caseid="A")
    assert bench.ended(execution).output == {"opened": 1, "paid": 1, "approved": 1}


def test_a_duplicate_has_no_effect_and_says_so(bench: Bench) -> None:
    bench.feature("event-start")
    event = {"specversion": "1.0", "id": "7", "type": "test.blue", "source": "/s", "data": {"n": 1}}
    receipts = [bench.publish_event(event) for _ in range(3)]
    assert [one["outcome"] for one in receipts] == ["stored", "duplicate", "duplicate"]
    reply = bench.ask("POST", "/events", json.dumps({**event, "data": {"n": 2}}),
                      Content_Type="application/cloudevents+json")  # fmt: skip
    assert reply.status == 409
    bench.publish_event({**event, "id": "8", "data": {"n": 8}})
    assert [log.output["n"] for log in bench.triggered(2)] == [1, 8]


def test_without_correlation_all_three_that_wait_take_the_cloudevent(bench: Bench) -> None:
    workflow = bench.feature("broadcast")
    executions = [bench.start(workflow, {"who": n}) for n in range(3)]
    for one in executions:
        bench.waiting(one)
    receipt = bench.publish("test.bell", {"rings": 1})
    logs = [bench.ended(one) for one in executions]
    assert [log.output for log in logs] == [{"who": n, "rings": 1} for n in range(3)]
    taken = [log.data("EventReceived")[0]["event"]["position"] for log in logs]
    assert len(set(taken)) == 1
    assert receipt["outcome"] == "stored"


def test_a_loop_takes_each_cloudevent_once_and_in_order(bench: Bench) -> None:
    workflow = bench.feature("loop-events")
    execution = bench.start(workflow, {"case": "1"})
    for number in (1, 2, 3, 4):
        bench.publish("test.tick", {"n": number}, caseid="1")
    log = bench.ended(execution)
    assert (log.output["count"], log.output["seen"]) == (3, [1, 2, 3])
    assert len(log.of("EventReceived")) == 3


def test_cloudevents_go_out_on_transitions_and_ends(bench: Bench, listening: Any) -> None:
    workflow = bench.feature("produce")
    with listening(f"cloudevents.out.{bench.namespace}.test.>") as received:
        log = bench.run(workflow, {"case": "9"})
        messages = [received.next() for _ in range(3)]
    assert log.emitted == [
        {
            "type": "test.half",
            "source": "/made",
            "data": {"n": 1},
            "extensions": {"caseid": "9", "fixed": "word"},
        },
        {"type": "test.half", "source": "/made", "data": {"n": 2, "text": "plain"}},
        {"type": "test.whole", "source": f"/workflows/{workflow}", "data": 2},
    ]
    assert log.data("ExecutionCompleted") == [{"terminated": True}]
    assert log.of("EventEmitted")[1]["seq"] < log.of("StateEntered")[1]["seq"]
    events = [json.loads(one.data) for one in messages]
    by_id = {one["id"]: one for one in events}
    assert {one["id"] for one in log.of("EventEmitted")} == set(by_id)
    first = by_id[log.of("EventEmitted")[0]["id"]]
    assert (first["caseid"], first["fixed"], first["data"]) == ("9", "word", {"n": 1})
    prefix = f"cloudevents.out.{bench.namespace}."
    assert {one.subject.removeprefix(prefix) for one in messages} == {
        "test.half", "test.whole",
    }  # fmt: skip
