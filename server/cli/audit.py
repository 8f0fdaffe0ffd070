"""`refold exec events|watch|replay|verify`: the log of an execution, and its proof."""

import json
import shutil
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from schemas.json_text import dumps
from server.cli.client import segment
from server.cli.faults import OK, USAGE, VERIFICATION_FAILED, CommandFault, exit_code_of_status
from server.cli.live import follow
from server.cli.output import Output, counted, cut, emit_list, text_of, write_json, write_line
from server.cli.session import Full, Session, connected, read_file

app = typer.Typer()

Execution = Annotated[str, typer.Argument(help="The id of an execution: ex_...")]
_HEAD_MEMBERS = ("shard", "commit_no", "hash")
_EVENT_MEMBERS = ("seq", "event_hash")
_SHOWN_CHARS = 240


@app.command("events")
@connected
def events(
    session: Session,
    execution: Execution,
    after: Annotated[int, typer.Option("--after", min=0, help="Only with a larger seq.")] = 0,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="How many at most; all without it.")
    ] = None,
    full: Full = False,
) -> None:
    """Show the log of an execution; on a terminal one line for each event, cut to fit."""
    path = f"/executions/{segment(execution)}/events"
    items, following = session.client.pages(path, {"after": after}, limit)
    columns = {
        "SEQ": lambda one: one["seq"],
        "AT": lambda one: one["at"],
        "TYPE": lambda one: one["type"],
        "NAME": _named,
        "DATA": _shown_data,
    }
    emit_list(items, session.output, columns, lambda one: one["id"], following=following, full=full)


def _shown_data(event: Any) -> str:
    """An event's data for people: times as times."""
    data = event["data"]
    if data is None:
        return "(erased)" if event["erased"] else "(does not open: see `refold exec verify`)"
    if isinstance(data.get("due"), int):
        data = {**data, "due": time_of(data["due"])}
    return dumps(data).decode()


def time_of(at_ms: int) -> str:
    """Milliseconds since 1970 as people read them (RFC 3339)."""
    moment = datetime.fromtimestamp(at_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _named(event: Any) -> str:
    """What happened where: the name, and which branch, iteration, attempt."""
    parts = [event["name"]]
    parts += [f"{key} {event[key]}" for key in ("branch", "iteration") if event[key] is not None]
    if (event["attempt"] or 1) > 1:
        parts.append(f"attempt {event['attempt']}")
    return ", ".join(part for part in parts if part)


@app.command("watch")
@connected
def watch(
    session: Session,
    execution: Execution,
    after: Annotated[int, typer.Option("--after", min=0, help="Only with a larger seq.")] = 0,
    full: Full = False,
) -> None:
    """Follow the log of an execution live, to its end: exit code 6 if it failed, was cancelled or
    timed out. Goes on by itself where the connection breaks; exit code 1 where that does not help.
    """
    path = f"/executions/{segment(execution)}"
    for event in follow(session.client, f"{path}/events", after):
        if session.output is Output.JSON:
            write_json(event)
        elif session.output is Output.IDS:
            write_line(event["id"])
        else:
            _show_live(event, full)
    code = exit_code_of_status(session.client.get(path).json["status"])
    if code != OK:
        raise typer.Exit(code)


def _show_live(event: Any, full: bool) -> None:
    named = text_of(_named(event))
    line = f"{event['seq']:>5}  {event['at']}  {event['type']:<20} {named}  {_shown_data(event)}"
    if not full:
        on_terminal = sys.stdout.isatty()
        line = cut(line, shutil.get_terminal_size().columns if on_terminal else _SHOWN_CHARS)
    write_line(line)


@app.command("replay")
@connected
def replay(session: Session, execution: Execution) -> None:
    """Fold the log again from its first event and compare with the live state (exit code 7)."""
    found = session.client.get(f"/executions/{segment(execution)}/replay").json
    if session.output is Output.JSON:
        write_json(found)
    else:
        for step in found["steps"] if session.output is Output.TABLE else ():
            write_line(
                f"{step['seq']:>5}  {step['at']}  {step['type']:<20} {step['status']:<10}"
                f" {step['digest'][:12]}  {text_of(step['name'])}"
            )
        write_line(f"{found['execution']}: {replay_verdict(found)}")
    if not found["equal"]:
        raise typer.Exit(VERIFICATION_FAILED)


def replay_verdict(found: Any) -> str:
    """What a replay found, in words."""
    replayed, live = found["replayed_digest"][:12], found["live_digest"][:12]
    events = counted(found["events"], "event")
    if found["equal"]:
        return f"{events} replayed, the state is equal to the live one ({live})"
    return f"{events} replayed, the state is DIFFERENT from the live one ({replayed}, {live})"


def verify_verdict(found: Any) -> str:
    """What a verification found, in words."""
    if found["intact"]:
        commits = counted(found["commits"], "commit")
        return f"intact, {counted(found['events'], 'event')} and {commits}"
    fault = found["fault"]
    where = "" if fault["seq"] is None else f" at event {fault['seq']}"
    return f"{fault['kind'].upper()}{where}: {fault['detail']}"


@app.command("verify")
@connected
def verify(
    session: Session,
    execution: Execution,
    head: Annotated[
        str | None, typer.Option("--head", help="FILE: an earlier head kept elsewhere.")
    ] = None,
    save_head: Annotated[
        str | None, typer.Option("--save-head", help="FILE: keep the head of now there.")
    ] = None,
) -> None:
    """Recompute the chain of an execution; a fault is named (exit code 7)."""
    query = {"head": None if head is None else _anchor(head, execution)}
    found = session.client.get(f"/executions/{segment(execution)}/verify", query).json
    if session.output is Output.JSON:
        write_json(found)
    else:
        write_line(f"{found['execution']}: {verify_verdict(found)}")
    if not found["intact"]:
        raise typer.Exit(VERIFICATION_FAILED)
    if save_head is not None:
        Path(save_head).write_text(json.dumps(found["head"], indent=1) + "\n")


def _anchor(file: str, execution: str) -> str:
    """The head in a file, as the server takes it."""
    try:
        head = json.loads(read_file(file))
        parts = [str(head[name]) for name in _HEAD_MEMBERS]
        if head.get("execution") == execution and head.get("event_hash"):
            parts += [str(head[name]) for name in _EVENT_MEMBERS]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise CommandFault(
            f"{file} is not a head that `refold exec verify --save-head` wrote", USAGE
        ) from None
    return ".".join(parts)
