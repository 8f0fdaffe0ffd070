"""`python -m bench.impact [--executions 100000]`: how long an impact report takes.

A Postgres of its own is filled with histories of orders (`bench.histories`), twenty events each.
Then a version with another threshold is tried on all of them, by as many workers as there are
processors. `--report` writes the result into docs/performance.md.
"""

import argparse
import asyncio
import json
import resource
import tempfile
from pathlib import Path
from typing import Any

from bench.__main__ import ROOT, machine
from bench.histories import NAMESPACE, ORDER, fill
from bench.meter import Meter, load, rounded
from engine.adapters.postgres.storage import open_storage
from engine.core.timetravel.impact_tally import Tally
from server.api.door.impact_reports import Question
from server.app.impact_workers import ImpactWorkers
from server.embedded.postgres import EmbeddedPostgres

_PAGE = ROOT / "docs/performance.md"
_BEGIN, _END = "<!-- impact: begin -->", "<!-- impact: end -->"


def another_threshold() -> bytes:
    """The next version: fewer orders are reviewed."""
    text = json.dumps({**ORDER, "version": "2"})
    changed = text.replace(".quote.total > 100", ".quote.total > 120")
    assert changed != text
    return changed.encode()


def question(source: bytes) -> Question:
    """All executions of the benchmark's workflow."""
    return Question(
        namespace=NAMESPACE, workflow=str(ORDER["id"]), versions=None, statuses=None, since_ms=0,
        before_ms=2**48 - 1, limit=1_000_000, source=source, media_type="application/json",
        resources={},
    )  # fmt: skip


async def measure(postgres: EmbeddedPostgres, executions: int) -> dict[str, Any]:
    """Fill, then report once for each of two versions: one that changes some, one that does not."""
    filled = await fill(postgres.url, executions)
    storage = await open_storage(postgres.url, "bench-impact", size=2)
    found: dict[str, Any] = {"bench": "impact", **filled}
    try:
        workers = ImpactWorkers(storage.database)
        for name, source in (
            ("changed", another_threshold()),
            ("same", json.dumps({**ORDER, "version": "2"}).encode()),
        ):
            found[name] = await one_report(workers, source, postgres.pid)
    finally:
        await storage.close()
    return found


async def one_report(workers: ImpactWorkers, source: bytes, postgres_pid: int) -> dict[str, Any]:
    """One report: seconds, processor seconds of Postgres, and what it found."""
    tally, before = Tally(), _children_s()
    with Meter(postgres=postgres_pid) as meter:
        async for piece in workers.report(question(source)):
            if isinstance(piece, Tally):
                tally = piece
    return rounded(
        {
            "seconds": meter.wall_s,
            "per_s": tally.executions / meter.wall_s,
            "workers_cpu_s": _children_s() - before,
            "server_cpu_s": meter.cpu_s["engine"],
            "postgres_cpu_s": meter.cpu_s["postgres"],
            "load": load(),
            "executions": tally.executions,
            "changed": tally.executions - tally.same,
            "groups": len(tally.groups),
            "skipped": sum(one.count for one in tally.skipped),
        }
    )


def _children_s() -> float:
    """Processor seconds of the programs that this one has started and seen the end of."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def write_report(path: Path, found: dict[str, Any], place: dict[str, str]) -> None:
    """Replace the measured part of the page."""
    before, _, rest = path.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    lines = [
        _BEGIN,
        "",
        f"`make bench-impact`, {place['date']}: {place['processor']}, Python {place['python']},"
        f" {place['system']}; Postgres embedded, on the same machine.",
        "",
        f"{found['executions']:,} executions with {found['events']:,} events, tried with a version",
        "",
        "| | that changes some | that changes none |",
        "|---|---|---|",
        *(_row(label, found, name) for name, label in _ROWS.items()),
        "",
    ]
    path.write_text(before + "\n".join(lines) + _END + after)


_ROWS = {
    "seconds": "seconds",
    "per_s": "executions per second",
    "changed": "executions changed",
    "workers_cpu_s": "processor seconds of the workers",
    "postgres_cpu_s": "processor seconds of Postgres",
    "server_cpu_s": "processor seconds of the server",
    "load": "load average at the end",
}


def _row(label: str, found: dict[str, Any], name: str) -> str:
    values = (found[kind][name] for kind in ("changed", "same"))
    shown = (f"{one:,}" if isinstance(one, int) else f"{one:,.1f}" for one in values)
    return f"| {label} | {' | '.join(shown)} |"


async def main() -> None:
    """Measure on a Postgres of our own."""
    parser = argparse.ArgumentParser(prog="python -m bench.impact")
    parser.add_argument("--executions", type=int, default=100_000)
    parser.add_argument("--report", action="store_true", help="write docs/performance.md")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="refold-bench-", ignore_cleanup_errors=True) as name:
        async with EmbeddedPostgres(Path(name)) as postgres:
            found = await measure(postgres, given.executions)
    print(json.dumps(found, indent=1))
    if given.report:
        write_report(_PAGE, found, machine())


if __name__ == "__main__":
    asyncio.run(main())
