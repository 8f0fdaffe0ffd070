"""The commands against a running server: what they print, and how they exit."""

import json
import uuid

import pytest

from tests.integration.conftest import GREET, NAP

RAISES = """
id: {id}
version: "1.0"
specVersion: "0.8"
name: Raises
start: Choose
states:
  - name: Choose
    type: switch
    dataConditions:
      - {name: never, condition: "${ .a == 1 }", end: true}
    defaultCondition: {transition: Again}
  - name: Again
    type: switch
    dataConditions:
      - {name: text, condition: "${ .b }", end: true}
    defaultCondition: {end: true}
"""


@pytest.fixture
def definition(tmp_path):
    """A file with a workflow of its own; (path, id)."""
    ident = f"wf-{uuid.uuid4().hex[:12]}"
    path = tmp_path / "greet.yaml"
    path.write_text(GREET.replace("{id}", ident))
    return str(path), ident


def _json(reply):
    assert reply.body.count(b"\n") == 1, "one document on one line"
    return json.loads(reply.body)


def test_validate_needs_no_server(refold, definition, tmp_path):
    path, ident = definition
    good = refold.cli("def", "validate", path, "-o", "json", REFOLD_URL="http://127.0.0.1:1")
    assert good.status == 0
    assert _json(good)["items"][0]["workflow"] == ident
    bad = tmp_path / "bad.yaml"
    bad.write_text("id: x\nstart: Nobody\n")
    reply = refold.cli("def", "validate", path, str(bad), REFOLD_URL="http://127.0.0.1:1")
    assert reply.status == 1
    assert b"definition." in reply.body


def test_apply_list_get_and_draw(refold, definition):
    path, ident = definition
    applied = refold.cli("def", "apply", path, "-o", "json")
    assert (applied.status, _json(applied)["changed"]) == (0, True)
    assert _json(refold.cli("def", "apply", path, "-o", "json"))["changed"] is False
    listed = _json(refold.cli("def", "ls", "-o", "json"))["items"]
    assert ident in {one["workflow"] for one in listed}
    assert ident.encode() in refold.cli("def", "get", ident).body
    assert b"flowchart" in refold.cli("def", "graph", ident).body
    assert b"flowchart" in refold.cli("def", "graph", path).body


