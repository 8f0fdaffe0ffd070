"""A bundle's way: out of one installation, proved and opened without any, into another one."""

import json
import shutil
import subprocess
import sys
import tempfile
import uuid
import zipfile
from pathlib import Path

import pytest

from server.embedded.throwaway import open_to_enter
from tests.integration.conftest import NAP, ROOT, end, launch

PRICES = """
id: {id}
version: "1.0"
specVersion: "0.8"
name: Prices
start: Price
functions: [{name: total, type: expression, operation: '{total: (.price * .count), for: .card}'}]
states:
  - name: Price
    type: operation
    actions: [{functionRef: total, actionDataFilter: {toStateData: .bill}}]
    transition: Check
  - name: Check
    type: switch
    dataConditions: [{condition: '.bill.total > 10', transition: Large}]
    defaultCondition: {transition: Small}
  - {name: Large, type: inject, data: {size: large}, end: true}
  - {name: Small, type: inject, data: {size: small}, end: true}
"""


@pytest.fixture(scope="module")
def other():
    """Another installation."""
    directory = open_to_enter(Path(tempfile.mkdtemp(prefix="refold-other-")))
    places = ["--data", str(directory / "data"), "--http", "127.0.0.1:0", "--nats", "127.0.0.1:0"]
    server = launch(["up", *places], directory / "log", REFOLD_SHARDS="4")
    try:
        yield server
    finally:
        end(server)
        faults = (directory / "log").read_text()
        shutil.rmtree(directory, ignore_errors=True)
    assert "fault while answering" not in faults, faults[-6000:]


@pytest.fixture(scope="module")
def canary():
    return f"card-{uuid.uuid4().hex}"


@pytest.fixture(scope="module")
def execution(refold, canary):
    workflow = refold.apply(PRICES)
    given = {"price": 7, "count": 3, "card": canary}
    return refold.start(workflow, 20, input=given)["id"]


@pytest.fixture(scope="module")
def bundle(refold, execution, tmp_path_factory):
    path = tmp_path_factory.mktemp("bundle") / "a.refold"
    done = refold.cli("exec", "export", execution, str(path), "--reason", "for the auditor")
    assert done.status == 0, done.headers
    return path


