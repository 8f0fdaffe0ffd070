"""Forks over HTTP: a new execution from any event of another one, with what was edited."""

import json
import uuid

import pytest

from tests.integration.conftest import NAP

PRICED = """
id: {id}
version: "1"
specVersion: "0.8"
start: Price
functions:
  - {{name: sum, type: expression, operation: "{{total: (.price * .quantity)}}"}}
  - {{name: pay, type: custom, operation: "rest:POST:http://127.0.0.1:9/never"}}
states:
  - {{name: Price, type: inject, data: {{price: 10.50}}, transition: Sum}}
  - name: Sum
    type: operation
    transition: {third}
    actions: [{{name: add, functionRef: {{refName: sum}}}}]
{rest}
"""
PAY = """
  - name: Pay
    type: operation
    actions: [{{name: pay, functionRef: {{refName: pay}}}}]
    end: true
"""
DONE = """
  - name: Done
    type: inject
    data: {{done: true}}
    end: true
"""


def definition(name, third, rest):
    return PRICED.format(id=name, third=third, rest=rest.format())


def apply(refold, text):
    answer = refold.ask("POST", "/definitions", text, {"Content-Type": "application/yaml"})
    assert answer.status in (200, 201), answer.json


@pytest.fixture(scope="module")
def priced(refold):
    """An execution that has ended, and its workflow."""
    name = f"priced-{uuid.uuid4().hex[:8]}"
    apply(refold, definition(name, "Done", DONE))
    ident = refold.start(name, wait_s=20, input={"quantity": 2})["id"]
    return name, ident


def events(refold, ident):
    return refold.ask("GET", f"/executions/{ident}/events?limit=1000").json["items"]


def fork(refold, ident, wait_s=20, **members):
    headers = {"Content-Type": "application/json"}
    if wait_s:
        headers["Prefer"] = f"wait={wait_s}"
    return refold.ask("POST", f"/executions/{ident}/fork", json.dumps(members), headers)


def seq_of(refold, ident, kind, name=""):
    return next(
        one["seq"] for one in events(refold, ident)
        if one["type"] == kind and (not name or one["name"] == name)
    )  # fmt: skip


def test_a_fork_of_an_ended_execution_copies_its_beginning_and_goes_on_with_edited_data(
    refold, priced
):
    _, ident = priced
    at = seq_of(refold, ident, "VariablesAssigned", "Price")
    answer = fork(
        refold, ident, at=at, patch_data=[{"op": "replace", "path": "/price", "value": 3}]
    )
    assert answer.status == 201, answer.json
    made = answer.json["execution"]
    assert answer.json["at"] == at
    found = refold.ask("GET", f"/executions/{made}").json
    assert found["status"] == "completed"
    assert found["output"] == {"quantity": 2, "price": 3, "total": 6, "done": True}
    ours, theirs = events(refold, made), events(refold, ident)
    same = ("seq", "type", "version", "at", "actor", "causation", "frame", "node", "name", "data")
    for one, other in zip(ours[:at], theirs[:at], strict=True):
        assert {key: one[key] for key in same} == {key: other[key] for key in same}
    assert ours[at]["type"] == "ExecutionForked"
    assert ours[at]["data"]["source"] == ident
    noted = theirs[-1]
    assert (noted["type"], noted["data"]["fork"], noted["data"]["at"]) == ("ForkTaken", made, at)
    for one in (made, ident):
        assert refold.ask("GET", f"/executions/{one}/verify").json["intact"]
        assert refold.ask("GET", f"/executions/{one}/replay").json["equal"]
    assert refold.ask("GET", f"/executions/{ident}").json["status"] == "completed"
    assert refold.ask("POST", f"/executions/{ident}/cancel").json["code"] == "execution.closed"


def test_at_zero_with_an_edited_input_it_begins_anew(refold, priced):
    _, ident = priced
    patch = [{"op": "replace", "path": "/quantity", "value": 4}]
    answer = fork(refold, ident, patch_input=patch)
    assert (answer.status, answer.json["at"]) == (201, 0)
    found = refold.ask("GET", f"/executions/{answer.json['execution']}").json
    assert (found["input"], found["output"]["total"]) == ({"quantity": 4}, 42)
    types = [one["type"] for one in events(refold, found["id"])]
    assert types[:2] == ["ExecutionStarted", "ExecutionForked"]


