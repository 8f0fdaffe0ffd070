"""The audit of an installation: who did what, heads, exports, tampering in the database."""

import base64
import gzip
import json
import shutil
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest

from server.embedded.throwaway import open_to_enter
from tests.integration.conftest import GREET, NAP, ROOT, Refold, end, launch

VERIFIER = ROOT / "verifier" / "refold_verify"
EVENT = {"specversion": "1.0", "source": "/shop", "type": "paid", "data": {"n": 1}}
CLOUDEVENT = {"Content-Type": "application/cloudevents+json"}


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    directory = open_to_enter(Path(tempfile.mkdtemp(prefix="refold-audit-")))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture(scope="module")
def refold(place: Path) -> Iterator[Refold]:
    """An installation of its own, in which something was done."""
    services = ["--http", "127.0.0.1:0", "--nats", "127.0.0.1:0"]
    keys = place / "master-keys"
    keys.write_text(f"one:{base64.b64encode(b'k' * 32).decode()}\n")
    keys.chmod(0o600)
    server = launch(
        ["up", "--data", str(place / "data"), *services], place / "log",
        REFOLD_MASTER_KEY_FILE=str(keys),
    )  # fmt: skip
    try:
        yield server
    finally:
        end(server)


@pytest.fixture(scope="module")
def done(refold: Refold) -> dict[str, str]:
    """Ids of an execution that ended and of one that was cancelled."""
    greet = refold.apply(GREET)
    nap = refold.apply(NAP.replace("{duration}", "PT1H"))
    for number in range(3):
        reply = refold.ask("POST", "/events", {**EVENT, "id": f"e{number}"}, CLOUDEVENT)
        assert reply.status == 202, reply.body
    ended = refold.start(greet, wait_s=20)["id"]
    said = refold.cli("exec", "start", nap, "--reason", "größer ist 100 %", "-o", "ids")
    cancelled = said.body.decode().strip()
    refold.cli("exec", "cancel", cancelled, "--reason", "wrong price")
    assert (
        refold.ask("GET", f"/executions/{cancelled}", headers={"Prefer": "wait=20"}).json["status"]
        == "cancelled"
    )
    forked = refold.cli("exec", "fork", ended, "--at", "3", "--reason", "again", "-o", "ids")
    assert forked.status == 0, forked
    return {
        "ended": ended, "cancelled": cancelled, "greet": greet, "nap": nap,
        "forked": forked.body.decode().strip(), "erased": erased(refold),
    }  # fmt: skip


def erased(refold: Refold) -> str:
    """An execution of a namespace that encrypts, whose data was erased."""
    sealed = {"namespace": "sealed"}
    refold.ask("POST", "/settings/encryption", {"encryption": "execution"}, **sealed)
    definition = GREET.replace("{id}", "greet")
    refold.ask("POST", "/definitions", definition, {"Content-Type": "application/yaml"}, **sealed)
    reply = refold.ask("POST", "/events", {**EVENT, "id": "sealed"}, CLOUDEVENT, **sealed)
    assert reply.status == 202, reply.body
    body = {"workflow": "greet", "input": {"iban": "DE00"}}
    reply = refold.ask("POST", "/executions", body, {"Prefer": "wait=20"}, **sealed)
    assert reply.json["status"] == "completed", reply.body
    done = refold.cli(
        "admin", "erase", "--execution", reply.json["id"], "--reason", "asked for", "--namespace",
        "sealed",
    )  # fmt: skip
    assert done.status == 0, done
    return str(reply.json["id"])


def deeds(refold: Refold, **filters: str) -> list[dict]:
    query = "&".join(f"{name}={value}" for name, value in filters.items())
    return refold.ask("GET", f"/audit?{query}").json["items"]


