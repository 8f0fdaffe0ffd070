"""Bulk forks where the namespace encrypts: filters tell nothing, what was erased is left out."""

import json
import uuid

from tests.integration.erasure.test_impact_of_sealed_data import GREET, YAML

SPACE = "sealed-bulk"


def test_what_is_searched_for_stands_nowhere_and_what_is_erased_is_left_out(
    vault, eventually, found_in_database
):
    def ask(method, path, body=None, headers=None):
        return vault.refold.ask(method, path, body, headers, namespace=SPACE)

    def bulk(**chosen):
        wanted = {"filter": chosen, "fork": {"at": "start"}, "reason": "to see"}
        reply = ask("POST", "/executions/fork", wanted, {"Idempotency-Key": f"till-{canary}"})
        assert reply.status == 200, reply.body
        return [json.loads(line) for line in reply.body.splitlines()]

    canary = f"canary{uuid.uuid4().hex}"
    switched = {"encryption": "subject", "reason": "law"}
    assert ask("POST", "/settings/encryption", switched).status == 200
    assert ask("POST", "/definitions", GREET, YAML).status == 201
    for person in ("ann", "bea"):
        body = {
            "workflow": "greet", "input": {"person": person, "till": canary},
            "labels": {"till": canary},
        }  # fmt: skip
        reply = ask("POST", "/executions", body, {"Prefer": "wait=20"})
        assert reply.json["status"] == "completed"
    chosen = {"label": [f"till={canary}"], "where": [f"input.till={canary}"]}
    first, *_, last = bulk(**chosen)
    assert last["summary"]["forked"] == 2
    assert bulk(**chosen)[0]["batch"] == first["batch"]
    listed = f"/executions?batch={first['batch']}&status=completed"
    eventually(lambda: len(ask("GET", listed).json["items"]) == 2)
    kept = ask("GET", f"/audit?target={first['batch']}").json["items"][-1]["data"]["filter"]
    assert all(one.startswith("veiled:") for one in kept["label"] + kept["where"])
    holding = found_in_database(vault.refold.database, canary)
    assert {one for one in holding if one.startswith("log.")} == set()
    canary = f"other{uuid.uuid4().hex}"
    erasure = ask("POST", "/erasures", {"subject": "ann", "reason": "asked for"}).json["id"]
    eventually(lambda: ask("GET", f"/erasures/{erasure}").json["state"] == "done")
    *_, last = bulk(workflow="greet", status="completed")
    (skipped,) = last["summary"]["skipped"]
    assert (skipped["code"], skipped["count"]) == ("execution.erased", 2)
    assert last["summary"]["forked"] == 2
