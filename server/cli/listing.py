"""`refold exec ls` and `refold exec count`: which executions there are."""

from collections.abc import Callable
from typing import Annotated, Any

import typer

from server.cli.filters import filtered
from server.cli.output import Output, emit_list, write_json, write_line, write_table
from server.cli.session import Session, connected

app = typer.Typer()


@app.command("ls")
@connected
@filtered
def index(
    session: Session,
    query: dict[str, Any],
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="How many at most; all without it.")
    ] = None,
) -> None:
    """List executions, the newest first."""
    items, following = session.client.pages("/executions", query, limit)
    columns = {
        "ID": lambda one: one["id"],
        "WORKFLOW": lambda one: one["workflow"],
        "NAME": lambda one: one["name"],
        "STATUS": lambda one: one["status"],
        "STARTED": lambda one: f"{one['started_at'][:19]}Z",
        "EVENTS": lambda one: one["last_seq"],
        "LABELS": lambda one: " ".join(f"{k}={v}" for k, v in one["labels"].items()),
        "FORK OF": lambda one: one["forked_from"],
    }
    for column, member in (("NAME", "name"), ("LABELS", "labels"), ("FORK OF", "forked_from")):
        if not any(one[member] for one in items):
            del columns[column]
    emit_list(items, session.output, columns, lambda one: one["id"], following=following)


@app.command("count")
@connected
@filtered
def count(
    session: Session,
    query: dict[str, Any],
    by: Annotated[
        list[str],
        typer.Option("--by", help="Count by workflow, version or status too; repeatable."),
    ] = [],  # noqa: B006 - typer copies it
) -> None:
    """Count executions, with the filters of `exec ls`."""
    found = session.client.get("/executions/count", {**query, "by": by or None}).json
    if session.output is Output.JSON:
        write_json(found)
    elif session.output is Output.TABLE and by:
        names = [one for one in ("workflow", "version", "status") if one in by]
        columns = {name.upper(): _member(name) for name in [*names, "count"]}
        write_table(found["groups"], columns)
    else:
        write_line(str(found["count"]))


def _member(name: str) -> Callable[[Any], Any]:
    return lambda one: one[name]
