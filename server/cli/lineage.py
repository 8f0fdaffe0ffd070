"""`refold exec lineage` and `refold event lineage`: what came of what."""

from typing import Annotated, Any

import typer

from server.cli.client import segment
from server.cli.output import Output, text_of, write_error, write_json, write_line
from server.cli.session import Session, connected

exec_app = typer.Typer()
event_app = typer.Typer()


@exec_app.command("lineage")
@connected
def of_execution(
    session: Session,
    execution: Annotated[str, typer.Argument(help="The id of an execution: ex_...")],
    depth: Annotated[
        int, typer.Option("--depth", min=1, max=10, help="How many steps away at most.")
    ] = 3,
) -> None:
    """Show what started an execution, which CloudEvents it took and emitted, and what those did."""
    path = f"/executions/{segment(execution)}/lineage"
    found = session.client.get(path, {"depth": depth}).json
    if session.output is Output.JSON:
        write_json(found)
    elif session.output is Output.IDS:
        for one in found["descendants"]:
            write_line(one["execution"])
    else:
        _show_execution(found)
    if found["cut"]:
        write_error("refold: there is more than is shown; raise --depth, or ask of another one")


def _show_execution(found: Any) -> None:
    for one in reversed(found["ancestors"]):
        write_line(
            f"from       {one['execution']} {one['workflow']} emitted {one['type']}"
            f" (position {one['position']})"
        )
    write_line(f"execution  {found['id']} {found['workflow'] or ''} {found['status']}")
    if found["started_by"]:
        write_line(f"asked by   {text_of(found['started_by'])}")
    if found["forked_from"]:
        write_line(f"fork of    {found['forked_from']} after event {found['forked_at']}")
    for one in found["taken"]:
        origin = f" of {one['emitted_by']}" if one["emitted_by"] else f" from {one['source']}"
        write_line(
            f"took       {one['at']}  {one['type']} (position {one['position']}){text_of(origin)}:"
            f" {one['role']}, event {one['seq']}"
        )
    for one in found["emitted"]:
        write_line(f"emitted    {one['at']}  {one['type']} in {one['state']}: event {one['seq']}")
    for one in found["descendants"]:
        write_line(
            f"{'  ' * one['depth']}{one['role']} {one['execution']} {one['workflow'] or ''}"
            f" {one['status'] or ''}{_in(one)} by {one['type']}"
            f" (position {one['position']})"
        )


def _in(one: Any) -> str:
    """The state that took it; nothing where it was the start."""
    return "" if one["state"] is None else f" in {text_of(one['state'])}"


@event_app.command("lineage")
@connected
def of_event(
    session: Session,
    position: Annotated[int, typer.Argument(min=1, help="Its position in the stream.")],
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="How many at most; all without it.")
    ] = None,
) -> None:
    """Show which execution emitted a CloudEvent, and which ones it started or resumed."""
    found = _whole(session, f"/events/{position}/lineage", limit)
    if session.output is Output.JSON:
        write_json(found)
    elif session.output is Output.IDS:
        for one in found["taken_by"]:
            write_line(one["execution"])
    else:
        _show_event(found)
    if found["next"] is not None:
        write_error(f"refold: {len(found['taken_by'])} shown, more exist; raise --limit")


def _whole(session: Session, path: str, limit: int | None) -> Any:
    """All pages as one answer."""
    taken: list[Any] = []
    cursor = None
    while True:
        wanted = 1_000 if limit is None else min(1_000, limit - len(taken))
        found = session.client.get(path, {"cursor": cursor, "limit": wanted}).json
        taken += found["taken_by"]
        cursor = found["next"]
        if cursor is None or (limit is not None and len(taken) >= limit):
            return {**found, "taken_by": taken}


def _show_event(found: Any) -> None:
    write_line(f"CloudEvent {found['type']} {text_of(found['id'])} of {text_of(found['source'])}")
    write_line(f"position   {found['position']}, at {found['at']}")
    emitted = found["emitted_by"]
    if emitted is None:
        write_line("emitted    by nobody here: it came from outside")
    else:
        write_line(
            f"emitted    by {emitted['execution']} {emitted['workflow']} in {emitted['state']},"
            f" event {emitted['seq']}"
        )
    if not found["taken_by"]:
        write_line("taken      by no execution")
    for one in found["taken_by"]:
        write_line(
            f"{one['role']:<10} {one['execution']} {one['workflow'] or '(gathering)'}"
            f"{_in(one)}, event {one['seq']} at {one['at']}"
        )
