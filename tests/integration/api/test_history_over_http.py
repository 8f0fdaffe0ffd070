"""The log of one execution over HTTP: pages, downloads, live views, the past, the proofs."""

import http.client
import json
from urllib.parse import urlsplit

import asyncpg
import pytest

from engine.model.ids import parse_execution
from tests.integration.conftest import NAP


@pytest.fixture(scope="module")
def ended(refold, greet):
    """An execution with five events."""
    return refold.start(greet, wait_s=20, input={"n": 1})["id"]


def test_events_have_their_envelope_and_their_data(refold, ended):
    items = refold.ask("GET", f"/executions/{ended}/events").json["items"]
    assert [one["seq"] for one in items] == [1, 2, 3, 4, 5]
    assert items[0]["type"] == "ExecutionStarted"
    assert items[0]["data"]["input"] == {"n": 1}
    assert items[1]["name"] == "Greet"
    assert items[-1]["type"] == "ExecutionCompleted"
    assert all(one["at"].endswith("Z") and one["id"].startswith("ev_") for one in items)


def test_pages_follow_each_other(refold, ended):
    page = refold.ask("GET", f"/executions/{ended}/events?limit=2").json
    assert [one["seq"] for one in page["items"]] == [1, 2]
    page = refold.ask("GET", f"/executions/{ended}/events?limit=3&after={page['next']}").json
    assert [one["seq"] for one in page["items"]] == [3, 4, 5]
    assert page["next"] is None


def test_a_download_has_one_event_a_line(refold, ended):
    reply = refold.ask(
        "GET", f"/executions/{ended}/events", headers={"Accept": "application/x-ndjson"}
    )
    lines = reply.body.splitlines()
    assert [json.loads(line)["seq"] for line in lines] == [1, 2, 3, 4, 5]


def test_a_live_view_of_an_ended_execution_ends(refold, ended):
    reply = refold.ask(
        "GET", f"/executions/{ended}/events", headers={"Accept": "text/event-stream"}
    )
    assert reply.headers["content-type"] == "text/event-stream"
    assert reply.body.count(b"id: ") == 5
    assert reply.body.endswith(b"event: end\ndata: {}\n\n")


def test_a_live_view_resumes_behind_the_last_event_seen(refold, ended):
    headers = {"Accept": "text/event-stream", "Last-Event-ID": "4"}
    body = refold.ask("GET", f"/executions/{ended}/events", headers=headers).body
    assert body.startswith(b"id: 5\nevent: ExecutionCompleted\n")


