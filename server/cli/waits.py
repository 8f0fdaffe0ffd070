"""`refold wait ls`: what executions wait for."""

from typing import Annotated, Any

import typer

from server.cli.output import emit_list
from server.cli.session import Session, connected

app = typer.Typer(help="Open waits: timers, CloudEvents, callbacks.", no_args_is_help=True)


@app.callback()
def _noun() -> None:
    """Open waits: timers, CloudEvents, callbacks."""


@app.command("ls")
@connected
def index(
    session: Session,
    kind: Annotated[
        str | None, typer.Option("--kind", help="Only of this kind: timer, event or callback.")
    ] = None,
    workflow: Annotated[
        str | None, typer.Option("--workflow", help="Only in executions of this workflow.")
    ] = None,
    type_: Annotated[
        str | None, typer.Option("--type", help="Only for CloudEvents of this type.")
    ] = None,
    due_before: Annotated[
        str | None,
        typer.Option("--due-before", help="Only due, or timed out, before this RFC 3339 time."),
    ] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="How many at most; all without it.")
    ] = None,
) -> None:
    """List open waits of all executions, those of the oldest execution first."""
    query = {"kind": kind, "workflow": workflow, "type": type_, "due_before": due_before}
    items, following = session.client.pages("/waits", query, limit)
    columns = {
        "ID": lambda one: one["execution"],
        "WORKFLOW": lambda one: one["workflow"],
        "STATE": lambda one: one["state"],
        "KIND": lambda one: one["kind"],
        "FOR": _wanted,
        "SINCE": lambda one: f"{one['since'][:19]}Z",
        "DUE": lambda one: None if one["due"] is None else f"{one['due'][:19]}Z",
    }
    emit_list(items, session.output, columns, lambda one: one["execution"], following=following)


def _wanted(one: Any) -> str:
    """What the wait is for: the purpose of a timer, CloudEvents with their correlation."""
    if one["kind"] == "timer":
        return str(one["purpose"])
    return ", ".join(_event(event) for event in one["events"])


def _event(event: Any) -> str:
    fixed = [f"{name}={value or '?'}" for name, value in event["correlation"].items()]
    return f"{event['type']} {' '.join(fixed)}".rstrip()