def test_another_version_goes_on_where_it_has_what_is_open(refold, priced):
    name, ident = priced
    changed = definition(name, "Done", DONE.replace("done: true", "done: twice"))
    apply(refold, changed.replace('version: "1"', 'version: "2"'))
    at = seq_of(refold, ident, "StateEntered", "Sum")
    answer = fork(refold, ident, at=at, version="2")
    assert answer.json["version"] == "2"
    found = refold.ask("GET", f"/executions/{answer.json['execution']}").json
    assert (found["version"], found["output"]["done"]) == ("2", "twice")
    moved = changed.replace('version: "1"', 'version: "3"').replace("name: Sum", "name: Total")
    apply(refold, moved.replace("transition: Sum", "transition: Total"))
    answer = fork(refold, ident, at=at, version="3")
    assert (answer.status, answer.json["code"]) == (409, "fork.incompatible")
    assert "'Sum' (/states/1)" in answer.json["detail"]
    assert answer.json["errors"][0]["pointer"] == "/version"


def test_one_key_gives_one_fork_and_another_request_is_refused(refold, priced):
    _, ident = priced
    headers = {"Content-Type": "application/json", "Idempotency-Key": uuid.uuid4().hex}
    path = f"/executions/{ident}/fork"
    first, again = (refold.ask("POST", path, '{"at": 1}', headers) for _ in range(2))
    assert (first.status, again.status) == (201, 200)
    assert first.json["execution"] == again.json["execution"]
    assert again.json["replayed"]
    other = refold.ask("POST", path, '{"at": 2}', headers)
    assert other.json["code"] == "idempotency.mismatch"


REFUSED = [
    ({}, 422, "fork.invalid", "/at"),
    ({"at": 999}, 404, "not_found", None),
    ({"at": "last"}, 409, "fork.not_here", "/at"),
    ({"at": 2, "patch_input": []}, 422, "fork.invalid", "/at"),
    ({"at": 2, "patch_data": [{"op": "jump"}]}, 422, "patch.malformed", "/patch_data/0"),
    ({"at": 0, "patch_data": []}, 422, "fork.invalid", "/patch_data"),
    ({"at": 2, "patch_data": [], "frame": 99}, 422, "fork.invalid", "/frame"),
    ({"at": 2, "actions": {"fly": "mock"}}, 422, "fork.invalid", "/actions"),
    ({"at": 2, "actions": {"add": "mock"}}, 422, "fork.invalid", "/mocks"),
    ({"at": 2, "mocks": {"fly": [{"result": 1}]}}, 422, "fork.invalid", "/mocks"),
    ({"at": 2, "patch_events": {"999999": []}}, 409, "fork.not_here", "/patch_events"),
    ({"at": 2, "version": "none"}, 404, "not_found", None),
    ({"at": 2, "version": "1", "definition_hash": "x"}, 422, "fork.invalid", "/definition_hash"),
    ({"at": 2, "answers": "guessed"}, 400, "body.invalid", "/answers"),
    ({"at": -1}, 400, "body.invalid", "/at"),
]


@pytest.mark.parametrize(("members", "status", "code", "pointer"), REFUSED)
def test_a_fork_that_cannot_be_is_refused_with_the_place(
    refold, priced, members, status, code, pointer
):
    _, ident = priced
    if members.get("at") == "last":
        members = {"at": seq_of(refold, ident, "ExecutionCompleted")}
    answer = fork(refold, ident, **members)
    assert (answer.status, answer.json["code"]) == (status, code), answer.json
    if pointer is not None:
        assert [one["pointer"] for one in answer.json["errors"]] == [pointer]


def test_an_execution_that_is_not_here_is_not_forked(refold):
    assert fork(refold, "ex_00000000000000000000000000", at=1).json["code"] == "not_found"
    assert fork(refold, "ex_1", at=1).json["code"] == "id.malformed"