def test_a_live_view_shows_events_as_they_come(refold):
    nap = refold.apply(NAP.replace("{duration}", "PT2S"))
    execution = refold.start(nap)["id"]
    parts = urlsplit(refold.url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    path = f"/v1/namespaces/default/executions/{execution}/events"
    connection.request("GET", path, headers={"Accept": "text/event-stream"})
    response = connection.getresponse()
    seen = []
    while line := response.readline():
        if line.startswith(b"event: "):
            seen.append(line[7:].strip().decode())
        if seen == ["ExecutionStarted", "StateEntered", "TimerSet"]:
            # The timer runs: the stream must go on from here by itself.
            seen.append("(open)")
    connection.close()
    assert seen[0] == "ExecutionStarted"
    assert "(open)" in seen
    assert seen[-2:] == ["ExecutionCompleted", "end"]


def test_the_state_at_every_event(refold, ended):
    before = refold.ask("GET", f"/executions/{ended}/state?at=0").json
    assert (before["seq"], before["status"], before["data"]) == (0, "running", None)
    middle = refold.ask("GET", f"/executions/{ended}/state?at=3").json
    assert (middle["seq"], middle["states"]) == (3, ["Greet"])
    assert middle["data"] == {"n": 1, "greeting": "hello"}
    after = refold.ask("GET", f"/executions/{ended}/state?at=5").json
    assert after["status"] == "completed"
    assert after["output"] == {"n": 1, "greeting": "hello"}
    now = refold.ask("GET", f"/executions/{ended}/state").json
    assert now == after


def test_the_state_at_a_time(refold, ended):
    events = refold.ask("GET", f"/executions/{ended}/events").json["items"]
    at = refold.ask("GET", f"/executions/{ended}/state?at={events[-1]['at']}").json
    assert at["seq"] == 5
    early = refold.ask("GET", f"/executions/{ended}/state?at=2000-01-01T00:00:00Z").json
    assert early["seq"] == 0


@pytest.mark.parametrize("at", ["6", "999"])
def test_a_state_beyond_the_last_event_is_not_found(refold, ended, at):
    assert refold.ask("GET", f"/executions/{ended}/state?at={at}").status == 404


@pytest.mark.parametrize("at", ["-1", "x", "1e3", "2026-13-01T00:00:00Z", "99999999999999999999"])
def test_a_state_at_nonsense_is_refused(refold, ended, at):
    assert refold.ask("GET", f"/executions/{ended}/state?at={at}").status == 400


def test_replay_equals_the_live_state(refold, ended):
    found = refold.ask("GET", f"/executions/{ended}/replay").json
    assert found["equal"] is True
    assert [step["seq"] for step in found["steps"]] == [1, 2, 3, 4, 5]
    assert found["steps"][-1]["digest"] == found["live_digest"]


def test_an_untouched_log_is_intact(refold, ended):
    found = refold.ask("GET", f"/executions/{ended}/verify").json
    assert found["intact"] is True
    assert found["fault"] is None
    assert found["events"] == 5


async def _tamper(refold, statement, execution):
    connection = await asyncpg.connect(refold.database)
    try:
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(statement, parse_execution(execution))
    finally:
        await connection.close()


TAMPERING = {
    "changed data": (
        "UPDATE log.events SET data = overlay(data placing '\\x58' from 14 for 1)"
        " WHERE execution_id = $1 AND seq = 3",
        "changed", 3,
    ),
    "changed time": (
        "UPDATE log.events SET at = at + 1 WHERE execution_id = $1 AND seq = 2", "changed", 2,
    ),
    "changed actor": (
        "UPDATE log.events SET actor = 'key:somebody' WHERE execution_id = $1 AND seq = 1",
        "changed", 1,
    ),
    "another epoch": (
        "UPDATE log.events SET epoch = epoch + 1 WHERE execution_id = $1 AND seq = 2",
        "changed", 2,
    ),
    "another spelling": (
        "UPDATE log.events SET data = data || '\\x20'::bytea WHERE execution_id = $1 AND seq = 2",
        "changed", 2,
    ),
    "missing": ("DELETE FROM log.events WHERE execution_id = $1 AND seq = 4", "missing", 4),
    "missing first": ("DELETE FROM log.events WHERE execution_id = $1 AND seq = 1", "missing", 1),
    "reordered": (
        "UPDATE log.events SET seq = CASE seq WHEN 2 THEN 1003 ELSE 1002 END"
        " WHERE execution_id = $1 AND seq IN (2, 3)",
        "reordered", 2,
    ),
    "cut off": ("DELETE FROM log.events WHERE execution_id = $1 AND seq > 3", "cut_off", 4),
    "removed": ("DELETE FROM log.events WHERE execution_id = $1", "removed", None),
}  # fmt: skip


@pytest.mark.parametrize("how", TAMPERING)
async def test_tampering_is_found_and_named(refold, greet, how):
    execution = refold.start(greet, wait_s=20)["id"]
    statement, kind, seq = TAMPERING[how]
    await _tamper(refold, statement, execution)
    if how == "reordered":
        await _tamper(
            refold,
            "UPDATE log.events SET seq = seq - 1000 WHERE execution_id = $1 AND seq > 1000",
            execution,
        )
    found = refold.ask("GET", f"/executions/{execution}/verify").json
    assert found["intact"] is False
    assert (found["fault"]["kind"], found["fault"]["seq"]) == (kind, seq), found["fault"]


KEEP_COMMIT = """
CREATE TEMP TABLE kept AS SELECT * FROM log.commits LIMIT 0"""
CUT_COMMIT = """
WITH cut AS (DELETE FROM log.commits WHERE shard = $1 AND commit_no >= $2 RETURNING *)
INSERT INTO kept SELECT * FROM cut"""
HEAD = "SELECT commit_no, hash, last_position FROM log.shards WHERE shard = $1"
HEAD_BEFORE = """
SELECT commit_no, hash, first_position + count - 1 FROM log.commits WHERE shard = $1
UNION ALL
SELECT 0, sha256(convert_to(format('refold-chain-1|%s|%s', cluster_id, $1), 'UTF8')), 0
FROM log.meta
ORDER BY 1 DESC LIMIT 1"""
SET_HEAD = "UPDATE log.shards SET commit_no = $2, hash = $3, last_position = $4 WHERE shard = $1"


def _head_of(found):
    head = found["head"]
    return ".".join(str(head[name]) for name in ("shard", "commit_no", "hash", "seq", "event_hash"))


async def test_an_earlier_head_shows_a_tail_of_commits_that_was_cut_off(refold, greet):
    execution = refold.start(greet, wait_s=20)["id"]
    found = refold.ask("GET", f"/executions/{execution}/verify").json
    path = f"/executions/{execution}/verify?head={_head_of(found)}"
    assert refold.ask("GET", path).json["intact"] is True
    shard, commit_no = found["head"]["shard"], found["head"]["commit_no"]
    connection = await asyncpg.connect(refold.database)
    try:
        # Someone who may do everything puts the shard back to before the execution.
        await connection.execute("SET session_replication_role = replica")
        await connection.execute(KEEP_COMMIT)
        await connection.execute(CUT_COMMIT, shard, commit_no)
        await connection.execute(
            "DELETE FROM log.events WHERE execution_id = $1", parse_execution(execution)
        )
        head = await connection.fetchrow(HEAD, shard)
        before = await connection.fetchrow(HEAD_BEFORE, shard)
        await connection.execute(SET_HEAD, shard, *before)
        anchored = refold.ask("GET", path).json
        await connection.execute(SET_HEAD, shard, *head)
        await connection.execute("INSERT INTO log.commits SELECT * FROM kept")
    finally:
        await connection.close()
    assert anchored["intact"] is False
    assert anchored["fault"]["kind"] in ("removed", "head_differs")
