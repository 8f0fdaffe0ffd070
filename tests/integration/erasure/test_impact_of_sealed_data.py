"""An impact report opens what is sealed, and names what was erased."""

import json

YAML = {"Content-Type": "application/yaml"}
GREET = """
id: greet
version: "1.0"
specVersion: "0.8"
metadata: {refold/dataSubject: "${ .person }"}
start: Greet
states:
  - {name: Greet, type: inject, data: {greeting: hello}, end: true}
"""


def test_what_is_sealed_is_compared_and_what_is_erased_is_named(vault, eventually):
    def ask(method, path, body=None, headers=None):
        return vault.refold.ask(method, path, body, headers, namespace="sealed-impact")

    def impact():
        changed = GREET.replace("hello", "goodbye").replace("1.0", "2.0")
        reply = ask("POST", "/definitions/impact", changed, YAML)
        return json.loads(reply.body.splitlines()[-1])["report"]

    switched = {"encryption": "subject", "reason": "law"}
    assert ask("POST", "/settings/encryption", switched).status == 200
    assert ask("POST", "/definitions", GREET, YAML).status == 201
    for person in ("ann", "ann", "bea"):
        body = {"workflow": "greet", "input": {"person": person}}
        reply = ask("POST", "/executions", body, {"Prefer": "wait=20"})
        assert reply.json["status"] == "completed"
    (group,) = impact()["groups"]
    assert (group["kind"], group["pointer"], group["count"]) == ("output", "/greeting", 3)
    assert {one["was"] for one in group["examples"]} == {"hello"}

    erasure = ask("POST", "/erasures", {"subject": "ann", "reason": "asked for"}).json["id"]
    eventually(lambda: ask("GET", f"/erasures/{erasure}").json["state"] == "done")
    report = impact()
    assert (report["executions"], report["changed"]) == (1, 1)
    (skipped,) = report["skipped"]
    assert (skipped["reason"], skipped["count"]) == ("its data was erased", 2)