def test_deeds_say_who_did_what_from_where_and_why(refold, done, eventually):
    eventually(lambda: len(deeds(refold, target=done["cancelled"])) == 2)
    cancelled, started = deeds(refold, target=done["cancelled"])
    assert (cancelled["action"], cancelled["reason"]) == ("execution.cancelled", "wrong price")
    assert (started["action"], started["reason"]) == ("execution.started", "größer ist 100 %")
    assert cancelled["actor"] == "anonymous"
    assert cancelled["origin"].startswith("127.0.0.1 refold-cli/")
    [applied] = deeds(refold, target=f"{done['nap']}@1.0")
    assert applied["kind"] == "entry"
    assert set(applied["data"]) == {"hash", "dialect", "media_type", "content"}
    published = deeds(refold, action="event.")
    assert [one["target"] for one in published] == ["/shop e2", "/shop e1", "/shop e0"]


def test_pages_of_deeds_give_all_once_in_order(refold, done, eventually):
    eventually(lambda: len(deeds(refold, action="execution.")) >= 3)
    whole = deeds(refold)
    assert [one["at"] for one in whole] == sorted((one["at"] for one in whole), reverse=True)
    assert {one["kind"] for one in whole} == {"command", "entry", "event"}
    told, cursor = [], ""
    while cursor is not None:
        page = refold.ask("GET", f"/audit?limit=2{cursor and f'&cursor={cursor}'}").json
        told, cursor = told + page["items"], page["next"]
    assert told == whole
    first, last = whole[-1]["at"], whole[0]["at"]
    assert deeds(refold, since=first, until=last) == whole
    assert deeds(refold, until=first.replace("20", "19", 1)) == []


def test_every_action_that_was_done_can_be_asked_for_and_no_other(refold, done, eventually):
    eventually(lambda: deeds(refold, action="execution.forked"))
    for action in {one["action"] for one in deeds(refold)}:
        assert {one["action"] for one in deeds(refold, action=action)} == {action}
    for action in ("execution.redrived", "executions.", "execution"):
        reply = refold.ask("GET", f"/audit?action={action}")
        assert (reply.status, reply.json["code"]) == (400, "query.invalid")
        assert "execution.redriven" in reply.json["detail"]
    assert refold.cli("audit", "ls", "--action", "nothing.done").status != 0


@pytest.mark.parametrize("question", ["", "/why", "/state?at=2"])
def test_an_erased_execution_is_named_as_a_whole(refold, done, question):
    path = f"/executions/{done['erased']}{question}"
    reply = refold.ask("GET", path, namespace="sealed")
    assert (reply.status, reply.json["code"]) == (410, "execution.erased"), reply.body
    assert done["erased"] in reply.json["detail"]
    assert "ev_" not in reply.json["detail"]


@pytest.mark.parametrize(
    "query", ["cursor=AAAA", "cursor=MSAxIDEgMSAx", "since=yesterday", "kind=deed", "limit=0"]
)
def test_a_query_that_cannot_be_is_refused(refold, query):
    assert refold.ask("GET", f"/audit?{query}").status == 400


def verified(refold: Refold, kept: Path | None = None) -> tuple[list[dict], dict]:
    """Faults and outcome of a verification."""
    body = None if kept is None else json.loads(kept.read_bytes())
    reply = refold.ask("POST", "/v1/audit/verify", body, namespace=None)
    lines = [json.loads(line) for line in reply.body.splitlines()]
    return [one["fault"] for one in lines if "fault" in one], lines[-1]


