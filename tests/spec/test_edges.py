"""Where states, errors, events and data meet: what the features together must do."""

import json
from typing import Any

from tests.spec.bench import Bench
from tests.spec.stub import Answer

ASK = {"name": "ask", "type": "rest", "operation": "stub.json#ask"}
OTHER = {"name": "other", "type": "rest", "operation": "stub.json#other"}


def define(bench: Bench, *states: dict[str, Any], **members: Any) -> str:
    """Apply a definition of these states, the first one first."""
    documents = {"stub.json": bench.stub.document(bench.scope, ["ask", "other"])}
    text = json.dumps({
        "id": f"edge-{bench.scope}", "version": "1", "specVersion": "0.8",
        "functions": [ASK, OTHER], "start": states[0]["name"], "states": states, **members,
    })  # fmt: skip
    return bench.apply(text, documents, media="application/json")


def call(name: str, **arguments: Any) -> dict[str, Any]:
    return {"functionRef": {"refName": name, "arguments": arguments}}


def inject(name: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "type": "inject", "data": data, "end": True}


def test_a_failed_branch_cancels_the_others_and_the_handler_sees_no_results(bench: Bench) -> None:
    bench.answers("ask", lambda _: Answer(status=500))
    bench.answers("other", lambda _: Answer({"late": 1}, delay_s=3.0))
    both = {
        "name": "Both", "type": "parallel", "end": True,
        "branches": [
            {"name": "bad", "actions": [call("ask")]},
            {"name": "slow", "actions": [call("other"), call("other")]},
        ],
        "onErrors": [{"errorRef": "*", "transition": "Sorry"}],
    }  # fmt: skip
    log = bench.run(define(bench, both, inject("Sorry", {"sorry": 1})), {"n": 1})
    assert log.path == ["Both", "Sorry"]
    assert log.output == {"n": 1, "sorry": 1}
    assert log.names("BranchCancelled") == ["bad", "slow"]
    assert len(log.of("ActionCancelled")) == 1


def test_a_failed_iteration_cancels_the_others_and_retries_that_wait(bench: Bench) -> None:
    bench.answers("ask", lambda one: Answer(status=500 if one.arguments["n"] == 2 else 503))
    each = {
        "name": "Each", "type": "foreach", "inputCollection": ".list", "iterationParam": "n",
        "outputCollection": ".out", "end": True,
        "actions": [
            {**call("ask", n="${ .n }"), "retryRef": "slowly", "retryableErrors": ["away"]}
        ],
        "onErrors": [{"errorRef": "broken", "end": True}],
    }  # fmt: skip
    workflow = define(
        bench, each,
        errors=[{"name": "away", "code": "503"}, {"name": "broken", "code": "500"}],
        retries=[{"name": "slowly", "delay": "PT1H", "maxAttempts": 5}],
    )  # fmt: skip
    bench.answers("ask", lambda one: Answer(
        status=500 if one.arguments["n"] == 2 else 503,
        delay_s=0.5 if one.arguments["n"] == 2 else 0.0,
    ))  # fmt: skip
    log = bench.run(workflow, {"list": [1, 2, 3]})
    assert (log.status, log.output) == ("completed", {"list": [1, 2, 3]})
    assert len(log.of("RetryScheduled")) == len(log.of("TimerCancelled")) == 2
    assert len(log.of("IterationCancelled")) == 3


def test_an_error_of_a_filter_or_a_produced_event_meets_the_handler(bench: Bench) -> None:
    made = [{"name": "Made", "type": "test.made", "kind": "produced"}]
    first = {
        "name": "First", "type": "inject", "data": {"a": {}}, "transition": "Second",
        "stateDataFilter": {"output": ".a + 1"},
        "onErrors": [{"errorRef": "*", "transition": "Second"}],
    }  # fmt: skip
    second = {
        "name": "Second", "type": "inject", "data": {"b": "text"},
        "end": {"produceEvents": [{"eventRef": "Made", "data": ".b - 1"}]},
        "onErrors": [{"errorRef": "*", "transition": "Third"}],
    }  # fmt: skip
    log = bench.run(define(bench, first, second, inject("Third", {"c": 1}), events=made))
    assert log.path == ["First", "Second", "Third"]
    assert log.output == {"a": {}, "b": "text", "c": 1}
    assert [one["error"]["code"] for one in log.data("ErrorCaught")] == ["expression.failed"] * 2
    assert log.of("EventEmitted") == []


