"""What was erased is nowhere any more, and everything else is as it was."""

import os
import signal
import subprocess
import sys
import uuid

import pytest

from schemas.json_text import dumps, loads
from tests.integration.conftest import REFOLD, ROOT
from tests.integration.erasure.conftest import master_key

PERSON = """
id: {id}
version: "1.0"
specVersion: "0.8"
name: Person
metadata: {refold/dataSubject: "${ .person }"}
start: Ask
events:
- {name: answered, type: person.answered, source: tests, correlation: [{contextAttributeName: who}]}
- {name: told, type: person.told, source: tests, kind: produced}
states:
- name: Ask
  type: inject
  data: {asked: true}
  transition: Wait
- name: Wait
  type: event
  onEvents: [{eventRefs: [answered]}]
  end:
    produceEvents: [{eventRef: told, data: "${ . }"}]
"""


class Case:
    """One namespace of its own, which encrypts by subject."""

    def __init__(self, refold, mode):
        self.refold = refold
        self.namespace = f"ns-{uuid.uuid4().hex[:8]}"
        self.canary = f"canary{uuid.uuid4().hex}"
        switched = self.ask("POST", "/settings/encryption", {"encryption": mode, "reason": "law"})
        assert switched.json["changed"] is True
        self.workflow = f"wf-{uuid.uuid4().hex[:8]}"
        text = PERSON.replace("{id}", self.workflow)
        reply = self.ask("POST", "/definitions", text, {"Content-Type": "application/yaml"})
        assert reply.status == 201, reply.body

    def ask(self, *given, **rest):
        return self.refold.ask(*given, namespace=self.namespace, **rest)

    def start(self, person, **members):
        body = {"workflow": self.workflow, "input": {"person": person, "what": self.canary}}
        reply = self.ask("POST", "/executions", {**body, **members})
        assert reply.status == 201, reply.body
        return reply.json["id"]

    def answer(self, eventually, execution):
        """The CloudEvent that it waits for, with a canary in data and attributes."""
        event = {
            "specversion": "1.0", "id": uuid.uuid4().hex, "source": "tests",
            "type": "person.answered", "who": f"{self.canary}who", "subject": f"{self.canary}sub",
            "data": {"said": self.canary},
        }  # fmt: skip
        wait = f"/executions/{execution}"
        eventually(lambda: self.ask("GET", wait).json["status"] == "waiting")
        self.publish(event)
        return event

    def publish(self, event):
        reply = self.ask(
            "POST", "/events", dumps(event).decode(),
            {"Content-Type": "application/cloudevents+json"},
        )  # fmt: skip
        assert reply.status == 202, reply.body
        return reply.json["receipts"][0]

    def ended(self, eventually, execution):
        eventually(
            lambda: self.ask("GET", f"/executions/{execution}").json["status"] == "completed"
        )
        return execution

    def whole(self, eventually, person="ann", **members):
        """An execution from its start to its end, and its CloudEvent."""
        execution = self.start(person, **members)
        event = self.answer(eventually, execution)
        return self.ended(eventually, execution), event

    def erase(self, eventually, **wanted):
        reply = self.ask("POST", "/erasures", {"reason": "asked for", **wanted})
        assert reply.status == 202, reply.body
        place = f"/erasures/{reply.json['id']}"
        eventually(lambda: self.ask("GET", place).json["state"] == "done")
        return self.ask("GET", place).json

    def listed(self):
        items = self.ask("GET", "/executions?limit=1000").json["items"]
        return {one["id"] for one in items}

    def intact(self, execution):
        return self.ask("GET", f"/executions/{execution}/verify").json["intact"]


@pytest.fixture
def case(vault):
    return lambda mode: Case(vault.refold, mode)


