"""Nothing to do, much data, strange names: what must end well, or with the error that fits."""

import json
from typing import Any
from urllib.parse import quote

import pytest

from tests.spec.bench import Bench
from tests.spec.stub import Answer
from tests.spec.test_edges import call, define, inject

MEGABYTE = 1024 * 1024


@pytest.mark.parametrize(
    "state",
    [
        {"type": "operation", "actions": []},
        {"type": "operation", "actionMode": "parallel", "actions": []},
        {"type": "parallel", "branches": [{"name": "a", "actions": []}]},
        {
            "type": "parallel", "completionType": "atLeast", "numCompleted": 1,
            "branches": [{"name": "a", "actions": []}, {"name": "b", "actions": []}],
        },
        {"type": "foreach", "inputCollection": ".list", "actions": []},
        {"type": "foreach", "inputCollection": ".list", "actions": [], "mode": "sequential"},
        {"type": "sleep", "duration": "PT0S"},
        {"type": "inject", "data": {}},
        {"type": "switch", "dataConditions": [{"condition": "true", "end": True}]},
    ],
    ids=lambda state: f"{state['type']} {list(state)[1:]}",
)  # fmt: skip
def test_a_state_with_nothing_to_do_is_done(bench: Bench, state: dict[str, Any]) -> None:
    ends = {} if state["type"] == "switch" else {"end": True}
    log = bench.run(define(bench, {"name": "Idle", **state, **ends}), {"list": [1, 2, 3]})
    assert (log.status, log.output) == ("completed", {"list": [1, 2, 3]})


def test_data_near_the_limit_passes_and_beyond_it_is_an_error(bench: Bench) -> None:
    bench.answers("ask", lambda one: Answer({one.arguments["as"]: one.arguments["text"]}))
    state = {
        "name": "Ask", "type": "operation", "end": True,
        "actions": [
            call("ask", **{"as": "first", "text": "${ .text }"}),
            call("ask", **{"as": "second", "text": "${ .text }"}),
        ],
    }  # fmt: skip
    workflow = define(bench, state)
    text = "x" * (MEGABYTE // 3 - 1000)
    log = bench.run(workflow, {"text": text})
    assert log.status == "completed", log.error
    assert {key: len(value) for key, value in log.output.items()} == dict.fromkeys(
        ("text", "first", "second"), len(text)
    )
    beyond = bench.run(workflow, {"text": text + "y" * 4000})
    assert (beyond.status, beyond.error["code"]) == ("failed", "data.too_large")


@pytest.mark.parametrize("name", ["double", "ask"])
def test_large_arguments_reach_functions_and_services(bench: Bench, name: str) -> None:
    bench.answers("ask", lambda one: Answer({"n": len(one.arguments["text"])}))
    functions = [
        {"name": "ask", "type": "rest", "operation": "stub.json#ask"},
        {"name": "double", "type": "custom", "operation": "python:featured:measure"},
    ]
    state = {
        "name": "Ask", "type": "operation", "end": True,
        "actions": [{**call(name, text="${ .text }"), "actionDataFilter": {"toStateData": ".r"}}],
    }  # fmt: skip
    log = bench.run(define(bench, state, functions=functions), {"text": "x" * 1_000_000})
    assert log.status == "completed", log.error
    assert log.output["r"] == {"n": 1_000_000}


def test_strange_names_and_texts_survive(bench: Bench, listening: Any) -> None:
    strange = 'größe "✓" 🎈 \\ %2F $x #1'
    made = [{"name": strange, "type": "made.* >ü", "kind": "produced", "source": "/a%20b"}]
    first = {
        "name": strange, "type": "inject", "data": {strange: strange}, "transition": "Then",
    }  # fmt: skip
    then = {
        "name": "Then", "type": "inject", "data": {"": None},
        "end": {"produceEvents": [{"eventRef": strange, "data": "${ . }"}]},
    }  # fmt: skip
    ident = "wf ü%41+✓"
    text = {"id": ident, "version": "1 ä", "specVersion": "0.8", "events": made}
    bench.apply(json.dumps({**text, "states": [first, then]}), media="application/json")
    with listening(f"cloudevents.out.{bench.namespace}.>") as received:
        log = bench.run(ident)
        message = received.next()
    assert log.path == [strange, "Then"]
    assert log.output == {strange: strange, "": None}
    assert json.loads(message.data)["type"] == "made.* >ü"
    shown = bench.ask("GET", f"/definitions/{quote(ident, safe='')}/{quote('1 ä', safe='')}")
    assert shown.json["workflow"] == ident
    path = f"/executions?workflow={quote(ident, safe='')}"
    bench.until(lambda: bench.ask("GET", path).json["items"], bool)
    graph = bench.ask("GET", f"/definitions/{quote(ident, safe='')}/graph")
    assert graph.status == 200


def test_an_input_that_is_no_object_is_data_but_nothing_merges_into_it(bench: Bench) -> None:
    state = {
        "name": "S", "type": "operation", "actions": [], "end": True,
        "stateDataFilter": {"output": "{was: .}"},
    }  # fmt: skip
    workflow = define(bench, state)
    for given in ([1, 2], "text", 5, False):
        assert bench.run(workflow, given).output == {"was": given}
    merge = bench.apply(json.dumps({"id": "m", "version": "1", "states": [inject("I", {"a": 1})]}))
    log = bench.run(merge, [1])
    assert (log.status, log.error["code"]) == ("failed", "data.type")


def test_many_cloudevents_at_once_start_as_many_executions(bench: Bench) -> None:
    events = [{"name": "E", "type": "test.many", "source": ""}]
    state = {
        "name": "S", "type": "event", "end": True,
        "onEvents": [{"eventRefs": ["E"], "actions": [call("measure", text="${ .t }")]}],
    }  # fmt: skip
    functions = [{"name": "measure", "type": "custom", "operation": "python:featured:measure"}]
    define(bench, state, events=events, functions=functions)
    batch = [
        {
            "specversion": "1.0",
            "id": str(n),
            "source": "/s",
            "type": "test.many",
            "data": {"t": "x" * n},
        }
        for n in range(50)
    ]
    reply = bench.refold.ask(
        "POST", "/events", json.dumps(batch),
        {"Content-Type": "application/cloudevents-batch+json"}, bench.namespace,
    )  # fmt: skip
    assert reply.status == 202, reply.body
    logs = [bench.ended(one) for one in bench.started(50)]
    assert sorted(log.output["n"] for log in logs) == list(range(50))
