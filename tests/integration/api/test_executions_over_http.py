"""POST and GET /executions: idempotent starts, results, the list, the end."""

import json
import uuid

import pytest

from tests.integration.conftest import GREET, NAP


def test_a_start_is_created_with_its_place(refold, greet):
    reply = refold.ask("POST", "/executions", {"workflow": greet, "input": {"a": 1}})
    assert reply.status == 201
    assert reply.headers["location"] == f"/v1/namespaces/default/executions/{reply.json['id']}"
    assert reply.json["workflow"] == greet
    assert reply.json["id"].startswith("ex_")


def test_prefer_wait_answers_with_the_result(refold, greet):
    found = refold.start(greet, wait_s=20, input={"a": 1})
    assert found["status"] == "completed"
    assert found["output"] == {"a": 1, "greeting": "hello"}
    assert found["closed_at"].endswith("Z")


def test_numbers_keep_their_text_from_input_to_output(refold, greet):
    body = f'{{"workflow": "{greet}", "input": {{"big": 12345678901234567890, "price": 1.10}}}}'
    headers = {"Content-Type": "application/json", "Prefer": "wait=20"}
    reply = refold.ask("POST", "/executions", body, headers)
    assert b'"output":{"big":12345678901234567890,"price":1.10,' in reply.body


@pytest.mark.parametrize("how", ["key", "name"])
def test_the_same_key_or_name_is_the_same_execution(refold, greet, how):
    text = uuid.uuid4().hex
    headers = {"Idempotency-Key": text} if how == "key" else {}
    body = {"workflow": greet, "input": 1} | ({"name": text} if how == "name" else {})
    first = refold.ask("POST", "/executions", body, headers)
    again = refold.ask("POST", "/executions", body, headers)
    assert (first.status, again.status) == (201, 200)
    assert again.headers["idempotency-replayed"] == "true"
    assert "idempotency-replayed" not in first.headers
    assert first.json["id"] == again.json["id"]


def test_another_body_with_the_same_key_is_unprocessable(refold, greet):
    headers = {"Idempotency-Key": uuid.uuid4().hex}
    refold.ask("POST", "/executions", {"workflow": greet, "input": 1}, headers)
    reply = refold.ask("POST", "/executions", {"workflow": greet, "input": 2}, headers)
    assert reply.status == 422
    assert reply.json["code"] == "idempotency.mismatch"


def test_an_unknown_workflow_is_not_found(refold):
    reply = refold.ask("POST", "/executions", {"workflow": "nobody-applied-this"})
    assert (reply.status, reply.json["code"]) == (404, "not_found")


def test_an_execution_shows_as_running_before_and_after_an_engine_takes_it(refold):
    nap = refold.apply(NAP.replace("{duration}", "PT1H"))
    started = refold.start(nap)
    assert started["status"] == "running"
    found = refold.ask("GET", f"/executions/{started['id']}").json
    assert found["status"] in ("running", "waiting")


def test_cancel_ends_it_and_keeps_the_reason(refold, eventually):
    nap = refold.apply(NAP.replace("{duration}", "PT1H"))
    execution = refold.start(nap)["id"]
    reply = refold.ask("POST", f"/executions/{execution}/cancel", {"reason": "no longer wanted"})
    assert reply.status == 202
    path = f"/executions/{execution}"
    eventually(lambda: refold.ask("GET", path).json["status"] == "cancelled")
    last = refold.ask("GET", f"{path}/events").json["items"][-1]
    assert (last["type"], last["version"]) == ("ExecutionCancelled", 2)
    assert last["data"]["asked"]["reason"] == "no longer wanted"
    assert last["data"]["asked"]["origin"].startswith("127.0.0.1")
    again = refold.ask("POST", f"{path}/cancel")
    assert (again.status, again.json["code"]) == (409, "execution.closed")


def test_the_list_filters_and_pages_without_losing_or_doubling(refold, eventually):
    workflow = refold.apply(GREET)
    ids = {refold.start(workflow, wait_s=20)["id"] for _ in range(5)}
    path = f"/executions?workflow={workflow}&status=completed&limit=2"
    listed = f"/executions?workflow={workflow}&status=completed"
    eventually(lambda: len(refold.ask("GET", listed).json["items"]) == 5)
    seen, cursor = [], None
    while True:
        page = refold.ask("GET", path + (f"&cursor={cursor}" if cursor else "")).json
        seen += [one["id"] for one in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == 5
    assert set(seen) == ids
    assert seen == sorted(seen, reverse=True)


def test_the_list_filters_by_time(refold, greet, eventually):
    execution = refold.start(greet, wait_s=20)
    later = f"/executions?workflow={greet}&started_after=2999-01-01T00:00:00Z"
    assert refold.ask("GET", later).json["items"] == []
    since = f"/executions?workflow={greet}&started_after={execution['started_at']}"
    eventually(
        lambda: execution["id"] in {one["id"] for one in refold.ask("GET", since).json["items"]}
    )


def test_another_namespace_does_not_see_it(refold, greet):
    execution = refold.start(greet, wait_s=20)["id"]
    for path in ("", "/events", "/state", "/verify", "/replay"):
        reply = refold.ask("GET", f"/executions/{execution}{path}", namespace="other")
        assert reply.status == 404, path
    reply = refold.ask("POST", f"/executions/{execution}/cancel", namespace="other")
    assert reply.status == 404
    assert refold.ask("GET", "/executions", namespace="other").json["items"] == []


def test_the_actor_of_an_open_server_is_anonymous(refold, greet):
    execution = refold.start(greet, wait_s=20)["id"]
    first = refold.ask("GET", f"/executions/{execution}/events").json["items"][0]
    assert first["actor"] == "anonymous"


def test_the_trace_context_of_the_caller_is_in_the_log(refold, greet):
    trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    headers = {"traceparent": trace, "Prefer": "wait=20"}
    reply = refold.ask("POST", "/executions", {"workflow": greet}, headers)
    first = refold.ask("GET", f"/executions/{reply.json['id']}/events").json["items"][0]
    assert first["traceparent"] == trace


def test_the_request_body_is_checked_with_pointers(refold):
    reply = refold.ask("POST", "/executions", {"workflow": 7, "wrong": json.loads("null")})
    assert reply.status == 400
    assert {one["pointer"] for one in reply.json["errors"]} == {"/workflow", "/wrong"}