def test_apply_refuses_with_every_fault_and_its_place(refold, tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text(GREET.replace("{id}", "x").replace("start: Greet", "start: Nobody"))
    reply = refold.cli("def", "apply", str(path))
    assert reply.status == 1
    assert "definition." in reply.headers["stderr"]
    assert "/start" in reply.headers["stderr"]


def test_apply_of_several_files_applies_all_or_none(refold, definition, tmp_path):
    good, ident = definition
    bad, other = tmp_path / "bad.yaml", tmp_path / "other.yaml"
    text = GREET.replace("{id}", f"{ident}-other")
    other.write_text(text)
    bad.write_text(text.replace("start: Greet", "start: Nobody"))
    refused = refold.cli("def", "apply", good, str(bad), str(other))
    assert (refused.status, refused.body) == (1, b"")
    assert "nothing was applied" in refused.headers["stderr"]
    assert f"{bad}: refused" in refused.headers["stderr"]
    assert refold.ask("GET", f"/definitions/{ident}").status == 404
    applied = refold.cli("def", "apply", good, str(other), "-o", "json")
    assert [one["workflow"] for one in _json(applied)["items"]] == [ident, f"{ident}-other"]


def test_a_list_has_all_pages_unless_limited_and_then_says_what_comes_next(refold, eventually):
    nap = refold.apply(NAP.replace("{duration}", "PT1H"))
    idents = {refold.start(nap)["id"] for _ in range(3)}
    listing = ["exec", "ls", "--workflow", nap]
    eventually(lambda: len(_json(refold.cli(*listing, "-o", "json"))["items"]) == 3)
    found = _json(refold.cli(*listing, "-o", "json"))
    assert ({one["id"] for one in found["items"]}, found["next"]) == (idents, None)
    limited = _json(refold.cli(*listing, "--limit", "2", "-o", "json"))
    assert (len(limited["items"]), bool(limited["next"])) == (2, True)
    assert "2 shown, more exist" in refold.cli(*listing, "--limit", "2").headers["stderr"]
    for ident in idents:
        refold.cli("exec", "cancel", ident)


def test_run_prints_the_output_and_start_prints_the_id(refold, greet):
    ran = refold.cli("exec", "run", greet, "--input", '{"n": 1.50}')
    assert (ran.status, ran.body) == (0, b'{"n":1.50,"greeting":"hello"}\n')
    started = refold.cli("exec", "start", greet, "-o", "ids")
    assert started.body.startswith(b"ex_")


def test_input_comes_from_a_file_or_from_stdin(refold, greet, tmp_path):
    path = tmp_path / "input.json"
    path.write_text('{"from": "file"}')
    ran = refold.cli("exec", "run", greet, "--input", f"@{path}")
    assert json.loads(ran.body)["from"] == "file"
    ran = refold.cli("exec", "run", greet, "--input", "-", stdin=b'{"from": "stdin"}')
    assert json.loads(ran.body)["from"] == "stdin"
    assert refold.cli("exec", "run", greet, "--input", "{broken").status == 2


def test_the_same_name_is_the_same_execution_and_another_input_is_a_conflict(refold, greet):
    name = uuid.uuid4().hex
    first = refold.cli("exec", "start", greet, "--name", name, "-o", "ids")
    again = refold.cli("exec", "start", greet, "--name", name, "-o", "ids")
    assert first.body == again.body
    other = refold.cli("exec", "start", greet, "--name", name, "--input", "1")
    assert other.status == 4


def test_a_failed_execution_exits_with_6(refold, tmp_path):
    path = tmp_path / "raises.yaml"
    ident = f"wf-{uuid.uuid4().hex[:12]}"
    path.write_text(RAISES.replace("{id}", ident))
    assert refold.cli("def", "apply", str(path)).status == 0
    ran = refold.cli("exec", "run", ident, "--input", '{"b": "no boolean"}', "-o", "json")
    assert ran.status == 6
    found = _json(ran)
    assert found["error"]["code"] == "condition.not_boolean"
    place = "in Again, /states/1/dataConditions/0/condition: ${ .b }"
    shown = refold.cli("exec", "get", found["id"], "--wait", "1")
    assert (shown.status, place in shown.body.decode()) == (6, True)
    assert f"started {found['id']}" in ran.headers["stderr"]
    assert refold.cli("exec", "watch", found["id"]).status == 6
    assert refold.cli("exec", "get", found["id"]).status == 0


def test_what_takes_too_long_exits_with_124(refold, tmp_path):
    nap = refold.apply(NAP.replace("{duration}", "PT1H"))
    ran = refold.cli("exec", "run", nap, "--timeout", "1", "-o", "json")
    assert ran.status == 124
    assert _json(ran)["status"] in ("running", "waiting")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["exec", "get", "ex_00000000000000000000000000"], 3),
        (["exec", "get", "nonsense"], 3),
        (["exec", "start", "nobody-applied-this"], 3),
        (["def", "get", "nobody-applied-this"], 3),
        (["exec", "callback", "cb_00"], 3),
        (["exec", "ls", "--status", "asleep"], 1),
        (["exec", "nonsense"], 2),
        (["exec", "get"], 2),
        (["event", "publish"], 2),
        (["event", "publish", "/no/such/file"], 2),
        (["exec", "ls", "--server", "ftp://x"], 2),
        (["exec", "ls", "--server", "http://127.0.0.1:1"], 1),
        (["serve", "--role", "cook"], 2),
        (["up", "--http", "127.0.0.1:0", "--data", "/proc/nowhere"], 1),
        (["up", "--http", "0.0.0.0:0", "--data", "/proc/nowhere"], 2),
        (["up", "--http", "nonsense"], 2),
        (["--version"], 0),
    ],
)
def test_exit_codes(refold, arguments, code):
    assert refold.cli(*arguments).status == code


def test_look_into_an_execution(refold, greet, tmp_path):
    ident = refold.start(greet, wait_s=20, input={"n": 1})["id"]
    assert _json(refold.cli("exec", "get", ident, "-o", "json"))["status"] == "completed"
    events = _json(refold.cli("exec", "events", ident, "-o", "json"))["items"]
    assert [one["seq"] for one in events] == [1, 2, 3, 4, 5]
    assert _json(refold.cli("exec", "at", ident, "3", "-o", "json"))["states"] == ["Greet"]
    before = refold.cli("exec", "at", ident, "0").body.decode()
    assert before == f"{ident}: nothing had happened yet\n"
    replayed = refold.cli("exec", "replay", ident)
    assert replayed.status == 0
    assert b"equal to the live one" in replayed.body
    head = tmp_path / "head.json"
    assert refold.cli("exec", "verify", ident, "--save-head", str(head)).status == 0
    assert json.loads(head.read_text())["execution"] == ident
    assert refold.cli("exec", "verify", ident, "--head", str(head)).status == 0
    shown = refold.cli("exec", "watch", ident)
    assert shown.status == 0
    assert shown.body.count(b"\n") == 5
    for arguments in (["events", ident], ["get", ident], ["at", ident, "2"], ["ls"]):
        table = refold.cli("exec", *arguments)
        assert table.status == 0
        assert ident.encode() in table.body or arguments[0] == "events"


