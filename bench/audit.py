"""`make bench-audit`: what an export costs, and its proofs by the server and by the verifier.

A database is filled with histories of orders (`bench.histories`), 20 events each.
"""

import argparse
import asyncio
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bench.histories import fill
from engine.adapters.postgres.storage import open_storage
from engine.model.cloudevents import DEFAULT_LIMITS
from schemas.export import records
from server.api.proof.exporting import exported, read_head
from server.api.proof.proving import Proof
from server.embedded.postgres import EmbeddedPostgres
from server.embedded.throwaway import throwaway_folder

VERIFIER = Path(__file__).resolve().parents[1] / "verifier" / "refold_verify"


async def measured(dsn: str, folder: Path) -> list[tuple[str, int, float, float]]:
    """What, events, seconds, megabytes of memory at most (of the verifier) for each."""
    storage = await open_storage(dsn, "bench")
    services: Any = SimpleNamespace(
        log=storage.log, leases=storage.leases, audit=storage.audit, survey=storage.survey,
        streams=storage.streams, installation=storage.installation,
        limits=SimpleNamespace(cloudevents=DEFAULT_LIMITS),
    )  # fmt: skip
    try:
        head = await read_head(services)
        began, file, events = time.perf_counter(), folder / "log.ndjson", 0
        with file.open("wb") as target:
            async for record in exported(services, head, None):
                events += isinstance(record, records.EventRecord)
                target.write(records.encode(record) + b"\n")
        export_s = time.perf_counter() - began
        began, proof = time.perf_counter(), Proof(services, head)
        faults = [step async for step in proof.steps() if step is not None]
        assert not faults, faults[:3]
        proof_s = time.perf_counter() - began
    finally:
        await storage.close()
    size = file.stat().st_size / 1e6
    took, peak = _verified(file)
    return [
        ("export", events, export_s, size),
        ("`audit verify`, in the server", events, proof_s, 0.0),
        ("`refold_verify`, offline", events, took, peak),
    ]


async def filled(folder: Path, executions: int) -> list[tuple[str, int, float, float]]:
    """Fill a database of our own, then measure."""
    async with EmbeddedPostgres(folder) as postgres:
        await fill(postgres.url, executions)
        return await measured(postgres.url, folder)


def _verified(file: Path) -> tuple[float, float]:
    """Seconds, and megabytes of memory at most."""
    watch = (
        "import resource, runpy, sys\n"
        "sys.argv = sys.argv[1:]\n"
        "try:\n    runpy.run_path(sys.argv[0], run_name='__main__')\n"
        "finally:\n    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", watch, str(VERIFIER), str(file)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return time.perf_counter() - began, int(done.stdout.split()[-1]) / 1024


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--executions", type=int, default=100_000)
    with throwaway_folder("refold-bench-") as folder:
        rows = asyncio.run(filled(folder, parser.parse_args().executions))
    sys.stdout.write("| | events | seconds | events/s | MB |\n|---|---|---|---|---|\n")
    for what, events, seconds, size in rows:
        rate = events / seconds
        shown = f"{size:.0f}" if size else ""
        sys.stdout.write(f"| {what} | {events:,} | {seconds:.1f} | {rate:,.0f} | {shown} |\n")


if __name__ == "__main__":
    main()
