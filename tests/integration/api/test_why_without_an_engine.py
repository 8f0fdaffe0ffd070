"""Why nothing moves while no engine lives, or one that lives does not take what came for it."""

import asyncio
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import asyncpg
import pytest

from tests.integration.conftest import GREET, NAP, Refold, end, launch


@pytest.fixture(scope="module")
def api(refold: Refold, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refold]:
    """The role api alone, over a database of its own on the session's Postgres."""
    name = f"why_{uuid.uuid4().hex[:12]}"
    sql(refold.database, f'CREATE DATABASE "{name}"')
    database = urlsplit(refold.database)._replace(path=f"/{name}").geturl()
    server = launch(
        ["serve", "--role", "api", "--http", "127.0.0.1:0"],
        tmp_path_factory.mktemp("why") / "log",
        REFOLD_DATABASE_URL=database,
        REFOLD_NATS_URL=refold.nats,
    )
    try:
        yield Refold(server.url, refold.nats, database, server.process)
    finally:
        end(server)
        sql(refold.database, f'DROP DATABASE "{name}" WITH (FORCE)')


def sql(database: str, statement: str) -> None:
    async def run() -> None:
        session = await asyncpg.connect(database)
        try:
            await session.execute(statement)
        finally:
            await session.close()

    asyncio.run(run())


def why(api: Refold, execution: str):
    answer = api.ask("GET", f"/executions/{execution}/why").json
    return answer, answer["reasons"][0]


def test_a_start_that_no_engine_takes_says_that_none_lives(api):
    execution = api.start(api.apply(GREET))["id"]
    answer, reason = why(api, execution)
    assert reason["kind"] == "no_engine"
    assert answer["engine"]["rows_for_it"] == ["start"]
    assert f"the inbox of shard {answer['engine']['shard']}" in answer["summary"]
    assert "No engine holds the shard; no engine lives." in answer["summary"]
    assert reason["unblock"] == ["Start an engine: refold serve --role engine, or refold up"]
    shown = api.cli("exec", "why", execution).body.decode()
    assert "accepted, but not begun" in shown
    assert "nobody, 1 in its inbox" in shown


def test_an_engine_that_does_not_take_what_came_is_named_with_what_came(api):
    execution = api.start(api.apply(NAP.replace("{duration}", "PT1H")))["id"]
    answer, _ = why(api, execution)
    shard = answer["engine"]["shard"]
    api.ask("POST", f"/executions/{execution}/cancel", {"reason": "late"})
    lease = "owner = 'e9', expires_at = log.now_ms_v1() + 3600000"
    sql(api.database, f"UPDATE log.shards SET {lease} WHERE shard = {shard}")
    sql(api.database, "UPDATE log.inbox SET at = at - 60000")
    answer, reason = why(api, execution)
    assert reason["kind"] == "not_begun"
    assert answer["engine"] == {
        "shard": shard,
        "owner": "e9",
        "lease_until": answer["engine"]["lease_until"],
        "lease_valid": True,
        "living": [],
        "inbox_rows": 2,
        "oldest_row_at": answer["engine"]["oldest_row_at"],
        "rows_for_it": ["start", "cancel"],
    }
    assert "Engine e9 holds the shard." in answer["summary"]
    assert "quarantine" in answer["summary"]
    assert reason["unblock"] == [f"Look into the log of engine e9 for {execution}."]
    sql(api.database, f"UPDATE log.shards SET expires_at = 1 WHERE shard = {shard}")
    answer, reason = why(api, execution)
    assert reason["kind"] == "no_engine"
    assert "Engine e9 had the shard, its lease ran out" in answer["summary"]


def test_a_cloudevent_that_no_matcher_has_come_to_says_so(api):
    headers = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/s", "ce-type": "t"}
    position = api.ask("POST", "/events", b"", headers).json["receipts"][0]["position"]
    answer = api.ask("GET", f"/events/{position}/explain").json
    assert (answer["matched"], answer["matcher_position"], answer["head"]) == (False, 0, position)
    assert f"it has read up to 0 of {position}" in answer["summary"]
