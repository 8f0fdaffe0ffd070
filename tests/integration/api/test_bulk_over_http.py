"""Forks in bulk over HTTP: counted, tried first, done once for each, told line by line."""

import json
import uuid

import pytest

from tests.integration.api.bulk_cases import JSON, MENDED, apply, bulk, failed, made_by

MANY = 200


def heads(refold):
    """Where all logs and the audit end."""
    found = refold.ask("GET", "/v1/audit/head", namespace=None).json
    return found["shards"], found["audit"]


@pytest.fixture(scope="module")
def many(refold):
    return failed(refold, MANY, {"team": "till"})


def test_a_dry_run_counts_and_says_what_would_happen(refold, many):
    name, _ = many
    first, *_, last = bulk(refold, "redrive", filter={"workflow": name}, dry_run=True)
    assert (first["count"], first.get("batch")) == (MANY, None)
    (group,) = last["foresight"]["groups"]
    assert (group["workflow"], group["count"], group["tried"]) == (name, MANY, 20)
    (outcome,) = group["outcomes"]
    assert (outcome["stop"], outcome["count"]) == ("live_call", 20)
    assert "'pay'" in outcome["told"]
    mocks = {"pay": [{"result": {"paid": 1}}]}
    fork = {"at": "failed_state", "mocks": mocks}
    *_, last = bulk(refold, "fork", filter={"workflow": name}, fork=fork, dry_run=True)
    (outcome,) = last["foresight"]["groups"][0]["outcomes"]
    assert (outcome["outcome"], outcome["count"]) == ("completed", 20)


def test_a_dry_run_writes_nothing(refold, many, eventually):
    wanted = {"filter": {"workflow": many[0]}, "fork": {"at": "start"}, "dry_run": True}

    def nothing_was_written():
        """Executions of other tests may write meanwhile, but not always."""
        before = heads(refold)
        bulk(refold, "fork", **wanted)
        return heads(refold) == before

    eventually(nothing_was_written)


def test_all_are_forked_once_and_are_found_by_their_batch(refold, many, eventually):
    name, sources = many
    apply(refold, MENDED.replace("{id}", name))
    key = uuid.uuid4().hex
    wanted = {
        "filter": {"workflow": name, "version": "1", "status": "failed"},
        "fork": {"at": "failed_state", "version": "2"},
        "reason": "the till was mended",
    }
    first, *rest = bulk(refold, "fork", key, **wanted)
    assert first["count"] == MANY
    assert rest[-1]["summary"] == {"forked": MANY, "before": 0, "skipped": [], "failed": []}
    made = made_by(refold, first["batch"], eventually, MANY)
    assert {one["status"] for one in made} == {"completed"}
    assert sorted(one["forked_from"] for one in made) == sorted(sources)
    again = bulk(refold, "fork", key, **wanted)
    assert again[0] == first
    assert again[-1]["summary"] == {"forked": 0, "before": MANY, "skipped": [], "failed": []}
    assert len(made_by(refold, first["batch"], eventually, MANY)) == MANY
    compared = refold.ask("GET", f"/executions/{sources[0]}/compare?with={made[0]['id']}")
    assert compared.status == 200
    forked = next(
        one
        for one in refold.ask("GET", f"/executions/{made[0]['id']}/events").json["items"]
        if one["type"] == "ExecutionForked"
    )
    assert forked["data"]["batch"] == first["batch"]
    assert forked["data"]["asked"]["reason"] == "the till was mended"


def test_what_a_batch_did_is_in_the_audit(refold, many):
    name, _ = many
    first, *_ = bulk(
        refold, "redrive", filter={"workflow": name, "label": ["team=till"]}, limit=3, reason="why"
    )
    found = refold.ask("GET", f"/audit?target={first['batch']}").json["items"]
    end, begin = found
    assert {one["action"] for one in found} == {"execution.bulk_forked"}
    assert {one["reason"] for one in found} == {"why"}
    assert (begin["data"]["phase"], end["data"]["phase"]) == ("begun", "ended")
    assert begin["data"]["filter"] == {
        "workflow": name, "status": "failed", "label": ["team=till"]
    }  # fmt: skip
    assert (begin["data"]["count"], end["data"]["forked"]) == (3, 3)


def test_what_was_redriven_is_not_redriven_twice_unless_that_is_asked_for(refold, eventually):
    name, (source,) = failed(refold, 1)
    wanted = {"filter": {"workflow": name}, "reason": "again"}
    first, *_, last = bulk(refold, "redrive", **wanted)
    assert last["summary"]["forked"] == 1
    (fork,) = made_by(refold, first["batch"], eventually, 1)
    assert (fork["status"], fork["forked_from"]) == ("failed", source)
    first, *_, last = bulk(refold, "redrive", **wanted)
    assert (first["count"], last["summary"]["forked"]) == (2, 1)
    (skipped,) = last["summary"]["skipped"]
    assert (skipped["code"], skipped["examples"]) == ("execution.redriven", [source])
    made_by(refold, first["batch"], eventually, 1)
    *_, last = bulk(refold, "redrive", **wanted, again=True)
    assert (last["summary"]["forked"], last["summary"]["skipped"]) == (3, [])


