"""`refold def stats`: how the states of a workflow fare."""

from typing import Annotated, Any

import typer

from server.cli.client import segment
from server.cli.history import took
from server.cli.output import Output, write_json, write_line, write_table
from server.cli.session import Session, connected

app = typer.Typer()


@app.command("stats")
@connected
def stats(
    session: Session,
    workflow: Annotated[str, typer.Argument(help="The id of a workflow definition.")],
    version: Annotated[
        str | None, typer.Option("--version", help="Only this version; all without it.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", help="Only executions started at this RFC 3339 time or later."),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option("--until", help="Only executions started before this RFC 3339 time."),
    ] = None,
) -> None:
    """Show for each version of a workflow how many executions and states there were, how many
    failed, and how long they took (exact percentiles)."""
    query = {"version": version, "since": since, "until": until}
    found = session.client.get(f"/definitions/{segment(workflow)}/statistics", query).json
    if session.output is Output.JSON:
        write_json(found)
        return
    if session.output is Output.IDS:
        for one in found["versions"]:
            write_line(one["version"])
        return
    if not found["versions"]:
        write_line(f"{workflow}: no executions")
    for number, one in enumerate(found["versions"]):
        if number:
            write_line("")
        _show(workflow, one)


_COLUMNS = {
    "STATE": lambda one: one["name"],
    "TYPE": lambda one: one["type"],
    "COUNT": lambda one: one["count"],
    "OPEN": lambda one: one["open"],
    "FAILED": lambda one: one["failures"],
    "RETRIES": lambda one: one["retries"],
    "P50": lambda one: _percentile(one, "p50_ms"),
    "P95": lambda one: _percentile(one, "p95_ms"),
    "P99": lambda one: _percentile(one, "p99_ms"),
}


def _show(workflow: str, one: Any) -> None:
    parts = [f"{one[name]} {name}" for name in ("completed", "failed", "cancelled", "running")]
    write_line(f"{workflow} {one['version']}: {one['started']} started, {', '.join(parts)}")
    if one["duration"] is not None:
        shares = (f"p{share} {_percentile(one, f'p{share}_ms')}" for share in (50, 95, 99))
        write_line(f"completed in {', '.join(shares)}")
    write_table(one["states"], _COLUMNS)


def _percentile(one: Any, name: str) -> str:
    return "" if one["duration"] is None else took(one["duration"][name])