def test_from_the_command_line_what_failed_is_tried_again_with_an_answer_made_up(refold):
    name = f"paid-{uuid.uuid4().hex[:8]}"
    apply(refold, definition(name, "Pay", PAY))
    ident = refold.start(name, wait_s=20, input={"quantity": 2})["id"]
    mocks = json.dumps({"pay": [{"result": {"paid": 21}}]})
    at = str(seq_of(refold, ident, "StateEntered", "Pay"))
    run = refold.cli(
        "exec", "fork", ident, "--at", at, "--mocks", mocks, "--wait", "20", "--reason", "to see",
        "-o", "json",
    )  # fmt: skip
    assert run.status == 0, run.body
    found = json.loads(run.body)
    assert (found["status"], found["output"]["paid"]) == ("completed", 21)
    forked = next(one for one in events(refold, found["id"]) if one["type"] == "ExecutionForked")
    assert forked["data"]["asked"]["reason"] == "to see"
    dry = refold.cli("exec", "fork", ident, "--at", at, "--mocks", mocks, "--dry-run")
    assert b"ActionCompleted" in dry.body
    assert b'"paid": 21' in dry.body or b'"paid":21' in dry.body
    again = refold.cli("exec", "redrive", ident, "--wait", "20", "-o", "json")
    assert again.status == 6, "the service is still away"
    redriven = json.loads(again.body)
    called = [one["seq"] for one in events(refold, redriven["id"]) if one["name"] == "pay"]
    assert called[0] == seq_of(refold, ident, "ActionScheduled", "pay") + 1
    second = refold.cli("exec", "redrive", ident)
    assert second.status != 0
    assert f"was redriven as {redriven['id']}" in second.headers["stderr"]
    table = refold.cli("exec", "redrive", ident, "--again", "--dry-run")
    assert b"live_call" in table.body
    assert refold.cli("exec", "redrive", ident, "--again", "-o", "ids").body.startswith(b"ex_")


def test_a_second_redrive_is_refused_unless_it_is_asked_for_again(refold, eventually):
    name = f"twice-{uuid.uuid4().hex[:8]}"
    apply(refold, definition(name, "Pay", PAY))
    ident = refold.start(name, wait_s=20, input={"quantity": 2})["id"]
    key = {"Idempotency-Key": uuid.uuid4().hex}

    def redrive(headers=None, **members):
        headers = {"Content-Type": "application/json", **(headers or {})}
        body = json.dumps(members)
        return refold.ask("POST", f"/executions/{ident}/redrive", body, headers)

    first = redrive()
    assert first.status == 201
    for members in ({}, {"skip_timers": True}):  # at once: its log need not tell of it yet
        second = redrive(**members)
        assert (second.status, second.json["code"]) == (409, "execution.redriven")
        assert first.json["execution"] in second.json["detail"]
    eventually(lambda: events(refold, ident)[-1]["type"] == "ForkTaken")
    for headers, members in ((None, {"dry_run": True}), (key, {}), (None, {"name": name})):
        assert redrive(headers, **members).json["code"] == "execution.redriven"
    again = redrive(key, again=True, name=name)
    assert again.status == 201
    eventually(lambda: len([e for e in events(refold, ident) if e["type"] == "ForkTaken"]) == 2)
    same = redrive(key, name=name)
    assert (same.status, same.json["execution"]) == (200, again.json["execution"])
    assert redrive(key).json["code"] == "idempotency.mismatch"


def test_an_ended_execution_stays_ended_behind_the_note_of_its_fork(refold, eventually):
    name = f"nap-{uuid.uuid4().hex[:8]}"
    apply(refold, NAP.format(id=name, duration="PT1H"))
    ident = refold.start(name)["id"]
    cancelled = refold.cli("exec", "cancel", ident, "--reason", "no need")
    assert cancelled.status == 0
    path = f"/executions/{ident}"
    eventually(lambda: refold.ask("GET", path).json["status"] == "cancelled")
    again = refold.cli("exec", "redrive", ident, "--skip-timers", "--wait", "20", "-o", "json")
    assert (again.status, json.loads(again.body)["status"]) == (0, "completed")
    eventually(lambda: events(refold, ident)[-1]["type"] == "ForkTaken")
    assert refold.ask("GET", path).json["reason"] == "no need"
    watched = refold.cli("exec", "watch", ident, "-o", "ids")
    assert (watched.status, len(watched.body.split())) == (6, len(events(refold, ident)))


def test_another_namespace_does_not_fork_what_it_has_not(refold, priced):
    _, ident = priced
    answer = refold.ask(
        "POST", f"/executions/{ident}/fork", {"at": 1}, namespace="elsewhere"
    )  # fmt: skip
    assert (answer.status, answer.json["code"]) == (404, "not_found")