def test_what_a_subject_left_is_nowhere_after_its_erasure(case, eventually, found_in_database):
    one = case("subject")
    gone, event = one.whole(eventually, name=f"name-{one.canary}")
    kept, _ = one.whole(eventually, person="ben")
    eventually(lambda: {gone, kept} <= one.listed())
    assert not found_in_database(one.refold.database, f'said\\": \\"{one.canary}')
    before = one.ask("GET", f"/executions/{kept}").json

    plan = one.ask("POST", "/erasures", {"subject": "ann", "dry_run": True}).json
    counts = (plan["executions"], plan["running"], plan["cloudevents"])
    assert counts == (1, 0, 1)
    done = one.erase(eventually, subject="ann")
    assert (done["executions"], done["cloudevents"]) == (1, 1)

    eventually(lambda: gone not in one.listed())
    assert kept in one.listed()
    assert one.ask("GET", f"/executions/{kept}").json == before
    for path in ("", "/state?at=2", "/replay"):
        answer = one.ask("GET", f"/executions/{gone}{path}")
        assert (answer.status, answer.json["code"]) == (410, "execution.erased"), path
    events = one.ask("GET", f"/executions/{gone}/events").json["items"]
    assert {(item["data"], item["erased"]) for item in events} == {(None, True)}
    assert [item["seq"] for item in events] == list(range(1, len(events) + 1))
    assert one.intact(gone)
    assert one.intact(kept)
    stored = one.ask("GET", "/events").json["items"]
    [left] = [item for item in stored if item["event"]["id"] == event["id"]]
    assert left["event"] == {
        "specversion": "1.0", "id": event["id"], "source": "tests", "type": "refold.erased",
    }  # fmt: skip
    assert one.publish(event)["outcome"] == "duplicate"
    told = one.ask("GET", f"/events/explain?source=tests&id={event['id']}").json
    assert "It was erased" in told["summary"]
    assert "Nobody took it" not in told["summary"]
    assert (told["triggers"], told["near_waits"], told["event"]["actor"]) == ([], [], "anonymous")


def test_a_canary_stands_in_no_table_before_and_after(case, eventually, found_in_database):
    one = case("execution")
    execution, _ = one.whole(eventually, name=f"name-{one.canary}")
    eventually(lambda: execution in one.listed())
    before = found_in_database(one.refold.database, one.canary)
    assert before  # the read tables hold names in the clear, until they are erased
    assert not {place for place in before if place.startswith("log.")}
    one.erase(eventually, execution=execution)
    eventually(lambda: not found_in_database(one.refold.database, one.canary))


def test_an_erasure_outlives_a_kill(vault, case, eventually, found_in_database, audited):
    one = case("subject")
    executions = [one.whole(eventually)[0] for _ in range(3)]
    running = one.start("ann")
    eventually(lambda: one.ask("GET", f"/executions/{running}").json["status"] == "waiting")
    refused = one.ask("POST", "/erasures", {"subject": "ann", "reason": "asked for"})
    assert (refused.status, refused.json["code"]) == (409, "erasure.running")
    asked = {"subject": "ann", "reason": "asked for", "cancel": True}
    first = one.ask("POST", "/erasures", asked)
    assert first.status == 202
    kill(vault)
    one.refold = vault.start()
    place = f"/erasures/{first.json['id']}"
    eventually(lambda: one.ask("GET", place).json["state"] == "done")
    assert one.ask("GET", place).json["executions"] == 4
    assert one.ask("POST", "/erasures", asked).json["id"] == first.json["id"]
    for execution in [*executions, running]:
        assert one.ask("GET", f"/executions/{execution}").status == 410
        assert one.intact(execution)
    eventually(lambda: not found_in_database(one.refold.database, one.canary))
    actions = audited(one.refold.database, one.namespace)
    assert actions.count("data.erased") == actions.count("data.erasure_asked") == 1
    assert "encryption.set" in actions


def kill(vault):
    process = vault.refold.process
    process.send_signal(signal.SIGKILL)
    process.wait(30)


