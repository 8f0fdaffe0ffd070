"""GET /executions/{id}/why: every reason why an execution does not move, with what unblocks it."""

import asyncio
import json
import shlex
import socket

import nats
import pytest

ORDER = """
id: {id}
version: "1.0"
specVersion: "0.8"
name: Order
start: Take
events:
  - name: paid
    type: {id}.paid
    source: /shop/+
    correlation:
      - {contextAttributeName: orderid, contextAttributeValue: "${ .order }"}
states:
  - {name: Take, type: inject, data: {}, transition: Await payment}
  - name: Await payment
    type: event
    onEvents:
      - eventRefs: [paid]
    timeouts: {eventTimeout: PT1H}
    end: true
"""
BOTH = """
id: {id}
version: "1.0"
specVersion: "0.8"
name: Both
start: Take
events:
  - {name: one, type: {id}.one}
  - {name: two, type: {id}.two}
states:
  - {name: Take, type: inject, data: {}, transition: Await both}
  - name: Await both
    type: event
    exclusive: false
    onEvents:
      - eventRefs: [one, two]
    end: true
"""
ASK = """
id: {id}
version: "1.0"
specVersion: "0.8"
name: Ask
start: Ask
functions:
  - {name: note, type: expression, operation: "${ {asked: true} }"}
events:
  - {name: answer, type: {id}.answered, source: person}
states:
  - name: Ask
    type: callback
    action: {functionRef: note}
    eventRef: answer
    end: true
"""
BRANCHES = """
id: {id}
version: "1.0"
specVersion: "0.8"
name: Branches
start: Split
retries:
  - {name: again, delay: PT1H, maxAttempts: 3}
functions:
  - {name: absent, type: custom, operation: "python:nobody.has:it"}
  - {name: refused, type: custom, operation: "rest:GET:http://127.0.0.1:9/x"}
  - {name: note, type: expression, operation: "${ {done: true} }"}
states:
  - name: Split
    type: parallel
    branches:
      - name: Broken
        actions: [{name: fetch, functionRef: refused, retryRef: again}]
      - name: Late
        actions: [{name: later, functionRef: note, sleep: {before: PT2H}}]
      - name: Quick
        actions: [{name: now, functionRef: note}]
    end: true
"""
EACH = """
id: {id}
version: "1.0"
specVersion: "0.8"
name: Each
start: Loop
functions:
  - {name: note, type: expression, operation: "${ {done: true} }"}
states:
  - name: Loop
    type: foreach
    mode: sequential
    inputCollection: "${ .items }"
    iterationParam: item
    actions: [{name: later, functionRef: note, sleep: {before: PT2H}}]
    end: true
"""
NAP = """
id: {id}
version: "1.0"
specVersion: "0.8"
name: Nap
start: Nap
states:
  - {name: Nap, type: sleep, duration: PT1H, end: true}
"""
BROKEN = """
id: {id}
version: "1.0"
specVersion: "0.8"
name: Broken
start: Call
functions:
  - {name: refused, type: custom, operation: "rest:GET:http://127.0.0.1:9/x"}
states:
  - {name: Call, type: operation, actions: [{name: fetch, functionRef: refused}], end: true}
"""
STRUCTURED = {"Content-Type": "application/cloudevents+json"}


@pytest.fixture
def why(refold, eventually):
    """The answer, once the execution has a reason of this kind."""

    def ask(execution, kind):
        def found():
            answer = refold.ask("GET", f"/executions/{execution}/why").json
            return answer if any(one["kind"] == kind for one in answer["reasons"]) else None

        return eventually(found)

    return ask


def publish(refold, kind, source="/shop/eu", ident="1", **extensions):
    event = {"specversion": "1.0", "id": ident, "source": source, "type": kind, **extensions}
    reply = refold.ask("POST", "/events", json.dumps(event), STRUCTURED)
    assert reply.status == 202, reply.body
    return reply.json["receipts"][0]["position"]


def reason_of(answer, kind):
    return next(one for one in answer["reasons"] if one["kind"] == kind)


