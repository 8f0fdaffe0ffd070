"""`make bench-history`: what each question about the past costs on a large history.

A database is filled with histories of orders (`bench.histories`); a server is started over it; one
execution loops until it has nearly a million events. Then every question is asked over HTTP, some
times for random executions, and its time is taken. `--report` writes docs/performance.md.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Awaitable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import aiohttp

from bench.__main__ import ROOT, machine
from bench.histories import ORDER, fill
from bench.meter import load, percentiles
from server.embedded.postgres import EmbeddedPostgres
from server.embedded.throwaway import throwaway_folder

_PAGE = ROOT / "docs/performance.md"
_BEGIN, _END = "<!-- questions: begin -->", "<!-- questions: end -->"
_API = "/v1/namespaces/default"
_EVENTS_A_ROUND = 7
_SEED = 7


def counting(rounds: int) -> dict[str, Any]:
    """A definition that counts; each round is seven events."""
    return {
        "id": "bench-count",
        "version": "1",
        "specVersion": "0.8",
        "start": "Count",
        "functions": [{"name": "count", "type": "expression", "operation": "{n: (.n + 1)}"}],
        "states": [
            {
                "name": "Count",
                "type": "operation",
                "actions": [{"name": "count", "functionRef": {"refName": "count"}}],
                "transition": "Again",
            },
            {
                "name": "Again",
                "type": "switch",
                "dataConditions": [{"condition": f"${{ .n < {rounds} }}", "transition": "Count"}],
                "defaultCondition": {"end": True},
            },
        ],
    }


class Asker:
    """Asks the API and takes the time."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def get(self, path: str) -> Any:
        """The JSON of an answer. The past may be kept by the client: it is asked for anew here."""
        async with self._session.get(f"{self._url}{path}") as reply:
            body = await reply.read()
            assert reply.status == 200, (path, reply.status, body[:300])
            return json.loads(body) if reply.content_type == "application/json" else body

    async def post(self, path: str, body: Any) -> Any:
        """The JSON of an answer that made something."""
        async with self._session.post(f"{self._url}{path}", json=body) as reply:
            found = await reply.read()
            assert reply.status in (200, 201, 202), (path, reply.status, found[:300])
            return json.loads(found) if reply.content_type == "application/json" else found

    async def timed(self, label: str, asks: list[str]) -> dict[str, Any]:
        """Ask each, one after the other."""
        return self._told(label, [await self._seconds(self.get(path)) for path in asks])

    async def timed_posts(self, label: str, paths: list[str], body: Any) -> dict[str, Any]:
        """Post the body to each, one after the other."""
        seconds = [await self._seconds(self.post(path, body)) for path in paths]
        return self._told(label, seconds)

    async def _seconds(self, asked: Awaitable[Any]) -> float:
        began = time.perf_counter()
        await asked
        return time.perf_counter() - began

    def _told(self, label: str, seconds: list[float]) -> dict[str, Any]:
        found = {"question": label, "times": len(seconds), **percentiles(seconds)}
        print(json.dumps(found), flush=True)
        return found


async def serve(folder: Path) -> tuple[asyncio.subprocess.Process, str]:
    """Start `refold up` over the folder; returns it and its URL."""
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "server.cli.main", "up", "--data", str(folder),
        "--http", "127.0.0.1:0", "--nats", "127.0.0.1:0", "-o", "json",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert server.stdout is not None
    return server, json.loads(await server.stdout.readline())["http"]


async def projected(asker: Asker) -> float:
    """Wait until the read tables are up to date; seconds."""
    began = time.perf_counter()
    while True:
        found = await asker.get("/projections")
        if found["behind"] == 0:
            return time.perf_counter() - began
        await asyncio.sleep(1)


async def count_up(asker: Asker, events: int) -> tuple[str, float]:
    """Run one execution of about so many events; its id, and seconds."""
    rounds = int(events * 0.996) // _EVENTS_A_ROUND  # the rest are the ends of its steps
    await asker.post(f"{_API}/definitions", counting(rounds))
    began = time.perf_counter()
    started = await asker.post(f"{_API}/executions", {"workflow": "bench-count", "input": {"n": 0}})
    while True:
        found = (await asker.get(f"{_API}/executions?workflow=bench-count"))["items"]
        if found and found[0]["status"] not in ("running", "waiting"):
            assert found[0]["status"] == "completed", found[0]
            return str(started["id"]), time.perf_counter() - began
        await asyncio.sleep(2)