def test_the_read_tables_are_the_same_after_a_rebuild(vault, case, eventually):
    one = case("execution")
    gone, _ = one.whole(eventually)
    kept, _ = one.whole(eventually)
    eventually(lambda: {gone, kept} <= one.listed())
    one.erase(eventually, execution=gone)
    eventually(lambda: gone not in one.listed())
    environment = {
        "REFOLD_DATABASE_URL": one.refold.database, "REFOLD_MASTER_KEY_FILE": str(vault.keys),
    }  # fmt: skip
    rebuilt = one.refold.cli("admin", "projection", "rebuild", "-o", "json", **environment)
    assert rebuilt.status == 0, rebuilt.headers["stderr"]
    assert b'"same_as_before":true' in rebuilt.body.replace(b" ", b"")
    assert kept in one.listed()


def test_master_keys_are_rotated_and_the_old_one_is_not_needed_any_more(vault, case, eventually):
    one = case("execution")
    execution, _ = one.whole(eventually)
    old = vault.keys.read_text()
    vault.keys.write_text(master_key("two") + old)
    environment = {
        "REFOLD_DATABASE_URL": one.refold.database, "REFOLD_MASTER_KEY_FILE": str(vault.keys),
    }  # fmt: skip
    done = one.refold.cli("admin", "key", "rewrap", **environment)
    assert done.status == 0, done.headers["stderr"]
    assert b"wrapped by two" in done.body
    kill(vault)
    new = vault.keys.read_text().removesuffix(old)
    vault.keys.write_text(new)
    one.refold = vault.start()
    shown = one.ask("GET", f"/executions/{execution}").json
    assert shown["input"]["what"] == one.canary

    vault.keys.write_text(master_key("three"))
    clean = {key: value for key, value in os.environ.items() if not key.startswith("REFOLD_")}
    refused = subprocess.run(
        [*REFOLD, "serve", "--role", "api", "--http", "127.0.0.1:0"],
        capture_output=True, timeout=60, check=False,
        env={**clean, **environment, "REFOLD_NATS_URL": one.refold.nats},
    )  # fmt: skip
    told = one.refold.cli(
        "doctor", "-o", "json", **environment, REFOLD_NATS_URL=one.refold.nats
    ).body
    vault.keys.write_text(new)
    assert b"REFOLD_MASTER_KEY_FILE" in told
    assert refused.returncode == 2, refused.stderr
    assert b"REFOLD_MASTER_KEY_FILE" in refused.stderr


def test_bad_requests_say_what_is_wrong(case, eventually):
    one = case("execution")
    execution, _ = one.whole(eventually)
    for body, code in (
        ({}, "body.invalid"),
        ({"execution": execution, "subject": "ann", "reason": "x"}, "body.invalid"),
        ({"execution": execution}, "body.invalid"),
        ({"execution": "nobody", "reason": "x"}, "id.malformed"),
        ({"subject": "nobody", "reason": "x"}, "not_found"),
    ):
        reply = one.ask("POST", "/erasures", body)
        assert reply.json["code"] == code, (body, reply.json)
    bad = one.ask("POST", "/settings/encryption", {"encryption": "rot13"})
    assert bad.json["code"] == "body.invalid"
    assert one.ask("GET", "/erasures/nothing").json["code"] == "id.malformed"
    assert one.ask("GET", "/erasures/er_999999").status == 404


def test_what_began_before_its_namespace_encrypted_is_not_erased(case, eventually):
    one = case("execution")
    one.ask("POST", "/settings/encryption", {"encryption": "off"})
    execution = one.start("ann")
    eventually(lambda: one.ask("GET", f"/executions/{execution}").json["status"] == "waiting")
    one.ask("POST", "/settings/encryption", {"encryption": "execution"})
    one.answer(eventually, execution)
    one.ended(eventually, execution)
    reply = one.ask("POST", "/erasures", {"execution": execution, "reason": "x"})
    assert reply.json["code"] == "erasure.not_sealed"
    assert one.ask("GET", f"/executions/{execution}").json["input"]["what"] == one.canary