def test_a_callback_whose_action_fails_waits_for_nobody(bench: Bench) -> None:
    bench.answers("ask", lambda _: Answer(status=500))
    ask = {
        "name": "Ask", "type": "callback", "action": call("ask"), "eventRef": "Told", "end": True,
        "onErrors": [{"errorRef": "*", "transition": "Sorry"}],
    }  # fmt: skip
    told = [{"name": "Told", "type": "test.told", "source": ""}]
    log = bench.run(define(bench, ask, inject("Sorry", {"sorry": True}), events=told))
    assert log.path == ["Ask", "Sorry"]
    assert log.of("EventAwaited") == []


def test_gathering_that_never_completes_makes_no_execution_and_the_next_one_is_new(
    bench: Bench,
) -> None:
    both = {
        "name": "Both", "type": "event", "exclusive": False, "end": True,
        "onEvents": [{"eventRefs": ["A", "B"]}], "timeouts": {"eventTimeout": "PT1S"},
    }  # fmt: skip
    rule = [{"contextAttributeName": "caseid"}]
    events = [
        {"name": name, "type": f"test.{name.lower()}", "source": "", "correlation": rule}
        for name in "AB"
    ]
    define(bench, both, events=events)
    bench.publish("test.a", {"a": "too early"}, caseid="1")
    bench.publish("test.a", {"a": "no case"})
    later = {"name": "Later", "type": "sleep", "duration": "PT1.5S", "end": True}
    slow = bench.apply(json.dumps({"id": "later", "version": "1", "states": [later]}))
    bench.run(slow)
    bench.publish("test.b", {"b": 1}, caseid="1")
    bench.publish("test.a", {"a": 1}, caseid="1")
    (execution,) = bench.started(1, f"edge-{bench.scope}")
    log = bench.ended(execution)
    assert log.output == {"a": 1, "b": 1}


def test_one_cloudevent_starts_every_workflow_that_wants_it_and_wakes_who_waits(
    bench: Bench,
) -> None:
    events = [{"name": "E", "type": "test.e", "source": ""}]
    wait = {"name": "Wait", "type": "event", "onEvents": [{"eventRefs": ["E"]}], "end": True}
    text = {"version": "1", "specVersion": "0.8", "events": events}
    for number in (1, 2):
        bench.apply(json.dumps({**text, "id": f"starts-{number}", "states": [wait]}))
    begin = {"name": "Begin", "type": "inject", "data": {}, "transition": "Wait"}
    bench.apply(json.dumps({**text, "id": "waits", "states": [begin, wait]}))
    waiting = bench.start("waits")
    bench.waiting(waiting)
    bench.publish("test.e", {"n": 7})
    logs = [bench.ended(one) for one in bench.started(3)]
    assert sorted(log.execution["workflow"] for log in logs) == ["starts-1", "starts-2", "waits"]
    assert [log.output for log in logs] == [{"n": 7}] * 3


def test_a_loop_of_thousands_of_events_ends(bench: Bench) -> None:
    add = {"name": "add", "type": "expression", "operation": "{n: (.n + 1)}"}
    work = {
        "name": "Add",
        "type": "operation",
        "actions": [{"functionRef": "add"}],
        "transition": "Enough",
    }
    enough = {
        "name": "Enough", "type": "switch",
        "dataConditions": [{"condition": ".n >= .max", "end": True}],
        "defaultCondition": {"transition": "Add"},
    }  # fmt: skip
    log = bench.run(define(bench, work, enough, functions=[add]), {"n": 0, "max": 400})
    assert log.output == {"n": 400, "max": 400}
    assert len(log.events) > 2_800
    assert log.of("TimerSet")[0]["data"]["purpose"] == "yield"