async def sample(asker: Asker, count: int) -> list[str]:
    """Ids of random orders."""
    ids: list[str] = []
    cursor = ""
    while len(ids) < 20_000:
        page = await asker.get(f"{_API}/executions?workflow={ORDER['id']}&limit=1000{cursor}")
        ids += [one["id"] for one in page["items"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    return random.Random(_SEED).sample(ids, min(count, len(ids)))


def small_questions(ids: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Questions about orders of twenty events, and about all of them."""
    of = f"{_API}/executions"
    yield "list: newest 100", [f"{of}?limit=100"] * 10
    yield "list: by status", [f"{of}?status=failed&limit=100"] * 10
    yield (
        "list: by a value in the input",
        [f"{of}?where=input.item=item-{number}&limit=100" for number in range(10)],
    )
    yield (
        "list: by a value in the output",
        [f"{of}?where=output.quote.customer=c-{number}&limit=100" for number in range(10)],
    )
    yield "count: all, by status", [f"{of}/count?by=status"] * 3
    yield "statistics of the workflow", [f"{_API}/definitions/{ORDER['id']}/statistics"] * 3
    for label, rest in (
        ("history with data", "/history"),
        ("timeline", "/timeline"),
        ("lineage", "/lineage"),
        ("state now", "/state"),
        ("state at event 12", "/state?at=12"),
        ("diff of events 3 and 12", "/diff?from=3&to=12"),
        ("blame of a value", "/blame?path=.quote.total&at=12"),
        ("why", "/why"),
        ("replay", "/replay"),
        ("verify", "/verify"),
    ):
        yield f"one execution: {label}", [f"{of}/{one}{rest}" for one in ids]
    pairs = pairwise(ids)
    yield "two executions side by side", [f"{of}/{one}/compare?with={two}" for one, two in pairs]


def long_questions(execution: str, events: int) -> Iterator[tuple[str, list[str]]]:
    """Questions about the long execution."""
    chance, of = random.Random(_SEED), f"{_API}/executions/{execution}"
    yield (
        "long: state at a random event",
        [f"{of}/state?at={chance.randint(1, events)}" for _ in range(50)],
    )
    yield "long: state at its first events", [f"{of}/state?at={seq}" for seq in range(1, 20)]
    yield "long: state now", [f"{of}/state"] * 10
    middle = events // 2
    yield (
        "long: diff of two events",
        [f"{of}/diff?from={middle - n}&to={middle + n}" for n in range(1, 11)],
    )
    yield "long: blame at event 10,000", [f"{of}/blame?path=.n&at=10000"] * 2
    yield "long: a page of its log", [f"{of}/events?after={middle}&limit=1000"] * 5


async def whole_questions(asker: Asker, ids: list[str]) -> list[dict[str, Any]]:
    """Forks, and questions about the whole installation."""
    forks = [f"{_API}/executions/{one}/fork" for one in ids]
    foreseen = {"at": 12, "answers": "recorded", "dry_run": True}
    return [
        await asker.timed_posts("fork of one execution: dry run", forks, foreseen),
        await asker.timed_posts("fork of one execution", forks, {**foreseen, "dry_run": False}),
        await asker.timed("heads of the whole installation", ["/v1/audit/head"] * 5),
        await asker.timed_posts("verify the whole installation", ["/v1/audit/verify"], None),
        await asker.timed("export the whole installation", ["/v1/audit/export"]),
    ]


async def measure(folder: Path, executions: int, events: int) -> dict[str, Any]:
    """Fill, serve, ask."""
    async with EmbeddedPostgres(folder) as postgres:
        found: dict[str, Any] = {"filled": await fill(postgres.url, executions)}
    print(json.dumps(found), flush=True)
    server, url = await serve(folder)
    try:
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(600)) as session:
            asker = Asker(session, url)
            found["projected_s"] = round(await projected(asker), 1)
            execution, seconds = await count_up(asker, events)
            await projected(asker)
            last = (await asker.get(f"{_API}/executions/{execution}"))["last_seq"]
            found["long"] = {"events": last, "seconds": round(seconds, 1)}
            print(json.dumps(found), flush=True)
            ids = await sample(asker, 50)
            found["load"] = load()
            found["asked"] = [
                await asker.timed(label, asks)
                for label, asks in (*small_questions(ids), *long_questions(execution, last))
            ]
            found["asked"] += await whole_questions(asker, ids)
            return found
    finally:
        server.terminate()
        await server.wait()


def write_report(path: Path, found: dict[str, Any], place: dict[str, str], command: str) -> None:
    """Replace the part of the page between the marks."""
    before, _, rest = path.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    filled, long = found["filled"], found["long"]
    rows = [
        f"| {one['question']} | {one['times']} | {one['p50_ms']:,} | {one['p99_ms']:,} |"
        for one in found["asked"]
    ]
    lines = [
        _BEGIN,
        "",
        f"`{command}`, {place['date']}: {place['processor']}, Python {place['python']}, "
        f"{place['system']}; everything on the same machine, asked over HTTP one after the other.",
        "",
        f"{filled['executions']:,} executions with {filled['events']:,} events (the read tables "
        f"were made of them in {found['projected_s']:,} s) and one of {long['events']:,} events, "
        f"which ran {long['seconds']:,} s.",
        "",
        "| question | asked | p50 ms | p99 ms |",
        "|---|---|---|---|",
        *rows,
        "",
        _END,
    ]
    path.write_text(before + "\n".join(lines) + after)


async def main() -> None:
    """Measure in a folder that is removed afterwards."""
    parser = argparse.ArgumentParser(prog="python -m bench.questions")
    parser.add_argument("--executions", type=int, default=100_000)
    parser.add_argument("--events", type=int, default=1_000_000, help="of the long execution")
    parser.add_argument("--report", action="store_true", help="write docs/performance.md")
    given = parser.parse_args()
    with throwaway_folder("refold-bench-") as folder:
        found = await measure(folder, given.executions, given.events)
    if given.report:
        write_report(_PAGE, found, machine(), "make bench-history")


if __name__ == "__main__":
    asyncio.run(main())
