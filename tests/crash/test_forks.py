"""An engine, Postgres and NATS are killed while a fork is being copied: the copy goes on from what
is there, nothing of it twice, and nothing of it runs before it is complete."""

import asyncio
import json
from pathlib import Path
from urllib.request import Request, urlopen

import asyncpg
import pytest

from engine.model.ids import parse_execution, shard_of
from tests.crash.test_up import Up, running

MANY = """
id: many
version: "1"
specVersion: "0.8"
start: First
functions: [{name: same, type: expression, operation: "{n: 1}"}]
states:
  - name: First
    type: foreach
    inputCollection: "${ .items }"
    iterationParam: item
    actions: [{functionRef: same}, {functionRef: same}]
    transition: Last
  - name: Last
    type: inject
    data: {done: true}
    end: true
"""


@pytest.mark.slow
async def test_a_copy_that_was_cut_short_is_finished_after_everything_was_killed(
    service_dir: Path,
) -> None:
    async with running(service_dir / "run") as up:
        await asked(up, "POST", "/definitions", MANY, "application/yaml")
        body = json.dumps({"workflow": "many", "input": {"items": list(range(1_000))}})
        source = (await asked(up, "POST", "/executions", body, wait_s=60))["id"]
        found = await asked(up, "GET", f"/executions/{source}")
        assert found["status"] == "completed"
        at = found["last_seq"] - 5
        made = await asked(up, "POST", f"/executions/{source}/fork", json.dumps({"at": at}))
        copied = await cut_short(up, made["execution"])
        assert 0 < copied < at
        await up.start()
        path = f"/executions/{made['execution']}"
        again = await asked(up, "GET", path, wait_s=60)
        assert (again["status"], again["output"]) == ("completed", found["output"])
        assert (await asked(up, "GET", f"{path}/verify"))["intact"]
        noted = await asked(up, "GET", f"/executions/{source}/events?after={found['last_seq']}")
        assert [one["type"] for one in noted["items"]] == ["ForkTaken"]


async def cut_short(up: Up, fork: str) -> int:
    """Kill everything when some of the copy is committed, and more cannot be; how much was."""
    ident = parse_execution(fork)
    connection = await asyncpg.connect(up.places["database"])
    count = "SELECT count(*) FROM log.events WHERE shard = $1 AND execution_id = $2"
    async with asyncio.timeout(60):
        while not await connection.fetchval(count, shard_of(ident), ident):
            await asyncio.sleep(0)
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute(
        "SELECT 1 FROM log.shards WHERE shard = $1 FOR UPDATE", shard_of(ident)
    )
    copied = await connection.fetchval(count, shard_of(ident), ident)
    await up.kill()
    connection.terminate()
    return int(copied)


async def asked(
    up: Up, method: str, path: str, body: str = "", media: str = "application/json", wait_s: int = 0
):
    headers = {"Content-Type": media} | ({"Prefer": f"wait={wait_s}"} if wait_s else {})
    url = f"{up.places['http']}/v1/namespaces/default{path}"
    request = Request(url, body.encode() or None, headers, method=method)

    def send():
        with urlopen(request, timeout=90) as answer:
            return json.load(answer)

    return await asyncio.to_thread(send)