def test_filters_limits_and_what_begins_later(refold, eventually):
    name, sources = failed(refold, 4)
    chosen = {"workflow": name, "error": "connection", "where": ["input.n=2"]}
    key, fork = uuid.uuid4().hex, {"at": "start"}
    first, *_, last = bulk(refold, "fork", key, filter=chosen, fork=fork, reason="one")
    assert (first["count"], last["summary"]["forked"]) == (1, 1)
    (made,) = made_by(refold, first["batch"], eventually, 1)
    assert made["forked_from"] == sources[2]
    refold.start(name, 20, input={"n": 2})
    again = bulk(refold, "fork", key, filter=chosen, fork=fork, reason="one")
    assert again[-1]["summary"] == {"forked": 0, "before": 1, "skipped": [], "failed": []}
    chosen = {"workflow": name, "forked_from": sources[2]}
    *_, last = bulk(refold, "fork", filter=chosen, fork=fork, reason="of a fork")
    assert last["summary"]["forked"] == 1
    newest = bulk(refold, "fork", filter={"workflow": name}, fork=fork, limit=2, reason="two")
    assert (newest[0]["count"], newest[-1]["summary"]["forked"]) == (2, 2)
    chosen = {"workflow": name, "status": "completed"}
    none = bulk(refold, "redrive", filter=chosen, reason="none")
    assert (none[0]["count"], none[-1]["summary"]["forked"]) == (0, 0)


def test_what_cannot_be_forked_is_left_out_with_its_reason(refold):
    name, _ = failed(refold, 3)
    lines = bulk(
        refold, "fork", filter={"workflow": name}, fork={"at": 999}, reason="beyond the end"
    )
    (skipped,) = lines[-1]["summary"]["skipped"]
    assert (skipped["code"], skipped["count"], len(skipped["examples"])) == ("not_found", 3, 3)
    patch = [{"op": "replace", "path": "/nowhere", "value": 1}]
    lines = bulk(
        refold, "fork", filter={"workflow": name}, fork={"at": 3, "patch_data": patch},
        dry_run=True,
    )  # fmt: skip
    (outcome,) = lines[-1]["foresight"]["groups"][0]["outcomes"]
    assert (outcome["outcome"], outcome["code"]) == ("refused", "patch.no_target")


def notes(refold, source):
    """What an execution's log tells of its forks."""
    events = refold.ask("GET", f"/executions/{source}/events?limit=1000").json["items"]
    return [one for one in events if one["type"] == "ForkTaken"]


def test_one_key_is_of_one_request(refold, eventually):
    name, (source,) = failed(refold, 1)
    key = uuid.uuid4().hex
    wanted = {"filter": {"workflow": name}, "reason": "once"}
    bulk(refold, "redrive", key, **wanted)
    refold.ask("POST", f"/executions/{source}/redrive", '{"again": true}', JSON)
    eventually(lambda: len(notes(refold, source)) == 2)
    assert bulk(refold, "redrive", key, **wanted)[-1]["summary"]["before"] == 1
    headers = {**JSON, "Idempotency-Key": key}
    other = {**wanted, "filter": {"workflow": name, "status": "cancelled"}}
    reply = refold.ask("POST", "/executions/redrive", json.dumps(other), headers)
    assert (reply.status, reply.json["code"]) == (422, "idempotency.mismatch")


WHY = {"reason": "why"}
REFUSED = [
    ("redrive", {}, "body.invalid", "/filter"),
    ("redrive", {"filter": {}, **WHY}, "body.invalid", "/filter"),
    ("redrive", {"filter": {"workflow": "w"}}, "body.invalid", "/reason"),
    ("redrive", {"filter": {"name": "w"}, **WHY}, "body.invalid", "/filter/name"),
    ("redrive", {"filter": {"status": "dead"}, **WHY}, "body.invalid", "/filter/status"),
    ("redrive", {"filter": {"started_after": "noon"}, **WHY}, "body.invalid", "/filter"),
    ("redrive", {"filter": {"where": ["total=1"]}, **WHY}, "body.invalid", "/filter"),
    ("redrive", {"filter": {"label": ["team"]}, **WHY}, "body.invalid", "/filter"),
    ("redrive", {"filter": {"forked_from": "ex_1"}, **WHY}, "body.invalid", "/filter"),
    ("redrive", {"filter": {"workflow": "w"}, "limit": 0, **WHY}, "body.invalid", "/limit"),
    ("redrive", {"filter": {"workflow": "w"}, "rate": 1001, **WHY}, "body.invalid", "/rate"),
    ("redrive", {"filter": {"workflow": "w"}, "redrive": {"name": "n"}, **WHY}, "body.invalid",
     "/redrive/name"),
    ("fork", {"filter": {"workflow": "w"}, **WHY}, "body.invalid", "/fork"),
    ("fork", {"filter": {"workflow": "w"}, "fork": {}, **WHY}, "body.invalid", "/fork/at"),
    ("fork", {"filter": {"workflow": "w"}, "fork": {"at": "end"}, **WHY}, "body.invalid",
     "/fork/at"),
    ("fork", {"filter": {"workflow": "w"}, "fork": {"at": 2, "patch_input": []}, **WHY},
     "body.invalid", "/fork/at"),
    ("fork", {"filter": {"workflow": "w"}, "fork": {"at": 2, "patch_data": [{"op": "jump"}]},
     **WHY}, "patch.malformed", "/fork/patch_data/0"),
    ("fork", {"filter": {"workflow": "w"}, "fork": {"at": 2, "version": "1",
     "definition_hash": "x"}, **WHY}, "body.invalid", "/fork/definition_hash"),
]  # fmt: skip


@pytest.mark.parametrize(("verb", "members", "code", "pointer"), REFUSED)
def test_a_request_that_cannot_be_is_refused_with_the_place(refold, verb, members, code, pointer):
    reply = refold.ask("POST", f"/executions/{verb}", json.dumps(members), JSON)
    assert reply.json["code"] == code, reply.json
    assert [one["pointer"] for one in reply.json["errors"]] == [pointer]
