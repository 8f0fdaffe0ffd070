"""Each of the eight states, end to end: what the log says and what the services were asked."""

from typing import Any

from tests.spec.bench import Bench, Log
from tests.spec.stub import Answer, Call


def seqs(log: Log, kind: str) -> list[int]:
    return [event["seq"] for event in log.of(kind)]


def overlaps(log: Log) -> bool:
    """Whether a second action is scheduled before the first is over."""
    scheduled = seqs(log, "ActionScheduled")
    return scheduled[1] < min(seqs(log, "ActionCompleted"))


def echo(call: Call) -> Answer:
    return Answer({"said": call.arguments})


# --- operation


def test_operation_parallel_asks_all_before_the_first_answers(bench: Bench) -> None:
    workflow = bench.feature("operation-parallel", "left", "right")
    bench.answers("left", {"left": 1, "both": ["l", "x"]})
    bench.answers("right", {"right": 2, "both": ["r", "x"]})
    log = bench.run(workflow, {"both": ["x"]})
    assert overlaps(log)
    assert log.output == {"left": 1, "right": 2, "both": ["x", "l", "r"]}
    assert sorted(log.names("ActionScheduled")) == ["left", "right"]


def test_operation_sequential_waits_for_each_answer_and_skips_what_is_not_wanted(
    bench: Bench,
) -> None:
    workflow = bench.feature("operation-sequential", "left", "right")
    bench.answers("left", {"left": 7})
    bench.answers("right", {"right": 8})
    log = bench.run(workflow, {"wanted": False})
    assert log.names("ActionSkipped") == ["unless told"]
    assert log.names("ActionScheduled") == ["first", "last"]
    assert [event["data"]["purpose"] for event in log.of("TimerSet")] == [
        "before_action", "after_action",
    ]  # fmt: skip
    assert log.output == {"wanted": False, "left": 7, "right": 8}
    assert not overlaps(log)
    assert bench.calls("right") == [{"left": 7}]
    wanted = bench.run(workflow, {"wanted": True})
    assert wanted.names("ActionScheduled") == ["first", "unless told", "last"]


# --- switch


def test_switch_on_data_takes_the_first_true_condition_or_the_default(bench: Bench) -> None:
    workflow = bench.feature("switch-data")
    logs = [bench.run(workflow, {"score": score}) for score in (90, 50, 1)]
    assert [log.path for log in logs] == [["Judge", "High"], ["Judge"], ["Judge", "Low"]]
    assert [log.data("ChoiceTaken")[0]["case"] for log in logs] == ["high", "some", "default"]
    assert [log.output.get("grade") for log in logs] == ["high", None, "low"]


def test_switch_on_events_is_decided_by_the_first_event_or_by_the_clock(bench: Bench) -> None:
    workflow = bench.feature("switch-event")
    yes, no, silent = (bench.start(workflow, {"case": case}) for case in ("1", "2", "3"))
    for one in (yes, no):
        bench.waiting(one)
    bench.publish("test.no", {"n": 1}, caseid="2")
    bench.publish("test.yes", {"why": "it fits", "more": 1}, caseid="1")
    logs = [bench.ended(one) for one in (yes, no, silent)]
    assert [log.path for log in logs] == [["Wait", "Agreed"], ["Wait"], ["Wait", "Silent"]]
    assert logs[0].output == {"case": "1", "yes": {"why": "it fits"}, "agreed": True}
    assert logs[1].output == {"case": "2", "n": 1}
    assert logs[1].data("EventReceived")[0]["ref"] == "No"
    assert logs[2].output == {"case": "3", "agreed": None}
    assert logs[2].data("EventWaitClosed") == [
        {"wait": seqs(logs[2], "EventAwaited")[0], "reason": "timeout"}
    ]


# --- sleep and inject


def test_inject_merges_static_data_and_sleep_lets_time_pass(bench: Bench) -> None:
    workflow = bench.feature("sleep-inject")
    given = {"tags": ["a", "b"], "nested": {"old": 0}, "scalar": "old", "dropped": 1}
    log = bench.run(workflow, given)
    assert log.path == ["Inject", "Sleep", "Filtered"]
    assert log.output == {
        "tags": ["a", "b", "c"],
        "nested": {"old": 0, "new": 1},
        "scalar": "new",
        "literal": "${ .scalar }",
        "done": True,
        "count": 3,
    }
    (timer,), (fired,) = log.of("TimerSet"), log.of("TimerFired")
    assert timer["data"]["purpose"] == "sleep"
    assert fired["data"]["timer"] == timer["seq"]
    assert fired["at"] >= timer["at"]


# --- parallel


def test_parallel_branches_overlap_and_each_sees_its_own_copy(bench: Bench) -> None:
    workflow = bench.feature("parallel-all", "left", "right")
    bench.answers("left", lambda call: Answer({"words": [f"left {call.number}"]}))
    bench.answers("right", {"words": ["right"]})
    log = bench.run(workflow, {"words": ["start"]})
    assert overlaps(log)
    assert log.output == {"words": ["start", "left 1", "left 2", "right"]}
    assert bench.calls("left") == [{"seen": ["start"]}, {"seen": ["start", "left 1"]}]
    assert bench.calls("right") == [{"seen": ["start"]}]
    assert log.data("BranchJoined")[0]["branches"] == [0, 1]


