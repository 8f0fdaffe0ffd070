"""`make bench`: W1, W2 and growth interleaved with the yardstick; `--report` writes the results.

The yardstick is a smallest honest event-sourced engine over the same Postgres; its script is given
by REFOLD_YARDSTICK (default ../shared/bench/ideal_engine.py) and left out where it is missing.
"""

import argparse
import asyncio
import json
import os
import platform
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.report import write_report
from server.embedded.postgres import EmbeddedPostgres

ROOT = Path(__file__).parents[1]
YARDSTICK = Path(os.environ.get("REFOLD_YARDSTICK", ROOT.parent / "shared/bench/ideal_engine.py"))


async def child(*arguments: str, folder: Path = ROOT, **environment: str) -> list[dict[str, Any]]:
    """Run a measurement in a program of its own; its JSON lines."""
    program = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=folder, env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    output, _ = await program.communicate()
    lines = [json.loads(line) for line in output.splitlines() if line.startswith(b"{")]
    for line in lines:
        print(json.dumps(line), flush=True)
    return lines


async def one_round(number: int, postgres: EmbeddedPostgres) -> list[dict[str, Any]]:
    """Yardstick and Refold in turn."""
    given = (postgres.url, str(postgres.pid), f"round-{number}")
    found = []
    if YARDSTICK.exists():
        found += await child(
            str(YARDSTICK), folder=YARDSTICK.parent,
            PG_DSN=postgres.url, HOW="unnest", ROUNDS="1", WHICH="W1,W2",
        )  # fmt: skip
    found += await child("-m", "bench.w1", *given)
    found += await child("-m", "bench.w2")
    return found


async def main() -> None:
    """All rounds, then growth and the profile once."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--report", action="store_true", help="write docs/performance.md")
    wanted = parser.parse_args()
    found: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory(prefix="refold-bench-", ignore_cleanup_errors=True) as name:
        async with EmbeddedPostgres(Path(name)) as postgres:
            given = (postgres.url, str(postgres.pid))
            for number in range(wanted.rounds):
                found += await one_round(number, postgres)
            found += await child("-m", "bench.growth", *given, "growth")
            found += await child("-m", "bench.profile", *given, "profile")
    if wanted.report:
        write_report(ROOT / "docs/performance.md", found, machine(), "make bench")


def machine() -> dict[str, str]:
    """What was measured on."""
    with Path("/proc/cpuinfo").open() as lines:
        models = {line.partition(":")[2].strip() for line in lines if line.startswith("model name")}
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "processor": f"{os.cpu_count()} x {', '.join(sorted(models)) or platform.machine()}",
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.release()}",
    }


if __name__ == "__main__":
    asyncio.run(main())
