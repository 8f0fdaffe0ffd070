"""docs/performance.md: the part between the marks is written anew, the text around stays."""

import statistics
from pathlib import Path
from typing import Any

_BEGIN, _END = "<!-- measured: begin -->", "<!-- measured: end -->"


def write_report(
    path: Path, found: list[dict[str, Any]], machine: dict[str, str], command: str
) -> None:
    """Replace the measured part of the page."""
    before, _, rest = path.read_text().partition(_BEGIN)
    _, _, after = rest.partition(_END)
    lines = [
        _BEGIN,
        "",
        f"`{command}`, {machine['date']}: {machine['processor']}, Python {machine['python']}, "
        f"{machine['system']}; Postgres embedded, fsync on, everything on the same machine. "
        "Median of the rounds (min to max).",
        "",
        *_throughput(found),
        "",
        *_latency(found),
        "",
        *_growth(found),
        "",
        *_profile(found),
        "",
        _END,
    ]
    path.write_text(before + "\n".join(lines) + after)


def _throughput(found: list[dict[str, Any]]) -> list[str]:
    ours = [one for one in found if one["bench"] == "W1"]
    ideal = [one for one in found if one["bench"] == "ideal.W1"]
    lines = ["| W1: 1,000 executions at once of 10 steps | Refold | yardstick |", "|---|---|---|"]
    for name, label in (("steps_per_s", "steps"), ("events_per_s", "events")):
        lines.append(f"| {label} per second | {_spread(ours, name)} | {_spread(ideal, name)} |")
    for name, label in (
        ("engine_us_per_step", "engine, µs of processor per step"),
        ("postgres_us_per_step", "Postgres, µs of processor per step"),
        ("events_per_commit", "events per commit"),
        ("load", "load average at the end"),
    ):
        lines.append(f"| {label} | {_spread(ours, name)} | |")
    if ours and ideal:
        share = _median(ours, "steps_per_s") / _median(ideal, "steps_per_s")
        lines.append(f"| share of the yardstick | {share:.0%} | |")
    return lines


def _latency(found: list[dict[str, Any]]) -> list[str]:
    lines = ["| W2: one execution at a time | p50 ms | p99 ms |", "|---|---|---|"]
    for steps in (1, 10):
        ours = [one for one in found if one["bench"] == "W2" and one["steps"] == steps]
        ideal = [one for one in found if one["bench"] == "ideal.W2" and one["steps"] == steps]
        for label, rows in (
            (f"Refold over HTTP, {steps} step(s)", ours),
            (f"yardstick in process, {steps}", ideal),
        ):
            if rows:
                lines.append(f"| {label} | {_spread(rows, 'p50_ms')} | {_spread(rows, 'p99_ms')} |")
    return lines


def _growth(found: list[dict[str, Any]]) -> list[str]:
    return [
        f"One execution of {one['events']:,} events: {one['first_tenth_us_per_event']} µs per event"
        f" in the first tenth of its log, {one['last_tenth_us_per_event']} µs in the last."
        for one in found
        if one["bench"] == "growth"
    ]


def _profile(found: list[dict[str, Any]]) -> list[str]:
    profile: dict[str, float] = next(
        (one["percent"] for one in found if one["bench"] == "profile"), {}
    )
    lines = ["| where the engine's processor time goes (W1, profiler on) | share |", "|---|---|"]
    return [*lines, *(f"| {name} | {share} % |" for name, share in profile.items())]


def _spread(rows: list[dict[str, Any]], name: str) -> str:
    values = [row[name] for row in rows if name in row]
    if not values:
        return ""
    middle = statistics.median(values)
    return f"{_shown(middle)} ({_shown(min(values))} to {_shown(max(values))})"


def _shown(value: float) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}"


def _median(rows: list[dict[str, Any]], name: str) -> float:
    return float(statistics.median(row[name] for row in rows))