def test_numbers_and_names_go_through_untouched(bench: Bench) -> None:
    bench.answers("ask", lambda one: Answer(one.arguments))
    state = {
        "name": "Ask", "type": "operation", "end": True,
        "actions": [{
            **call("ask", big="${ .big }", same="${ .same }"),
            "actionDataFilter": {"toStateData": '.["a b"].c'},
        }],
    }  # fmt: skip
    workflow = define(bench, state)
    body = f'{{"workflow": "{workflow}", "input": {{"big": 12345678901234567890, "same": 1.10}}}}'
    reply = bench.refold.ask(
        "POST", "/executions", body, {"Content-Type": "application/json"}, bench.namespace
    )
    log = bench.ended(reply.json["id"])
    assert log.output["a b"] == {"c": {"big": 12345678901234567890, "same": 1.1}}
    text = bench.ask("GET", f"/executions/{reply.json['id']}").body
    assert b'"output":{"big":12345678901234567890,"same":1.10,' in text


def test_payloads_that_are_no_object_go_where_they_are_put_or_are_an_error(bench: Bench) -> None:
    events = [{"name": "E", "type": "test.e", "source": ""}]
    put = {
        "name": "Put", "type": "event", "end": True,
        "onEvents": [{"eventRefs": ["E"], "eventDataFilter": {"toStateData": ".it"}}],
    }  # fmt: skip
    define(bench, put, events=events)
    merge = {"name": "Merge", "type": "event", "onEvents": [{"eventRefs": ["E"]}], "end": True}
    text = {"id": "merges", "version": "1", "specVersion": "0.8", "events": events}
    bench.apply(json.dumps({**text, "states": [merge]}))
    for data in (5, "text", [1], None):
        bench.publish("test.e", data)
    logs = [bench.ended(one) for one in bench.started(8)]
    puts = [log for log in logs if log.execution["workflow"] != "merges"]
    assert sorted(json.dumps(log.output["it"]) for log in puts) == ['"text"', "5", "[1]", "null"]
    merges = [log for log in logs if log.execution["workflow"] == "merges"]
    assert sorted(log.status for log in merges) == ["completed", "failed", "failed", "failed"]
    assert {log.error["code"] for log in merges if log.error} == {"data.type"}


def test_an_execution_keeps_its_version_when_a_new_one_comes(bench: Bench) -> None:
    def text(version: str) -> str:
        nap = {"name": "Nap", "type": "sleep", "duration": "PT1S", "transition": "Say"}
        say = inject("Say", {"said": version})
        return json.dumps({"id": "versions", "version": version, "states": [nap, say]})

    bench.apply(text("1"))
    old = bench.start("versions")
    bench.apply(text("2"))
    new = bench.start("versions")
    again = bench.start("versions", version="1")
    assert [bench.ended(one).output["said"] for one in (old, new, again)] == ["1", "2", "1"]


def test_a_cancelled_execution_closes_what_is_open(bench: Bench) -> None:
    bench.answers("ask", lambda _: Answer({"late": 1}, delay_s=3.0))
    both = {
        "name": "Both", "type": "operation", "actionMode": "parallel", "end": True,
        "actions": [call("ask"), {**call("ask"), "sleep": {"before": "PT1H"}}],
    }  # fmt: skip
    execution = bench.start(define(bench, both))
    bench.when(execution, lambda log: len(log.of("TimerSet")) == 1)
    reply = bench.ask("POST", f"/executions/{execution}/cancel", {"reason": "no more"})
    assert reply.status < 300, reply.body
    log = bench.ended(execution)
    assert (log.status, log.output) == ("cancelled", None)
    (cancelled,) = log.data("ExecutionCancelled")
    assert cancelled["asked"]["reason"] == "no more"
    assert len(log.of("ActionCancelled")) == len(log.of("TimerCancelled")) == 1


