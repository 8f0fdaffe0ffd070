"""Everything is killed while an import is being copied: the copy goes on from what is there, and
what is staged is forgotten when it is whole."""

import asyncio
import json
from pathlib import Path
from urllib.request import Request, urlopen

import asyncpg
import pytest

from tests.crash.test_forks import MANY, asked, cut_short
from tests.crash.test_up import Up, running


@pytest.mark.slow
async def test_an_import_that_was_cut_short_is_finished_after_everything_was_killed(
    service_dir: Path,
) -> None:
    async with running(service_dir / "run") as up:
        await asked(up, "POST", "/definitions", MANY, "application/yaml")
        body = json.dumps({"workflow": "many", "input": {"items": list(range(1_000))}})
        source = (await asked(up, "POST", "/executions", body, wait_s=60))["id"]
        found = await asked(up, "GET", f"/executions/{source}")
        bundle = await sent(up, "GET", f"/executions/{source}/bundle")
        answer = json.loads(await sent(up, "POST", "/imports", bundle))
        copied = await cut_short(up, answer["execution"])
        assert 0 < copied < answer["events"] == found["last_seq"]
        await up.start()
        again = json.loads(await sent(up, "POST", "/imports", bundle, wait_s=60))
        assert (again["execution"], again["replayed"]) == (answer["execution"], True)
        assert again["copied"]
        state = await asked(up, "GET", f"/executions/{answer['execution']}")
        assert (state["status"], state["output"]) == ("completed", found["output"])
        assert state["last_seq"] == found["last_seq"] + 1
        assert (await asked(up, "GET", f"/executions/{answer['execution']}/verify"))["intact"]
        await nothing_is_staged(up)


async def nothing_is_staged(up: Up) -> None:
    connection = await asyncpg.connect(up.places["database"])
    async with asyncio.timeout(30):
        while await connection.fetchval("SELECT count(*) FROM log.staged_imports"):
            await asyncio.sleep(0.05)
    await connection.close()


async def sent(up: Up, method: str, path: str, body: bytes = b"", wait_s: int = 0) -> bytes:
    headers = {"Content-Type": "application/zip"} | ({"Prefer": f"wait={wait_s}"} if wait_s else {})
    url = f"{up.places['http']}/v1/namespaces/default{path}"
    request = Request(url, body or None, headers, method=method)

    def send() -> bytes:
        with urlopen(request, timeout=90) as answer:
            return answer.read()

    return await asyncio.to_thread(send)