def test_everything_is_intact_for_the_server_and_for_an_auditor_without_it(refold, done, place):
    kept = place / "head.json"
    kept.write_bytes(refold.cli("audit", "head", "-o", "json").body)
    refold.start(done["greet"], wait_s=20)
    reply = refold.cli("audit", "verify", "--head", str(kept))
    assert (reply.status, reply.body) == (0, b"intact\n"), reply
    file = place / "log.ndjson.gz"
    assert refold.cli("audit", "export", str(file), "--reason", "monthly").status == 0
    arguments = [sys.executable, "-I", str(VERIFIER), str(file), "--head", str(kept)]
    offline = subprocess.run(arguments, capture_output=True, check=False)
    assert (offline.returncode, offline.stdout) == (0, b""), offline
    told = [json.loads(line) for line in gzip.decompress(file.read_bytes()).splitlines()]
    sealed = [one for one in told if one["record"] == "event" and one["namespace"] == "sealed"]
    assert {one["codec"] for one in sealed} == {2}
    [birth] = [one for one in told if one["record"] == "execution" and one["forked_from"]]
    assert (birth["execution"], birth["forked_from"]) == (done["forked"], done["ended"])
    [exported] = refold.ask("GET", "/v1/audit", namespace=None).json["items"]
    assert (exported["action"], exported["reason"]) == ("log.exported", "monthly")


def test_an_export_of_one_namespace_verifies_and_tells_nothing_of_others(refold, done, place):
    refold.ask(
        "POST", "/definitions", GREET.replace("{id}", "secret-workflow"),
        {"Content-Type": "application/yaml"}, namespace="other",
    )  # fmt: skip
    for _ in range(3):
        body = {"workflow": "secret-workflow"}
        refold.ask("POST", "/executions", body, {"Prefer": "wait=20"}, namespace="other")
    file = place / "part.ndjson"
    assert refold.cli("audit", "export", str(file), "--only-namespace").status == 0
    assert b"secret-workflow" not in file.read_bytes()
    assert b'"record":"other"' in file.read_bytes()
    offline = subprocess.run(
        [sys.executable, str(VERIFIER), str(file)], capture_output=True, check=False
    )
    assert (offline.returncode, offline.stdout) == (0, b""), offline


def test_a_log_that_grows_meanwhile_is_intact(refold, done, place):
    """Proofs look at nothing behind the heads that they began with."""
    file = place / "growing.ndjson"

    def grow(_: int) -> None:
        refold.start(done["greet"])
        refold.start(done["nap"])
        definition = GREET.replace("{id}", f"wf-{uuid.uuid4().hex}")
        refold.ask("POST", "/definitions", definition, {"Content-Type": "application/yaml"})
        refold.ask("POST", "/events", {**EVENT, "id": uuid.uuid4().hex}, CLOUDEVENT)

    with ThreadPoolExecutor(4) as pool:
        growing = [pool.submit(grow, number) for number in range(60)]
        while not all(one.done() for one in growing):
            assert verified(refold)[0] == []
            execution = done["ended"]
            assert refold.ask("GET", f"/executions/{execution}/verify").json["intact"]
            file.write_bytes(refold.ask("GET", "/v1/audit/export", namespace=None).body)
            offline = subprocess.run(
                [sys.executable, str(VERIFIER), str(file)], capture_output=True, check=False
            )
            assert offline.returncode == 0, offline
        for one in growing:
            one.result()


def test_a_version_that_is_activated_again_in_other_words_is_what_was_stored(refold, done, place):
    first, yaml = GREET.replace("{id}", "again"), {"Content-Type": "application/yaml"}
    for text in (first, first.replace("1.0", "2.0"), f"# a comment\n{first}"):
        assert refold.ask("POST", "/definitions", text, yaml).status == 201
    assert verified(refold)[0] == []
    file = place / "again.ndjson"
    file.write_bytes(refold.ask("GET", "/v1/audit/export", namespace=None).body)
    arguments = [sys.executable, str(VERIFIER), str(file)]
    offline = subprocess.run(arguments, capture_output=True, check=False)
    assert offline.returncode == 0, offline