def test_shared_definitions_come_from_documents(bench: Bench) -> None:
    bench.answers("ask", lambda _: Answer({"n": 1}, status=503))
    documents = {
        "stub.json": bench.stub.document(bench.scope, ["ask"]),
        "functions.yaml": json.dumps({"functions": [ASK]}),
        "errors.json": json.dumps({"errors": [{"name": "away", "code": "5xx"}]}),
        "constants.json": json.dumps({"constants": {"word": "away"}}),
    }
    state = {
        "name": "Ask", "type": "operation", "actions": [call("ask", word="${ $CONST.word }")],
        "onErrors": [{"errorRef": "away", "transition": "Sorry"}], "end": True,
    }  # fmt: skip
    text = {
        "id": "shared", "version": "1", "specVersion": "0.8", "functions": "functions.yaml",
        "errors": "errors.json", "constants": "constants.json",
        "states": [state, inject("Sorry", {"sorry": 1})],
    }  # fmt: skip
    bench.apply(json.dumps(text), documents, media="application/json")
    assert bench.run("shared").output == {"sorry": 1}
    assert bench.calls("ask") == [{"word": "away"}]


def test_functions_that_hang_break_or_may_not_be_called_are_errors_of_their_action(
    bench: Bench,
) -> None:
    names = ["hang", "unknown", "strange", "gone", "refused"]
    targets = ["featured:hang", "featured:no_such", "featured:strange", "no_such:f", "os:getcwd"]
    functions = [
        {"name": name, "type": "custom", "operation": f"python:{target}"}
        for name, target in zip(names, targets, strict=True)
    ]
    states = [
        {
            "name": name, "type": "operation", "actions": [call(name)],
            "timeouts": {"actionExecTimeout": "PT1S" if name == "hang" else "PT30S"},
            "onErrors": [{"errorRef": "*", "transition": following}], "end": True,
        }
        for name, following in zip(names, [*names[1:], "Done"], strict=True)
    ]  # fmt: skip
    workflow = define(bench, *states, inject("Done", {"done": True}), functions=functions)
    executions = [bench.start(workflow) for _ in range(3)]
    for log in map(bench.ended, executions):
        assert (log.path, log.output) == ([*names, "Done"], {"done": True})
        assert [one["error"]["code"] for one in log.data("ErrorCaught")] == [
            "timeout", "function.unknown", "python.result_not_json", "function.unknown",
            "function.refused",
        ]  # fmt: skip


def test_a_call_that_timed_out_is_tried_again(bench: Bench) -> None:
    bench.answers("ask", lambda one: Answer({"n": one.number}, delay_s=4 if one.number < 3 else 0))
    state = {
        "name": "Ask", "type": "operation", "timeouts": {"actionExecTimeout": "PT0.5S"},
        "actions": [{**call("ask"), "retryRef": "again", "retryableErrors": ["late"]}], "end": True,
    }  # fmt: skip
    log = bench.run(define(
        bench, state, errors=[{"name": "late", "code": "timeout"}],
        retries=[{"name": "again", "delay": "PT0S", "maxAttempts": 2}],
    ))  # fmt: skip
    assert log.output == {"n": 3}
    assert [one["error"]["code"] for one in log.data("ActionFailed")] == ["timeout"] * 2


def test_cloudevents_are_produced_by_conditions_and_handlers(bench: Bench) -> None:
    bench.answers("ask", lambda _: Answer(status=500))
    events = [{"name": "Made", "type": "test.made", "kind": "produced"}]

    def made(data: str) -> list[dict[str, Any]]:
        return [{"eventRef": "Made", "data": data}]

    judge = {
        "name": "Judge", "type": "switch",
        "dataConditions": [{
            "condition": ".n > 1",
            "transition": {"nextState": "Ask", "produceEvents": made("{n: .n}")},
        }],
        "defaultCondition": {"end": {"produceEvents": made('"default"')}},
    }  # fmt: skip
    ask = {
        "name": "Ask", "type": "operation", "actions": [call("ask")], "end": True,
        "onErrors": [{"errorRef": "*", "end": {"produceEvents": made("[.n]")}}],
    }  # fmt: skip
    workflow = define(bench, judge, ask, events=events)
    data = [[one["data"] for one in bench.run(workflow, {"n": n}).emitted] for n in (2, 1)]
    assert data == [[{"n": 2}, [2]], ["default"]]