def test_a_head_that_does_not_fit_exits_with_7(refold, greet, tmp_path):
    ident = refold.start(greet, wait_s=20)["id"]
    head = tmp_path / "head.json"
    refold.cli("exec", "verify", ident, "--save-head", str(head))
    other = json.loads(head.read_text()) | {"hash": "0" * 64}
    head.write_text(json.dumps(other))
    reply = refold.cli("exec", "verify", ident, "--head", str(head), "-o", "json")
    assert reply.status == 7
    assert _json(reply)["fault"]["kind"] == "head_differs"


def test_watch_follows_to_the_end(refold):
    nap = refold.apply(NAP.replace("{duration}", "PT1S"))
    ident = refold.start(nap)["id"]
    shown = refold.cli("exec", "watch", ident, "-o", "json")
    types = [json.loads(line)["type"] for line in shown.body.splitlines()]
    assert types[0] == "ExecutionStarted"
    assert types[-1] == "ExecutionCompleted"


def test_cancel_and_list_by_status(refold, eventually):
    nap = refold.apply(NAP.replace("{duration}", "PT1H"))
    ident = refold.start(nap)["id"]
    assert refold.cli("exec", "cancel", ident, "--reason", "enough").status == 0
    eventually(lambda: refold.ask("GET", f"/executions/{ident}").json["status"] == "cancelled")
    assert refold.ask("GET", f"/executions/{ident}").json["reason"] == "enough"
    assert b"reason    enough" in refold.cli("exec", "get", ident).body
    assert refold.cli("exec", "cancel", ident).status == 4
    listing = ["exec", "ls", "--workflow", nap, "--status", "cancelled", "-o", "ids"]
    eventually(lambda: refold.cli(*listing).body.decode().split() == [ident])


def test_publish_from_options_and_files_and_list(refold, tmp_path):
    kind = f"cli.{uuid.uuid4().hex}"
    options = ["event", "publish", "--type", kind, "--data", '{"n": 1}', "--ext", "order=7"]
    assert _json(refold.cli(*options, "-o", "json"))["receipts"][0]["outcome"] == "stored"
    event = {"specversion": "1.0", "id": uuid.uuid4().hex, "source": "/f", "type": kind}
    path = tmp_path / "events.json"
    path.write_text(json.dumps([event, event]))
    receipts = _json(refold.cli("event", "publish", str(path), "-o", "json"))["receipts"]
    assert [one["outcome"] for one in receipts] == ["stored", "duplicate"]
    path.write_text(json.dumps(event | {"subject": "other"}))
    assert refold.cli("event", "publish", str(path)).status == 4
    path.write_text(json.dumps(event | {"source": ""}))
    assert refold.cli("event", "publish", str(path)).status == 1
    listed = _json(refold.cli("event", "ls", "--type", kind, "-o", "json"))["items"]
    assert len(listed) == 2
    assert listed[0]["event"]["order"] == "7"
    assert refold.cli("event", "dlq", "ls").status == 0


def test_the_doctor_finds_a_healthy_installation(refold):
    reply = refold.cli(
        "doctor", "-o", "json", REFOLD_DATABASE_URL=refold.database, REFOLD_NATS_URL=refold.nats
    )
    found = {one["check"]: one["outcome"] for one in _json(reply)["items"]}
    assert reply.status == 0
    checks = ["durability", "migrations", "clock", "rights", "shards", "master keys", "nats"]
    assert found == dict.fromkeys(["refold", *checks], "ok")


def test_the_doctor_says_what_is_missing(refold):
    reply = refold.cli("doctor", REFOLD_DATABASE_URL="", REFOLD_NATS_URL="nats://127.0.0.1:1")
    assert reply.status == 1
    assert b"REFOLD_DATABASE_URL is not set" in reply.body
