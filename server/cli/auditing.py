"""`refold audit`: who did what, heads to keep elsewhere, exports, and the proof of everything."""

import contextlib
import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Annotated, Any

import typer

from schemas.json_text import dumps, loads
from server.cli.audit import time_of
from server.cli.faults import ERROR, USAGE, VERIFICATION_FAILED, CommandFault
from server.cli.output import (
    Output,
    counted,
    emit_list,
    write_error,
    write_json,
    write_line,
)
from server.cli.session import Full, Session, changing, connected, read_file

app = typer.Typer(help="Who did what, and the proof of it.", no_args_is_help=True)

_PLACES = ("shard", "commit", "execution", "seq", "namespace", "position", "target")


@app.command("ls")
@connected
def index(  # noqa: PLR0913, PLR0917 - a command has options
    session: Session,
    actor: Annotated[str | None, typer.Option("--actor", help="Only by this one.")] = None,
    action: Annotated[
        str | None,
        typer.Option("--action", help="Only this action; `definition.`: all of that noun."),
    ] = None,
    target: Annotated[str | None, typer.Option("--target", help="Only on this.")] = None,
    since: Annotated[str | None, typer.Option("--since", help="RFC 3339: from then on.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="RFC 3339: up to then.")] = None,
    kind: Annotated[
        str | None, typer.Option("--kind", help="Only `command`, `entry` or `event`.")
    ] = None,
    installation: Annotated[
        bool, typer.Option("--installation", help="What concerns the whole installation.")
    ] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="How many at most; all without it.")
    ] = 100,
    full: Full = False,
) -> None:
    """List who did what, from where and why, newest first: commands that executions obeyed, entries
    of the audit stream, CloudEvents that were published. Of a CloudEvent its sender alone is kept,
    neither origin nor reason."""
    if installation and kind is not None:
        raise CommandFault("--installation lists entries alone; leave --kind out", USAGE)
    filters = {
        "actor": actor, "action": action, "target": target, "since": since, "until": until,
        "kind": kind,
    }  # fmt: skip
    path = "/v1/audit" if installation else "/audit"
    items, following = session.client.pages(path, filters, limit)
    columns = {
        "AT": lambda one: one["at"],
        "ACTOR": lambda one: one["actor"],
        "ACTION": lambda one: one["action"],
        "TARGET": lambda one: one["target"],
        "REASON": lambda one: one["reason"],
        "ORIGIN": lambda one: one["origin"],
    }
    emit_list(items, session.output, columns, lambda one: one["id"], following=following, full=full)


@app.command("head")
@connected
def head(session: Session) -> None:
    """Show the heads of all shards and audit streams. Kept elsewhere (`-o json`), they show later
    what was cut off or rewritten: `refold audit verify --head FILE`."""
    found = session.client.get("/v1/audit/head").json
    if session.output is Output.JSON:
        write_json(found)
        return
    if session.output is Output.IDS:
        write_line(found["root"])
        return
    write_line(f"installation  {found['cluster']}")
    write_line(f"at            {time_of(found['at'])}")
    rows = [
        (f"shard {one['shard']}", f"commit {one['commit_no']}", one["hash"])
        for one in found["shards"]
    ]
    rows += [
        (f"audit {one['namespace']}", f"entry {one['position']}", one["hash"])
        for one in found["audit"]
    ]
    widest = max((len(last) for _, last, _ in rows), default=0)
    for stream, last, tip in rows:
        write_line(f"{stream:<13} {last:<{widest}}  {tip}")
    write_line(f"root          {found['root']}")


@app.command("verify")
@connected
def verify(
    session: Session,
    kept: Annotated[
        str | None, typer.Option("--head", help="FILE: a head that was kept elsewhere.")
    ] = None,
) -> None:
    """Recompute every chain of the installation; exit code 7 where a fault is found."""
    body = None if kept is None else _head_in(kept)
    headers = {} if body is None else {"Content-Type": "application/json"}
    outcome: Any = None
    for text in session.client.lines("/v1/audit/verify", body=body, headers=headers):
        line = loads(text)
        if "problem" in line:
            problem = line["problem"]
            raise CommandFault(f"{problem['detail']} [{problem['code']}]", ERROR)
        outcome = line if "intact" in line else outcome
        if session.output is Output.JSON:
            write_json(line)
        elif "fault" in line:
            write_line(_shown(line["fault"]))
        elif "progress" in line:
            _show_progress(line["progress"])
    if outcome is None:
        raise CommandFault("the server's answer broke off before the outcome", ERROR)
    if session.output is not Output.JSON:
        faults = counted(outcome["faults"], "fault")
        write_line("intact" if outcome["intact"] else f"NOT intact: {faults}")
    if not outcome["intact"]:
        raise typer.Exit(VERIFICATION_FAILED)


def _head_in(file: str) -> bytes:
    """The head in a file. Raises CommandFault."""
    content = read_file(file)
    try:
        found = json.loads(content)
        found["root"], found["shards"], found["audit"]
    except (ValueError, KeyError, TypeError):
        raise CommandFault(
            f"{file} is no head that `refold audit head -o json` wrote", USAGE
        ) from None
    return dumps(found)


def _shown(fault: Any) -> str:
    """A fault on one line: what, where, how it shows."""
    places = [f"{name} {fault[name]}" for name in _PLACES if name in fault]
    return f"{fault['kind'].upper()} {fault['what']}: {', '.join(places)}: {fault['detail']}"


def _show_progress(tally: Any) -> None:
    if sys.stderr.isatty():
        told = ", ".join(counted(tally[f"{one}s"], one) for one in ("shard", "commit", "event"))
        write_error(f"refold: {told} so far")


@app.command("export")
@changing
def export(
    session: Session,
    file: Annotated[str, typer.Argument(help="Where to; `.gz` packs it; `-`: standard output.")],
    only: Annotated[
        bool, typer.Option("--only-namespace", help="Only the events of the namespace.")
    ] = False,
) -> None:
    """Write the log of the installation into a file, which the standalone verifier proves offline
    (docs/export-format.md)."""
    query = {"namespace": session.client.namespace if only else None}
    last, lines = b"", 0
    with _opened(file) as target:
        for line in session.client.lines("/v1/audit/export", method="GET", query=query):
            target.write(line)
            last, lines = line, lines + 1
    if not last.startswith(b'{"record":"end"'):
        raise CommandFault("the export broke off: the file has no end; try again", ERROR)
    if file != "-":
        write_error(f"refold: {counted(lines, 'line')} written to {file}")


@contextlib.contextmanager
def _opened(file: str) -> Iterator[IO[bytes]]:
    if file == "-":
        yield sys.stdout.buffer
        return
    try:
        with gzip.open(file, "wb") if file.endswith(".gz") else Path(file).open("wb") as target:
            yield target  # type: ignore[misc]
    except OSError as error:
        raise CommandFault(f"cannot write {file}: {error.strerror or error}", USAGE) from None