def offline(*arguments):
    """A command without any server to ask."""
    done = subprocess.run(
        [sys.executable, "-m", "server.cli.main", *arguments], capture_output=True, timeout=60,
        cwd=ROOT, env={"PATH": "", "REFOLD_URL": "http://127.0.0.1:1"}, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def states_of(server, execution):
    last = server.ask("GET", f"/executions/{execution}").json["last_seq"]
    told = []
    for seq in range(1, last + 1):
        state = server.ask("GET", f"/executions/{execution}/state?at={seq}").json
        del state["execution"]
        told.append(state)
    return told


def test_it_is_proved_by_the_program_that_lies_in_it(bundle, tmp_path):
    with zipfile.ZipFile(bundle) as file:
        (tmp_path / "verify.pyz").write_bytes(file.read("verify.pyz"))
    done = subprocess.run(
        [sys.executable, "-I", str(tmp_path / "verify.pyz"), str(bundle)],
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"intact" in done.stderr


def test_it_meets_a_head_that_was_kept_when_it_was_written(refold, execution, bundle, tmp_path):
    head = tmp_path / "head.json"
    head.write_bytes(refold.ask("GET", "/v1/audit/head", namespace=None).body)
    path = tmp_path / "b.refold"
    assert refold.cli("exec", "export", execution, str(path)).status == 0
    program = str(ROOT / "verifier" / "refold_verify")
    done = subprocess.run(
        [sys.executable, program, str(path), "--head", str(head)],
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0
    assert b"the head that was kept was met" in done.stderr


def test_it_opens_without_a_server(refold, execution, bundle):
    for question in ((), ("--events",), ("--history",), ("--graph",), ("--verify",),
                     ("--at", "3"), ("--diff", "1", "6"), ("--blame", ".size")):  # fmt: skip
        code, said, errors = offline("open", str(bundle), *question)
        assert (code, errors) == (0, ""), question
        assert said
    for seq, state in enumerate(states_of(refold, execution), 1):
        code, said, _ = offline("open", str(bundle), "--at", str(seq), "-o", "json")
        told = json.loads(said)
        assert told.pop("execution") == execution
        assert told == state
    live = refold.ask("GET", f"/executions/{execution}/blame?path=.bill.total").json
    code, said, _ = offline("open", str(bundle), "--blame", ".bill.total", "-o", "json")
    assert json.loads(said) == live


def test_wrong_questions_have_exit_codes(bundle, tmp_path):
    assert offline("open", str(bundle), "--at", "999")[0] == 3
    assert offline("open", str(bundle), "--events", "--history")[0] == 2
    assert offline("open", str(bundle), "--blame", ".nothing")[0] == 3
    assert offline("open", str(tmp_path / "none"))[0] == 2
    (tmp_path / "text").write_text("no zip")
    assert offline("open", str(tmp_path / "text"))[0] == 1
    made = bytearray(bundle.read_bytes())
    (tmp_path / "cut").write_bytes(made[: len(made) // 2])
    assert offline("open", str(tmp_path / "cut"))[0] == 1


def test_a_changed_bundle_is_told_and_not_imported(other, bundle, tmp_path):
    path = tmp_path / "changed.refold"
    with zipfile.ZipFile(bundle) as file, zipfile.ZipFile(path, "w") as made:
        for name in file.namelist():
            made.writestr(name, file.read(name).replace(b'total\\":21', b'total\\":12'))
    assert offline("open", str(path), "--verify")[0] == 7
    reply = other.cli("exec", "import", str(path))
    assert reply.status == 1
    assert "bundle.not_intact" in reply.headers["stderr"]


def test_elsewhere_every_question_has_the_same_answer(refold, other, execution, bundle):
    reply = other.cli("exec", "import", str(bundle), "--reason", "to look at it", "-o", "json")
    assert reply.status == 0, reply.headers
    answer = reply.json
    assert (answer["source"], answer["copied"], answer["replayed"]) == (execution, True, False)
    again = other.cli("exec", "import", str(bundle), "-o", "json").json
    assert (again["execution"], again["replayed"]) == (answer["execution"], True)
    there, here = states_of(refold, execution), states_of(other, answer["execution"])
    assert here[: len(there)] == there
    assert other.cli("exec", "verify", answer["execution"]).status == 0
    assert other.cli("audit", "verify").status == 0
    told = other.cli("audit", "ls", "--action", "execution.imported", "-o", "json").json["items"]
    assert [(one["target"], one["reason"]) for one in told] == [
        (answer["execution"], "to look at it")
    ]


def test_a_fork_of_it_with_recorded_answers_comes_to_the_same_end(refold, other, bundle):
    ident = other.cli("exec", "import", str(bundle), "-o", "ids").body.decode().strip()
    made = other.cli(
        "exec", "fork", ident, "--at", "2", "--answers", "recorded", "--wait", "20", "-o", "json"
    )
    assert made.status == 0, made.headers
    source = other.ask("GET", f"/executions/{ident}").json
    assert made.json["output"] == source["output"]


def test_the_export_is_in_the_audit(refold, execution, bundle):
    told = refold.cli("audit", "ls", "--action", "execution.exported", "--target", execution,
                      "-o", "json").json["items"]  # fmt: skip
    assert "for the auditor" in [one["reason"] for one in told]


def test_what_is_redacted_stands_nowhere(refold, other, execution, canary, tmp_path):
    path = tmp_path / "r.refold"
    done = refold.cli("exec", "export", execution, str(path), "--redact", "/card")
    assert done.status == 0, done.headers
    with zipfile.ZipFile(path) as file:
        for name in file.namelist():
            assert canary.encode() not in file.read(name), name
    assert offline("open", str(path), "--verify")[0] == 0
    answer = other.cli("exec", "import", str(path), "-o", "json").json
    assert answer["redacted"] == ["/card"]
    body = other.ask("GET", f"/executions/{answer['execution']}/events").body
    assert canary.encode() not in body
    assert b"[redacted" in body


def test_a_slip_in_a_pointer_is_told_and_no_file_is_left(refold, execution, tmp_path):
    path = tmp_path / "s.refold"
    done = refold.cli("exec", "export", execution, str(path), "--redact", "/crad")
    assert done.status == 2
    assert "nothing ever stood at /crad" in done.headers["stderr"]
    assert list(tmp_path.iterdir()) == []


def test_it_tells_how_often_each_pointer_left_something_out(refold, execution, tmp_path):
    redact = ("--redact", "/card", "--redact", "/price")
    path = tmp_path / "t.refold"
    done = refold.cli("exec", "export", execution, str(path), *redact)
    assert "/card: left out at its place in 1 event\n" in done.body.decode()
    assert "/price: values of fewer than 4 characters" in done.headers["stderr"]
    assert "/card: values" not in done.headers["stderr"]
    done = refold.cli("exec", "export", execution, str(path), *redact, "--force", "-o", "json")
    assert done.json["redactions"] == [
        {"pointer": "/card", "events": 1, "short": 0},
        {"pointer": "/price", "events": 1, "short": 1},
    ]


def test_a_file_that_is_there_is_not_written_over(refold, execution, tmp_path):
    path = tmp_path / "kept.refold"
    path.write_text("of before")
    done = refold.cli("exec", "export", execution, str(path))
    assert done.status == 4
    assert "--force" in done.headers["stderr"]
    assert path.read_text() == "of before"
    assert refold.cli("exec", "export", execution, str(path), "--force").status == 0
    assert offline("open", str(path), "--verify")[0] == 0


def test_one_that_runs_is_imported_to_stand_still(refold, other, tmp_path):
    workflow = refold.apply(NAP.replace("{duration}", "PT1S"))
    execution = refold.start(workflow)["id"]
    path = tmp_path / "n.refold"
    while refold.cli("exec", "export", execution, str(path)).status:
        assert refold.ask("GET", f"/executions/{execution}").status == 200
    ident = other.cli("exec", "import", str(path), "-o", "ids").body.decode().strip()
    assert other.ask("GET", f"/executions/{ident}").json["status"] == "suspended"
    for verb in ("resume", "step", "cancel", "pause"):
        reply = other.ask("POST", f"/executions/{ident}/{verb}")
        assert (reply.status, reply.json["code"]) == (409, "execution.imported"), verb
    told = other.cli("exec", "why", ident).body.decode()
    assert "fork" in told
    assert "resume" not in told


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("redact=card", 400, "query.invalid"),
        ("redact=/a~2", 400, "query.invalid"),
        ("redact=/card&redact=/crad", 400, "bundle.redacts_nothing"),
        ("redact=/crad&elsewhere=false", 400, "bundle.redacts_nothing"),
        ("secrets=maybe", 400, "query.invalid"),
        ("unknown=1", 400, "query.unknown"),
    ],
)
def test_wrong_queries_are_told(refold, execution, query, status, code):
    reply = refold.ask("GET", f"/executions/{execution}/bundle?{query}")
    assert (reply.status, reply.json["code"]) == (status, code)


def test_unknown_executions_and_files_that_are_none(refold):
    reply = refold.ask("GET", "/executions/ex_00000000000000000000000000/bundle")
    assert (reply.status, reply.json["code"]) == (404, "not_found")
    for body, media, status, code in (
        (b"x" * 100, "application/zip", 400, "bundle.malformed"),
        (b"", "application/zip", 400, "bundle.malformed"),
        (b"{}", "application/json", 415, "body.media_type"),
    ):
        reply = refold.ask("POST", "/imports", body, {"Content-Type": media})
        assert (reply.status, reply.json["code"]) == (status, code)
