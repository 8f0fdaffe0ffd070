"""W2: one execution at a time through the HTTP API of `refold up`, one and ten steps.

`python -m bench.w2` starts its own server, prints JSON lines, stops it.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import aiohttp

from bench.engine_room import workflow_of
from bench.meter import load, percentiles
from server.embedded.throwaway import throwaway_folder

RUNS = {1: 300, 10: 100}
_FUNCTIONS = """
def noop(arguments):
    return {"ok": True, "note": "a result of about a hundred bytes, as in W1, to compare them"}
"""


async def serve(folder: Path) -> tuple[asyncio.subprocess.Process, str]:
    """Start `refold up`; returns the server and its URL."""
    functions = folder / "functions"
    functions.mkdir()
    (functions / "noop.py").write_text(_FUNCTIONS)
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "server.cli.main", "up", "--data", str(folder / "data"),
        "--http", "127.0.0.1:0", "--nats", "127.0.0.1:0", "--functions", str(functions),
        "-o", "json", stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert server.stdout is not None
    ready = json.loads(await server.stdout.readline())
    return server, ready["http"]


async def run(session: aiohttp.ClientSession, url: str, workflow: str) -> None:
    """Start one execution and wait for its end, in one request."""
    async with session.post(
        f"{url}/v1/namespaces/default/executions",
        json={"workflow": workflow, "input": {}},
        headers={"Prefer": "wait=30"},
    ) as reply:
        answer = await reply.json()
        assert answer["status"] == "completed", answer


async def measure(session: aiohttp.ClientSession, url: str, steps: int) -> dict[str, Any]:
    """Latencies of executions of so many steps."""
    async with session.post(
        f"{url}/v1/namespaces/default/definitions",
        data=workflow_of(steps).encode(), headers={"Content-Type": "application/json"},
    ) as reply:  # fmt: skip
        assert reply.status in (200, 201), await reply.text()
    for _ in range(20):
        await run(session, url, f"bench-{steps}")
    seconds = []
    for _ in range(RUNS[steps]):
        began = time.perf_counter()
        await run(session, url, f"bench-{steps}")
        seconds.append(time.perf_counter() - began)
    return {"bench": "W2", "steps": steps, **percentiles(seconds), "runs": len(seconds)}


async def main() -> None:
    """Both."""
    with throwaway_folder("refold-bench-") as folder:
        server, url = await serve(folder)
        try:
            async with aiohttp.ClientSession() as session:
                for steps in RUNS:
                    print(json.dumps({**await measure(session, url, steps), "load": load()}))
        finally:
            server.terminate()
            await server.wait()


if __name__ == "__main__":
    asyncio.run(main())