def test_a_fork_has_the_key_of_its_source_and_goes_with_it(case, eventually, found_in_database):
    one = case("execution")
    source, _ = one.whole(eventually)
    asked = {"at": 2, "reason": "look again", "name": f"fork-{one.canary}"}
    reply = one.ask("POST", f"/executions/{source}/fork", asked)
    assert reply.status in (200, 201, 202), reply.body
    fork = reply.json["execution"]
    one.ended(eventually, fork)
    assert one.intact(fork)
    assert not [
        place
        for place in found_in_database(one.refold.database, one.canary)
        if place.startswith("log.")
    ]
    alone = one.ask("POST", "/erasures", {"execution": fork, "reason": "x"})
    assert (alone.status, alone.json["code"]) == (409, "erasure.shared")
    assert one.erase(eventually, execution=fork, with_others=True)["executions"] == 2
    for execution in (source, fork):
        assert one.ask("GET", f"/executions/{execution}").status == 410
        assert one.intact(execution)
    eventually(lambda: not found_in_database(one.refold.database, one.canary))


def test_the_standalone_verifier_needs_no_key_before_or_after(case, eventually, tmp_path):
    one = case("execution")
    execution, _ = one.whole(eventually)
    for name in ("before", "after"):
        path = tmp_path / f"{name}.ndjson.gz"
        exported = one.refold.cli("audit", "export", str(path), "--reason", "a look")
        assert exported.status == 0, exported.headers["stderr"]
        program = [sys.executable, "verifier/refold_verify", str(path)]
        verified = subprocess.run(program, cwd=ROOT, capture_output=True, timeout=60, check=False)
        assert verified.returncode == 0, verified.stdout + verified.stderr
        if name == "before":
            one.erase(eventually, execution=execution)


def test_whatever_is_asked_of_an_erased_execution_is_answered_and_tells_nothing(case, eventually):
    one = case("execution")
    gone, _ = one.whole(eventually)
    kept, _ = one.whole(eventually)
    eventually(lambda: {gone, kept} <= one.listed())
    one.erase(eventually, execution=gone)
    paths = one.refold.ask("GET", "/openapi.json", namespace=None).json["paths"]
    asked = 0
    for path, methods in paths.items():
        place = path.removeprefix("/v1/namespaces/{namespace}")
        if "{execution}" not in place or place.count("{") > 1:
            continue
        for method in methods:
            body = {} if method == "post" else None
            reply = one.ask(method.upper(), place.replace("{execution}", gone), body)
            assert reply.status < 500, (method, path, reply.body)
            assert one.canary.encode() not in reply.body
            asked += 1
    assert asked > 15
    compared = one.ask("GET", f"/executions/{kept}/compare?with={gone}")
    assert compared.status < 500, compared.body


def test_the_command_line_switches_counts_erases_and_lists(case, eventually):
    one = case("execution")
    execution, _ = one.whole(eventually)

    def run(*arguments):
        return one.refold.cli("admin", *arguments, REFOLD_NAMESPACE=one.namespace)

    assert b"execution" in run("ns", "get", one.namespace).body
    assert run("ns", "set", one.namespace, "--encryption", "subject").status == 0
    assert loads(run("ns", "get", one.namespace, "-o", "json").body)["encryption"] == "subject"
    assert run("erase").status == 2
    assert run("erase", "--execution", execution).status == 1
    counted = run("erase", "--execution", execution, "--dry-run", "-o", "json")
    assert loads(counted.body)["executions"] == 1
    done = run("erase", "--execution", execution, "--reason", "asked for", "-o", "json")
    assert (done.status, loads(done.body)["state"]) == (0, "done")
    assert run("erasures", "-o", "ids").body.decode().split() == [loads(done.body)["id"]]
    shown = one.refold.cli("exec", "events", execution, REFOLD_NAMESPACE=one.namespace)
    assert b"(erased)" in shown.body
    assert one.refold.cli("exec", "get", execution, REFOLD_NAMESPACE=one.namespace).status == 1
