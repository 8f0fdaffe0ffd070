"""Definitions over HTTP: checked, stored once, listed, drawn."""

import uuid

import pytest

from tests.integration.conftest import GREET

YAML = {"Content-Type": "application/yaml"}
ENVELOPE = {"Content-Type": "application/vnd.refold.definition+json"}

PETS = """
id: {id}
version: "1.0"
specVersion: "0.8"
name: Pets
start: Look
functions:
  - name: find
    type: rest
    operation: http://pets.example/openapi.json#findPet
states:
  - name: Look
    type: operation
    actions: [{functionRef: find}]
    end: true
"""
DOCUMENT = (
    '{"openapi": "3.0.0", "info": {"title": "Pets", "version": "1"},'
    ' "servers": [{"url": "http://127.0.0.1:1"}],'
    ' "paths": {"/pets": {"get": {"operationId": "findPet", "responses": {}}}}}'
)


def _named(text):
    ident = f"wf-{uuid.uuid4().hex[:12]}"
    return ident, text.replace("{id}", ident)


def test_a_definition_is_stored_once_and_the_same_again_changes_nothing(refold):
    ident, text = _named(GREET)
    first = refold.ask("POST", "/definitions", text, YAML)
    again = refold.ask("POST", "/definitions", text, YAML)
    assert (first.status, again.status) == (201, 200)
    assert (first.json["changed"], again.json["changed"]) == (True, False)
    assert first.json["workflow"] == ident
    assert first.json["id"] == again.json["id"] == f"def_{first.json['hash']}"


def test_other_content_under_a_stored_version_is_a_conflict(refold):
    _, text = _named(GREET)
    refold.ask("POST", "/definitions", text, YAML)
    reply = refold.ask("POST", "/definitions", text.replace("hello", "goodbye"), YAML)
    assert (reply.status, reply.json["code"]) == (409, "conflict")


def test_a_new_version_becomes_the_active_one_and_the_old_one_stays(refold):
    ident, text = _named(GREET)
    refold.ask("POST", "/definitions", text, YAML)
    refold.ask("POST", "/definitions", text.replace('"1.0"', '"2.0"', 1), YAML)
    assert refold.ask("GET", f"/definitions/{ident}").json["version"] == "2.0"
    old = refold.ask("GET", f"/definitions/{ident}/1.0").json
    assert (old["version"], old["active"], old["source"]) == ("1.0", False, text)


def test_json_is_taken_too(refold):
    ident = f"wf-{uuid.uuid4().hex[:12]}"
    state = {"name": "A", "type": "inject", "data": {"a": 1}, "end": True}
    body = {
        "id": ident, "version": "1", "specVersion": "0.8", "name": "A", "start": "A",
        "states": [state],
    }  # fmt: skip
    assert refold.ask("POST", "/definitions", body).status == 201


def test_faults_are_told_all_at_once_with_their_places(refold):
    text = GREET.replace("start: Greet", "start: Nobody").replace("end: true", "transition: Gone")
    reply = refold.ask("POST", "/definitions", text, YAML)
    assert (reply.status, reply.json["code"]) == (422, "definition.invalid")
    assert reply.headers["content-type"] == "application/problem+json"
    assert len(reply.json["errors"]) >= 2
    assert all(one["line"] > 1 and one["code"] and one["detail"] for one in reply.json["errors"])


def test_validate_tells_the_same_and_stores_nothing(refold):
    ident, text = _named(GREET)
    good = refold.ask("POST", "/definitions/validate", text, YAML)
    assert (good.status, good.json["valid"], good.json["workflow"]) == (200, True, ident)
    bad = refold.ask("POST", "/definitions/validate", text.replace("inject", "jump"), YAML)
    assert (bad.status, bad.json["valid"]) == (200, False)
    assert bad.json["faults"]
    assert refold.ask("GET", f"/definitions/{ident}").status == 404


def test_documents_come_with_the_definition(refold):
    ident, text = _named(PETS)
    alone = refold.ask("POST", "/definitions", text, YAML)
    assert alone.status == 422
    resources = {"http://pets.example/openapi.json": DOCUMENT}
    body = {"definition": text, "media_type": "application/yaml", "resources": resources}
    reply = refold.ask("POST", "/definitions", body, ENVELOPE)
    assert reply.status == 201, reply.body
    stored = refold.ask("GET", f"/definitions/{ident}").json
    assert stored["resources"] == ["http://pets.example/openapi.json"]


def test_an_expression_that_only_libjq_can_judge_is_judged_at_apply(refold):
    filtered = "stateDataFilter: {output: '${ JQ }'}"
    text = GREET.replace("data: {greeting: hello}", f"data: {{}}\n    {filtered}")
    good = refold.apply(text.replace("JQ", "[paths]"))
    assert refold.start(good, wait_s=20, input={"a": 1})["output"] == [["a"]]
    _, bad = _named(text.replace("JQ", "limit(1; nobody_defined_this)"))
    reply = refold.ask("POST", "/definitions", bad, YAML)
    assert (reply.status, reply.json["code"]) == (422, "definition.invalid")
    assert [one["pointer"] for one in reply.json["errors"]] == ["/states/0/stateDataFilter/output"]


def test_the_graph_is_mermaid(refold):
    ident, text = _named(GREET)
    refold.ask("POST", "/definitions", text, YAML)
    reply = refold.ask("GET", f"/definitions/{ident}/graph")
    assert reply.headers["content-type"].startswith("text/vnd.mermaid")
    assert b"flowchart" in reply.body
    assert b"Greet" in refold.ask("GET", f"/definitions/{ident}/1.0/graph").body


def test_the_list_pages_through_everything(refold):
    applied = set()
    for _ in range(3):
        ident, text = _named(GREET)
        assert refold.ask("POST", "/definitions", text, YAML, namespace="listed").status == 201
        applied.add(ident)
    seen, cursor = [], ""
    while cursor is not None:
        suffix = f"&cursor={cursor}" if cursor else ""
        page = refold.ask("GET", f"/definitions?limit=1{suffix}", namespace="listed").json
        seen += [one["workflow"] for one in page["items"]]
        cursor = page["next"]
    assert sorted(seen) == sorted(applied)


@pytest.mark.parametrize(
    "path", ["/definitions/nobody", "/definitions/nobody/1", "/definitions/n/graph"]
)
def test_what_was_never_applied_is_not_found(refold, path):
    assert refold.ask("GET", path).status == 404
