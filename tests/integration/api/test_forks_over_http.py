"""Forks over HTTP: a new execution from any event of another one, with what was edited."""

import json
import uuid

import pytest

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
    answer = fork(refold, ident, at=at, patch_data=[{"op": "replace", "path": "/price", "value": 3}])
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
