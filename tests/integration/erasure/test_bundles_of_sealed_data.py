"""Bundles where a namespace encrypts: opened for who may read, sealed after an erasure; what is
imported there is sealed."""

import subprocess
import sys
import uuid

from tests.integration.conftest import GREET, ROOT


def encrypting(vault):
    """A namespace of its own that encrypts."""
    namespace = f"ns-{uuid.uuid4().hex[:8]}"
    wanted = {"encryption": "execution", "reason": "law"}
    reply = vault.refold.ask("POST", "/settings/encryption", wanted, namespace=namespace)
    assert reply.status == 200, reply.body
    return namespace


def in_namespace(vault, namespace, *arguments):
    return vault.refold.cli(*arguments, REFOLD_NAMESPACE=namespace)


def started(vault, namespace, value):
    name = f"wf-{uuid.uuid4().hex[:8]}"
    text = GREET.replace("{id}", name)
    applied = vault.refold.ask(
        "POST", "/definitions", text, {"Content-Type": "application/yaml"}, namespace
    )
    assert applied.status == 201, applied.body
    body = {"workflow": name, "input": {"card": value, "order": 7}}
    reply = vault.refold.ask("POST", "/executions", body, {"Prefer": "wait=20"}, namespace)
    assert reply.status in (200, 201), reply.body
    return reply.json["id"]


def verified(path):
    done = subprocess.run(
        [sys.executable, str(ROOT / "verifier" / "refold_verify"), str(path)],
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode


def test_sealed_data_leaves_opened_and_comes_back_sealed(vault, tmp_path, found_in_database):
    namespace, value = encrypting(vault), f"card-{uuid.uuid4().hex}"
    execution, path = started(vault, namespace, value), tmp_path / "a.refold"
    reply = in_namespace(vault, namespace, "exec", "export", execution, str(path))
    assert reply.status == 0, reply.headers
    assert verified(path) == 0
    shown = vault.refold.cli("open", str(path), "--at", "1", "-o", "json")
    assert shown.status == 0
    assert shown.json["input"] == {"card": value, "order": 7}
    other = encrypting(vault)
    reply = in_namespace(vault, other, "exec", "import", str(path), "-o", "json")
    assert reply.status == 0, reply.headers
    imported = reply.json["execution"]
    reply = in_namespace(vault, other, "exec", "at", imported, "1", "-o", "json")
    assert reply.json["input"] == {"card": value, "order": 7}
    assert in_namespace(vault, other, "exec", "verify", imported).status == 0
    logs = {one for one in found_in_database(vault.refold.database, value) if "log." in one}
    assert logs == set(), "what is imported is sealed where it lies"


def test_redacted_sealed_data_verifies_and_does_not_hold_the_value(vault, tmp_path):
    namespace, value = encrypting(vault), f"card-{uuid.uuid4().hex}"
    execution, path = started(vault, namespace, value), tmp_path / "r.refold"
    redact = ("--redact", "/card")
    reply = in_namespace(vault, namespace, "exec", "export", execution, str(path), *redact)
    assert reply.status == 0, reply.headers
    assert verified(path) == 0
    shown = vault.refold.cli("open", str(path), "-o", "json")
    assert shown.status == 0
    assert value.encode() not in shown.body
    assert shown.json["state"]["input"]["order"] == 7


def test_after_an_erasure_it_leaves_sealed_and_still_verifies(vault, tmp_path, eventually):
    namespace, value = encrypting(vault), f"card-{uuid.uuid4().hex}"
    execution, path = started(vault, namespace, value), tmp_path / "e.refold"
    wanted = {"execution": execution, "reason": "asked for"}
    reply = vault.refold.ask("POST", "/erasures", wanted, namespace=namespace)
    assert reply.status in (200, 202), reply.body
    place = f"/erasures/{reply.json['id']}"
    eventually(lambda: vault.refold.ask("GET", place, namespace=namespace).json["state"] == "done")
    reply = in_namespace(vault, namespace, "exec", "export", execution, str(path))
    assert reply.status == 0, reply.headers
    assert verified(path) == 0
    proof = vault.refold.cli("open", str(path), "--verify", "-o", "json")
    assert (proof.status, proof.json["intact"]) == (0, True)
    assert proof.json["sealed"] == proof.json["events"] > 0
    assert vault.refold.cli("open", str(path)).status == 0
    assert vault.refold.cli("open", str(path), "--at", "1").status == 3
    reply = in_namespace(vault, namespace, "exec", "import", str(path))
    assert reply.status == 1
    assert "import.not_possible" in reply.headers["stderr"]