ID = "(SELECT execution_id FROM log.executions WHERE workflow = '{greet}' LIMIT 1)"
TAMPERINGS = {
    "an event's column": (
        f"UPDATE log.events SET actor = 'nobody' WHERE execution_id = {ID} AND seq = 2",
        {"kind": "changed", "what": "event", "seq": 2},
    ),
    "an event's data": (
        "UPDATE log.events SET data = convert_to(replace(convert_from(data, 'UTF8'), 'wrong',"
        " 'right'), 'UTF8') WHERE type = 'ExecutionCancelled'",
        {"kind": "changed", "what": "event"},
    ),
    "an event": (
        f"DELETE FROM log.events WHERE execution_id = {ID} AND seq = 2",
        {"kind": "missing", "what": "event", "seq": 2},
    ),
    "a tail": (
        f"DELETE FROM log.events WHERE execution_id = {ID} AND seq > 2",
        {"kind": "missing", "what": "commit"},
    ),
    "the events of an execution": (
        f"DELETE FROM log.events WHERE execution_id = {ID}",
        {"kind": "removed", "what": "execution"},
    ),
    "a birth": (
        f"DELETE FROM log.executions WHERE execution_id = {ID}",
        {"kind": "missing", "what": "execution"},
    ),
    "a definition's hash at a birth": (
        f"UPDATE log.executions SET definition_hash = 'x' WHERE execution_id = {ID}",
        {"kind": "changed", "what": "execution"},
    ),
    "the order": (
        f"UPDATE log.events SET seq = CASE seq WHEN 2 THEN 1003 ELSE 1002 END WHERE execution_id ="
        f" {ID} AND seq IN (2, 3);"
        " UPDATE log.events SET seq = seq - 1000 WHERE seq > 1000",
        {"kind": "reordered", "what": "event", "seq": 2},
    ),
    "a commit": (
        "DELETE FROM log.commits WHERE commit_no = 1 AND shard = (SELECT min(shard) FROM"
        " log.shards WHERE commit_no > 1)",
        {"kind": "missing", "what": "commit", "commit": 1},
    ),
    "a commit's time": (
        "UPDATE log.commits SET at = at + 1 WHERE commit_no = 1 AND shard = (SELECT min(shard)"
        " FROM log.shards WHERE commit_no > 0)",
        {"kind": "changed", "what": "commit", "commit": 1},
    ),
    "a head": (
        "UPDATE log.shards SET hash = sha256('x') WHERE shard = (SELECT min(shard) FROM log.shards"
        " WHERE commit_no > 0)",
        {"kind": "cut_off", "what": "commit"},
    ),
    "an audit entry": (
        "UPDATE log.audit SET actor = 'nobody' WHERE namespace = 'default' AND position = 1",
        {"kind": "changed", "what": "audit", "namespace": "default", "position": 1},
    ),
    "an audit entry's being": (
        "DELETE FROM log.audit WHERE namespace = 'default' AND position = 1",
        {"kind": "missing", "what": "audit", "namespace": "default", "position": 1},
    ),
    "a definition": (
        "UPDATE log.definitions SET source = source || '#' WHERE workflow = '{greet}'",
        {"kind": "changed", "what": "definition", "target": "{greet}@1.0"},
    ),
    "a definition's dialect": (
        "UPDATE log.definitions SET dialect = dialect || 'x' WHERE workflow = '{greet}'",
        {"kind": "changed", "what": "definition", "target": "{greet}@1.0"},
    ),
    "a definition's being": (
        "DELETE FROM log.definitions WHERE workflow = '{greet}'",
        {"kind": "missing", "what": "definition", "target": "{greet}@1.0"},
    ),
    "a definition's entry": (
        "INSERT INTO log.definitions SELECT namespace, workflow, 'x', definition_hash, dialect,"
        " media_type, source, 0, actor, false FROM log.definitions WHERE workflow = '{greet}'",
        {"kind": "foreign", "what": "definition", "target": "{greet}@x"},
    ),
    "a CloudEvent": (
        "UPDATE log.cloudevents SET body = convert_to(replace(convert_from(body, 'UTF8'), '1}',"
        " '2}'), 'UTF8') WHERE position = 2",
        {"kind": "changed", "what": "cloudevent", "position": 2},
    ),
    "what a CloudEvent is found by": (
        "UPDATE log.cloudevents SET type = type || 'x' WHERE position = 2",
        {"kind": "changed", "what": "cloudevent", "position": 2},
    ),
    "whom a CloudEvent wakes": (
        "UPDATE log.cloudevents SET attributes = convert_to(replace(convert_from(attributes,"
        " 'UTF8'), '}', ',\"who\":\"me\"}'), 'UTF8') WHERE position = 2",
        {"kind": "changed", "what": "cloudevent", "position": 2},
    ),
    "a CloudEvent's being": (
        "DELETE FROM log.cloudevents WHERE position = 2",
        {"kind": "missing", "what": "cloudevent", "position": 2},
    ),
}
REPLACE = "DELETE FROM log.{table}; INSERT INTO log.{table} SELECT * FROM kept"
RESTORE = {  # whose rows the engine leases meanwhile
    "shards": "UPDATE log.shards AS s SET hash = k.hash FROM kept AS k WHERE k.shard = s.shard"
}