def test_a_wait_tells_what_it_wants_what_came_near_and_the_command_that_ends_it(
    refold, why, eventually
):
    workflow = refold.apply(ORDER)
    early = publish(refold, f"{workflow}.paid", ident="early", orderid="42")
    execution = refold.start(workflow, input={"order": "42"})["id"]
    why(execution, "event")
    misspelt = publish(refold, f"{workflow}.payed", ident="misspelt", orderid="42")
    elsewhere = publish(refold, f"{workflow}.paid", "/store", "elsewhere", orderid="42")
    other = publish(refold, f"{workflow}.paid", ident="other", orderid="43")
    bare = publish(refold, f"{workflow}.paid", ident="bare")
    answer = why(execution, "event")
    (reason,) = answer["reasons"]
    (wanted,) = reason["events"]
    assert answer["status"] == "waiting"
    assert (reason["state"], reason["place"]) == ("Await payment", "state Await payment")
    assert (wanted["type"], wanted["source"]) == (f"{workflow}.paid", "/shop/+")
    assert wanted["correlation"] == [{"name": "orderid", "wanted": "42"}]
    assert wanted["after"] >= early
    assert {one["position"]: one["text"].split(" (")[0] for one in wanted["near"]} == {
        misspelt: f"type is '{workflow}.payed', wanted '{workflow}.paid'",
        elsewhere: "source is '/store', wanted '/shop/+'",
        other: "attribute 'orderid' is '43', wanted '42'",
        bare: "attribute 'orderid' is missing",
        early: f"position is {early}, wanted above {wanted['after']}",
    }
    assert wanted["near"][0]["position"] == misspelt
    assert wanted["near"][0]["failed"] == {
        "kind": "type",
        "name": None,
        "wanted": f"{workflow}.paid",
        "given": f"{workflow}.payed",
    }
    assert f"type is '{workflow}.payed', wanted '{workflow}.paid'" in answer["summary"]
    assert reason["deadline"]["then"] == "the state goes on without it and without its actions"
    assert 0 < reason["deadline"]["remaining_ms"] <= 3_600_000

    program, *arguments = shlex.split(wanted["publish"])
    assert program == "refold"
    assert refold.cli(*arguments).status == 0
    ended = eventually(lambda: refold.ask("GET", f"/executions/{execution}").json["closed_at"])
    assert ended


def test_an_all_wait_tells_what_it_has_and_what_it_lacks(refold, why, eventually):
    workflow = refold.apply(BOTH)
    execution = refold.start(workflow)["id"]
    why(execution, "event")
    publish(refold, f"{workflow}.two", ident=workflow)

    def half():
        reason = reason_of(why(execution, "event"), "event")
        return reason if any(one["received"] for one in reason["events"]) else None

    reason = eventually(half)
    assert reason["mode"] == "all"
    assert {one["ref"]: one["received"] for one in reason["events"]} == {"one": False, "two": True}
    assert f"1 CloudEvent (it has 1 of 2): of type {workflow}.one" in reason["text"]


def test_a_type_that_was_sent_as_no_cloudevent_is_found_among_the_dead_letters(
    refold, why, eventually
):
    workflow = refold.apply(BOTH)
    execution = refold.start(workflow)["id"]
    why(execution, "event")

    async def send():
        client = await nats.connect(refold.nats)
        body = json.dumps({"specversion": "1.0", "type": f"{workflow}.one"}).encode()
        headers = {"Content-Type": "application/cloudevents+json"}
        await client.jetstream().publish("cloudevents.in.default.x", body, headers=headers)
        await client.close()

    asyncio.run(send())
    message = eventually(
        lambda: reason_of(why(execution, "event"), "event")["events"][0]["refused"]
    )[0]
    assert message["code"].startswith("cloudevent.")
    text = reason_of(why(execution, "event"), "event")["text"]
    assert f"dead letter {message['dead_letter']}" in text


def test_a_callback_tells_its_token_and_the_lines_that_answer_it(refold, why):
    execution = refold.start(refold.apply(ASK))["id"]
    reason = reason_of(why(execution, "callback"), "callback")
    token = reason["callback"]["token"]
    assert token in reason["callback"]["curl"]
    assert f"{refold.url}/v1/namespaces/default/callbacks/{token}" in reason["callback"]["curl"]
    _, *arguments = shlex.split(reason["callback"]["command"])
    assert refold.cli(*arguments).status == 0
    closed = why(execution, "closed")
    assert closed["status"] == "completed"
    assert "It completed" in closed["summary"]


def test_branches_tell_their_retries_timers_and_the_join_that_waits_for_them(refold, why):
    execution = refold.start(refold.apply(BRANCHES))["id"]
    answer = why(execution, "retry")
    assert {one["kind"] for one in answer["reasons"]} == {"retry", "timer", "join"}
    retry = reason_of(answer, "retry")
    assert retry["place"] == "state Split, branch Broken"
    assert retry["action"]["attempt"] == 2
    assert retry["error"]["code"] == "connection"
    assert "127.0.0.1:9" in retry["error"]["message"]
    assert "attempt 2" in retry["text"]
    assert retry["error"]["message"] in retry["text"]
    timer = reason_of(answer, "timer")
    assert timer["place"] == "state Split, branch Late"
    assert "sleeps before action later" in timer["text"]
    assert 0 < timer["deadline"]["remaining_ms"] <= 7_200_000
    join = reason_of(answer, "join")["join"]
    assert join == {
        "of": "branches",
        "total": 3,
        "needed": 3,
        "started": 3,
        "completed": 1,
        "open": ["Broken", "Late"],
    }