def test_enough_branches_cancel_the_late_one_and_its_answer_is_never_merged(bench: Bench) -> None:
    workflow = bench.feature("parallel-at-least", "quick", "slow")
    bench.answers("quick", lambda call: Answer({call.arguments["who"]: True}))
    bench.answers("slow", lambda _: Answer({"late": True}, delay_s=1.0))
    log = bench.run(workflow, {"enough": 2})
    assert log.output == {"enough": 2, "A": True, "C": True}
    assert overlaps(log)
    assert log.data("BranchJoined")[0]["branches"] == [0, 2]
    (cancelled,) = log.of("BranchCancelled")
    assert cancelled["name"] == "Late"
    (action,) = log.of("ActionCancelled")
    late = next(one for one in log.of("ActionScheduled") if one["name"] == "slow")
    assert action["data"]["action"] == late["seq"]
    bench.until(lambda: bench.calls("slow"), bool)
    assert len(log.of("ActionScheduled")) == 3


def test_a_number_of_branches_that_nobody_can_reach_is_an_error(bench: Bench) -> None:
    workflow = bench.feature("parallel-at-least", "quick", "slow")
    log = bench.run(workflow, {"enough": 4})
    assert (log.status, log.error["code"]) == ("failed", "parallel.bad_number")


# --- foreach


def test_foreach_one_by_one_all_at_once_and_in_batches(bench: Bench) -> None:
    workflow = bench.feature("foreach", "ask")
    bench.answers("ask", lambda call: Answer({"tenfold": call.arguments["number"] * 10}))
    log = bench.run(workflow, {"numbers": [1, 2, 3], "batches": ["there already"]})
    results = [{"tenfold": 10}, {"tenfold": 20}, {"tenfold": 30}]
    assert log.output == {
        "numbers": [1, 2, 3],
        "inorder": results,
        "atonce": results,
        "batches": ["there already", *results],
    }
    assert [most_at_once(log, name) for name in ("InOrder", "AtOnce", "Batches")] == [1, 3, 2]
    assert bench.calls("ask")[:3] == [{"number": n, "of": 3} for n in (1, 2, 3)]
    started = [one for one in log.of("IterationStarted") if one["name"] == "Batches"]
    completed = [one for one in log.of("IterationCompleted") if one["name"] == "Batches"]
    assert started[2]["seq"] > completed[1]["seq"] > started[1]["seq"]


def most_at_once(log: Log, state: str) -> int:
    running = peak = 0
    for event in log.of("IterationStarted", "IterationCompleted"):
        if event["name"] == state:
            running += 1 if event["type"] == "IterationStarted" else -1
            peak = max(peak, running)
    return peak


def test_parallel_iterations_overlap(bench: Bench) -> None:
    workflow = bench.feature("foreach", "ask")
    bench.answers("ask", {"ok": True})
    log = bench.run(workflow, {"numbers": [1, 2]})
    (opened,) = [one for one in log.of("IterationsOpened") if one["name"] == "AtOnce"]
    after = Log(log.execution, [one for one in log.events if one["seq"] > opened["seq"]])
    assert overlaps(after)
    assert not overlaps(log)


def test_foreach_over_nothing_and_over_no_array(bench: Bench) -> None:
    empty = bench.run(bench.feature("foreach", "ask"), {"numbers": []})
    assert empty.output == {"numbers": [], "inorder": [], "atonce": [], "batches": []}
    workflow = bench.feature("foreach-errors")
    log = bench.run(workflow, {"numbers": "none"})
    assert log.path == ["Each", "Sorry"]
    assert log.data("ErrorCaught")[0]["error"]["code"] == "foreach.not_array"
    assert log.output == {"numbers": "none", "sorry": True}


# --- callback


def asked(bench: Bench) -> str:
    bench.answers("ask", {"asked": True})
    return bench.feature("callback", "ask")


def answer(bench: Bench, token: str, body: Any) -> None:
    reply = bench.ask("POST", f"/callbacks/{token}", body)
    assert reply.status < 300, reply.body


def test_a_callback_is_answered_by_a_cloudevent(bench: Bench) -> None:
    execution = bench.start(asked(bench), {"case": "7"})
    bench.waiting(execution)
    bench.publish("test.answered", {"word": "no"}, caseid="8")
    bench.publish("test.answered", {"word": "yes"}, caseid="7")
    log = bench.ended(execution)
    assert log.output == {"case": "7", "asked": True, "answer": "yes"}
    assert log.data("EventReceived")[0]["event"]["type"] == "test.answered"
    assert bench.calls("ask") == [{"case": "7"}]


def test_a_callback_is_answered_with_its_token(bench: Bench) -> None:
    execution = bench.start(asked(bench), {"case": "7"})
    (wait,) = bench.waiting(execution).execution["waits"]
    (call,) = bench.stub.calls(bench.scope)
    assert call.headers["refold-callback-token"] == wait["callback_token"]
    answer(bench, wait["callback_token"], {"word": "surely"})
    log = bench.ended(execution)
    assert log.output == {"case": "7", "asked": True, "answer": "surely"}
    assert log.data("EventReceived")[0].get("event") is None
    late = bench.ask("POST", f"/callbacks/{wait['callback_token']}", {"word": "again"})
    assert late.status in (200, 202, 404, 409), late.body
    assert bench.ended(execution).output == log.output


def test_a_callback_answered_before_its_action_ended_is_kept(bench: Bench) -> None:
    workflow = asked(bench)
    bench.answers("ask", lambda _: Answer({"asked": True}, delay_s=1.0))
    execution = bench.start(workflow, {"case": "7"})
    (call,) = bench.until(lambda: bench.stub.calls(bench.scope), bool)
    answer(bench, call.headers["refold-callback-token"], {"word": "early"})
    log = bench.ended(execution)
    assert log.output == {"case": "7", "asked": True, "answer": "early"}
    assert seqs(log, "CallbackReceived") < seqs(log, "ActionCompleted")


def test_a_callback_that_nobody_answers_goes_on_when_its_time_is_over(bench: Bench) -> None:
    log = bench.run(bench.feature("callback-timeout"))
    assert log.path == ["Ask", "After"]
    assert log.output == {"asked": True, "after": True}