@pytest.mark.parametrize("name", TAMPERINGS)
async def test_tampering_in_the_database_is_found_and_named(refold, done, name):
    statement, expected = TAMPERINGS[name]
    session = await asyncpg.connect(refold.database)
    await session.execute("SET session_replication_role = replica")  # no trigger, no other key
    table = statement.split("log.", 1)[1].split()[0]
    await session.execute(f"CREATE TEMP TABLE kept AS SELECT * FROM log.{table}")
    try:
        changed = await session.execute(statement.replace("{greet}", done["greet"]))
        assert not changed.endswith(" 0"), changed
        faults, outcome = verified(refold)
    finally:
        await session.execute(RESTORE.get(table, REPLACE).replace("{table}", table))
        await session.close()
    wanted = {
        key: value.replace("{greet}", done["greet"]) if isinstance(value, str) else value
        for key, value in expected.items()
    }
    assert not outcome["intact"]
    assert outcome["faults"] == len(faults)
    assert any(wanted.items() <= fault.items() for fault in faults), faults


async def test_a_log_that_was_cut_with_its_head_is_found_by_a_kept_head(refold, done, place):
    kept = place / "kept.json"
    kept.write_bytes(refold.cli("audit", "head", "-o", "json").body)
    session = await asyncpg.connect(refold.database)
    await session.execute("SET session_replication_role = replica")
    shard = (await session.fetchrow("SELECT shard FROM log.shards WHERE commit_no > 0"))["shard"]
    before = await session.fetchrow("SELECT * FROM log.shards WHERE shard = $1", shard)
    try:
        await session.execute(
            "UPDATE log.shards SET commit_no = 0, last_position = 0 WHERE shard = $1", shard
        )
        faults, _ = verified(refold, kept)
        reply = refold.cli("audit", "verify", "--head", str(kept))
    finally:
        await session.execute(
            "UPDATE log.shards SET commit_no = $2, last_position = $3 WHERE shard = $1",
            shard, before["commit_no"], before["last_position"],
        )  # fmt: skip
        await session.close()
    assert reply.status == 7
    assert f"HEAD_DIFFERS head: shard {shard}".encode() in reply.body
    assert {"kind": "head_differs", "shard": shard}.items() <= faults[0].items()
    assert verified(refold, kept)[1]["intact"]


@pytest.mark.parametrize(
    ("content", "code"), [("no json", 2), ("{}", 2), ('{"root":1,"shards":1,"audit":1}', 1)]
)
def test_a_head_that_is_none_is_refused(refold, place, content, code):
    file = place / "bad.json"
    file.write_text(content)
    reply = refold.cli("audit", "verify", "--head", str(file))
    assert reply.status == code, reply
    assert "Traceback" not in reply.headers["stderr"]


def test_an_export_that_cannot_be_written_or_asked_is_an_error(refold, place):
    assert refold.cli("audit", "export", str(place / "no" / "file")).status == 2
    reply = refold.ask("GET", "/v1/audit/export?namespace=%2A", namespace=None)
    assert (reply.status, reply.json["code"]) == (400, "namespace.malformed")
