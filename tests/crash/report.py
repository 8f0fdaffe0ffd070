"""A run as a table, for the terminal and for docs/chaos.md."""

import subprocess
import sys
from collections import Counter
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from statistics import median

from tests.crash.campaign import Outcome
from tests.crash.cluster import LEASE_TTL_MS, SHARDS

ROOT = Path(__file__).resolve().parents[2]


def summary(outcome: Outcome, command: str, nats: str) -> str:
    """Markdown: what was struck, what was done, what was found."""
    return "\n".join(
        [
            f"### Seed {outcome.seed}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
            "",
            f"`{command}`, commit {_commit()}, {outcome.postgres}, {nats}, Python"
            f" {sys.version.split()[0]}, asyncpg {version('asyncpg')}, nats-py"
            f" {version('nats-py')}; two engines over {SHARDS} shards, leases of {LEASE_TTL_MS} ms,"
            " two workers, one API, one projector, all on one machine.",
            "",
            *_blows(outcome),
            "",
            *_counts(outcome),
            "",
            *_verdict(outcome),
            "",
        ]
    )


def _blows(outcome: Outcome) -> list[str]:
    struck = Counter(blow.kind for blow in outcome.blows)
    hits = Counter(blow.kind for blow in outcome.blows if blow.hit)
    rows = [f"| {kind} | {n} | {hits[kind]} |" for kind, n in sorted(struck.items())]
    return [
        "| Fault | times | hit work in flight |",
        "|---|---:|---:|",
        *rows,
        f"| all | {outcome.planned} | {outcome.hits} |",
    ]


def _counts(outcome: Outcome) -> list[str]:
    journal, found = outcome.journal, outcome.violations
    faults_s, quiet_s, check_s = outcome.seconds
    acked = sum(one.acked for one in journal.events.values())
    taken = sorted(outcome.takeovers)
    times = f"{median(taken):.2f} s / {taken[-1]:.2f} s (n={len(taken)})" if taken else "none"
    rows = [
        ("operations offered / succeeded", f"{journal.offered} / {journal.succeeded}"),
        ("starts accepted", sum(one.execution is not None for one in journal.starts.values())),
        ("CloudEvents acknowledged", acked),
        ("of them lost with the store of NATS and sent again", journal.wiped_events),
        ("executions", outcome.executions),
        ("events / group commits in the log", f"{outcome.rows} / {outcome.commits}"),
        ("snapshots compared with the fold", outcome.snapshots),
        ("executions that somebody asked to cancel", len(journal.cancelled)),
        ("HTTP calls that arrived", outcome.calls),
        ("lost", len(found.lost)),
        ("doubled", len(found.doubled)),
        ("zombie rows", len(found.zombies)),
        ("broken otherwise", len(found.broken)),
        ("stuck after the quiet period", len(found.stuck)),
        ("takeover p50 / max", times),
        ("faults / quiet / check", f"{faults_s:.0f} s / {quiet_s:.0f} s / {check_s:.0f} s"),
    ]
    return ["| | |", "|---|---:|", *(f"| {name} | {value} |" for name, value in rows)]


def _verdict(outcome: Outcome) -> list[str]:
    faults = [*outcome.notes, *outcome.faults]
    if not faults:
        return ["**Everything held.**"]
    shown = [f"- {one}" for one in faults[:40]]
    more = [f"- and {len(faults) - 40} more"] if len(faults) > 40 else []
    refused = [f"- a client gave up or met a 500: {one}" for one in outcome.journal.failures[:10]]
    return [f"**{len(faults)} faults:**", "", *shown, *more, *refused]


def nats_version() -> str:
    """Which NATS it was."""
    from server.embedded.binaries import find_nats_server

    said = subprocess.run(
        [find_nats_server(), "--version"], capture_output=True, text=True, check=True
    )
    return said.stdout.strip().replace(": ", " ")


def _commit() -> str:
    said = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return said.stdout.strip() or "unknown"