def test_iterations_tell_how_many_are_through(refold, why):
    execution = refold.start(refold.apply(EACH), input={"items": [1, 2, 3]})["id"]
    answer = why(execution, "join")
    reason = reason_of(answer, "join")
    assert reason["join"]["of"] == "iterations"
    assert (reason["join"]["completed"], reason["join"]["total"]) == (0, 3)
    assert reason["join"]["open"] == ["iteration 1"]
    assert "2 iterations not begun" in reason["text"]
    assert reason_of(answer, "timer")["place"] == "state Loop, iteration 1 of 3"


def test_a_sleep_and_a_cancel_tell_who_and_when(refold, why):
    execution = refold.start(refold.apply(NAP))["id"]
    timer = reason_of(why(execution, "timer"), "timer")
    assert timer["text"].startswith("State Nap sleeps; due in ")
    assert timer["deadline"]["purpose"] == "sleep"
    refold.ask("POST", f"/executions/{execution}/cancel", {"reason": "not needed"})
    closed = why(execution, "closed")
    assert closed["status"] == "cancelled"
    assert "by anonymous, saying 'not needed'" in closed["summary"]


def test_a_failure_tells_its_error_its_place_and_how_to_try_again(refold, why):
    execution = refold.start(refold.apply(BROKEN))["id"]
    answer = why(execution, "closed")
    reason = reason_of(answer, "closed")
    assert (reason["error"]["state"], reason["error"]["action"]) == ("Call", "fetch")
    assert "in state Call, action fetch: connection: " in reason["text"]
    assert f"refold exec redrive {execution}" in reason["unblock"][0]


def test_a_call_that_is_not_answered_tells_where_it_goes_and_until_when(refold, why):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        execution = refold.start(refold.apply(BROKEN.replace(":9/", f":{port}/")))["id"]
        answer = why(execution, "action")
        reason = reason_of(answer, "action")
        assert answer["status"] == "running"
        assert (reason["place"], reason["action"]["attempt"]) == ("state Call", 1)
        assert reason["action"]["operation"] == f"GET:http://127.0.0.1:{port}/x"
        assert reason["action"]["timeout_at"] > reason["since"]
        assert f"calls http GET:http://127.0.0.1:{port}/x (attempt 1)" in reason["text"]
        refold.ask("POST", f"/executions/{execution}/cancel", {"reason": "over"})
        why(execution, "closed")


def test_a_held_execution_tells_who_holds_it_and_what_lets_it_go(refold, why):
    execution = refold.start(refold.apply(NAP))["id"]
    why(execution, "timer")
    assert refold.cli("exec", "pause", execution, "--reason", "look first").status == 0
    answer = why(execution, "suspended")
    first, second = answer["reasons"]
    assert (answer["status"], second["kind"]) == ("suspended", "timer")
    assert (first["hold"]["actor"], first["hold"]["words"]) == ("anonymous", "look first")
    assert "paused by anonymous, saying 'look first'" in answer["summary"]
    _, *arguments = shlex.split(first["unblock"][0])
    assert refold.cli(*arguments).status == 0
    going_on = refold.ask("GET", f"/executions/{execution}/why").json
    assert [one["kind"] for one in going_on["reasons"]] == ["timer"]


def test_what_does_not_exist_is_not_found(refold, greet):
    for path, code in (
        ("/executions/ex_00000000000000000000000000/why", "not_found"),
        ("/executions/ex_0/why", "id.malformed"),
    ):
        reply = refold.ask("GET", path)
        assert (reply.status, reply.json["code"]) == (404, code)
    execution = refold.start(greet, wait_s=20)["id"]
    elsewhere = refold.ask("GET", f"/executions/{execution}/why", namespace="other")
    assert elsewhere.status == 404


def test_the_command_prints_a_paragraph_then_the_details(refold, why):
    workflow = refold.apply(ORDER)
    execution = refold.start(workflow, input={"order": "7"})["id"]
    why(execution, "event")
    publish(refold, f"{workflow}.payed", ident=execution, orderid="7")
    shown = refold.cli("exec", "why", execution)
    text = shown.body.decode()
    assert shown.status == 0
    assert text.startswith(f"{execution} ({workflow} 1.0) is waiting.")
    assert f"type is '{workflow}.payed', wanted '{workflow}.paid'" in text
    assert "unblock" in text
    assert refold.cli("exec", "why", execution, "-o", "ids").body.decode().strip() == execution
    full = json.loads(refold.cli("exec", "why", execution, "-o", "json").body)
    assert full["reasons"][0]["kind"] == "event"
    assert refold.cli("exec", "why", "ex_00000000000000000000000000").status == 3
