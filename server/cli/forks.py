"""`refold exec fork|redrive`: begin a new execution with a part of another one's history."""

from typing import Annotated, Any

import typer

from schemas.json_text import dumps
from server.cli.bulk import Many, for_many, fork_many
from server.cli.client import segment
from server.cli.comparing import verdict
from server.cli.faults import ENDED, OK, TIMEOUT, USAGE, CommandFault, exit_code_of_status
from server.cli.output import Output, counted, emit_list, emit_one, write_error, write_json
from server.cli.session import Session, connected, pairs_of, read_json

app = typer.Typer()

Execution = Annotated[
    str | None, typer.Argument(help="The id of an execution: ex_...; or --all with filters.")
]
Version = Annotated[
    str | None, typer.Option("--version", help="Go on under this version of the workflow.")
]
Hash = Annotated[
    str | None, typer.Option("--definition-hash", help="As --version, by the hash of the version.")
]
PatchData = Annotated[
    str | None,
    typer.Option("--patch-data", help="JSON Patch of the data to go on with: JSON, @FILE or -."),
]
Frame = Annotated[
    int | None,
    typer.Option("--frame", min=1, help="Whose data --patch-data is about: seq of its opening."),
]
SkipTimers = Annotated[
    bool, typer.Option("--skip-timers", help="Sleeps and retry delays are over at once.")
]
Name = Annotated[
    str | None, typer.Option("--name", help="Of the new execution; unique for each workflow.")
]
Key = Annotated[
    str | None, typer.Option("--idempotency-key", help="The same key gives the same execution.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Write nothing, say what would happen.")]
Reason = Annotated[str, typer.Option("--reason", help="Kept in both logs.")]
Wait = Annotated[
    int,
    typer.Option(
        "--wait", min=0, help="Seconds to wait for its end: exit code 6 if it failed, 124 if late."
    ),
]


@app.command("fork")
@connected
@for_many
def fork(  # noqa: PLR0913, PLR0917 - one argument for each option
    session: Session,
    many: Many | None,
    execution: Execution = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at",
            help="Behind this event; `start` (or 0) begins anew; `failed-state`: behind the entry"
            " of the state in which it failed.",
        ),
    ] = None,
    patch_input: Annotated[
        str | None,
        typer.Option("--patch-input", help="JSON Patch of the input; it begins anew then."),
    ] = None,
    patch_data: PatchData = None,
    frame: Frame = None,
    patch_event: Annotated[
        list[str] | None,
        typer.Option("--patch-event", help="POSITION=PATCH: of a CloudEvent still to be taken."),
    ] = None,
    version: Version = None,
    definition_hash: Hash = None,
    answers: Annotated[
        str, typer.Option("--answers", help="Who answers actions: recorded, live or mock.")
    ] = "live",
    answer: Annotated[
        list[str] | None,
        typer.Option("--answer", help="ACTION=recorded|live|mock, or STATE/ACTION=..."),
    ] = None,
    mocks: Annotated[
        str | None,
        typer.Option("--mocks", help='{ACTION: [{"result": ...}, ...]}: JSON, @FILE or -.'),
    ] = None,
    missing: Annotated[
        str, typer.Option("--missing", help="Where nothing was recorded: fail or live.")
    ] = "fail",
    skip_timers: SkipTimers = False,
    name: Name = None,
    idempotency_key: Key = None,
    dry_run: DryRun = False,
    reason: Reason = "",
    wait: Wait = 0,
) -> None:
    """Begin a new execution with the first events of this one, running or long ended; from there
    it goes its own way, with what was edited. Both logs say so. With `--all`, of each one that
    filters name."""
    body = {
        "at": _place(at),
        "patch_input": read_json(patch_input, "--patch-input"),
        "patch_events": _event_patches(patch_event or []),
        "answers": answers,
        "actions": pairs_of(answer or [], "--answer"),
        "mocks": read_json(mocks, "--mocks") or {},
        "missing": missing,
        **_shared(patch_data, frame, version, definition_hash, skip_timers, name, dry_run, reason),
    }
    _ask(session, many, execution, "fork", body, idempotency_key, wait)


@app.command("redrive")
@connected
@for_many
def redrive(  # noqa: PLR0913, PLR0917 - one argument for each option
    session: Session,
    many: Many | None,
    execution: Execution = None,
    patch_data: PatchData = None,
    frame: Frame = None,
    version: Version = None,
    definition_hash: Hash = None,
    skip_timers: SkipTimers = False,
    name: Name = None,
    idempotency_key: Key = None,
    dry_run: DryRun = False,
    reason: Reason = "",
    wait: Wait = 0,
    again: Annotated[
        bool, typer.Option("--again", help="Also what was redriven before: its actions are called.")
    ] = False,
) -> None:
    """Try an execution that failed or was cancelled again from there: a fork that keeps everything
    before, and calls its actions. With `--all`, each one that filters name: without `--status`
    those that failed."""
    body = _shared(patch_data, frame, version, definition_hash, skip_timers, name, dry_run, reason)
    if again:
        body["again"] = True
    _ask(session, many, execution, "redrive", body, idempotency_key, wait)


def _shared(
    patch_data: str | None,
    frame: int | None,
    version: str | None,
    definition_hash: str | None,
    skip_timers: bool,
    name: str | None,
    dry_run: bool,
    reason: str,
) -> dict[str, Any]:
    return {
        "patch_data": read_json(patch_data, "--patch-data"),
        "frame": frame,
        "version": version,
        "definition_hash": definition_hash,
        "skip_timers": skip_timers,
        "name": name,
        "dry_run": dry_run,
        "reason": reason,
    }


def _place(text: str | None) -> int | str | None:
    """Behind which event, as the API takes it."""
    if text is None or not text.isdecimal():
        return text and text.replace("-", "_")
    return int(text)


def _event_patches(values: list[str]) -> dict[str, Any]:
    patches: dict[str, Any] = {}
    for position, text in pairs_of(values, "--patch-event").items():
        if not position.isdigit():
            raise CommandFault(
                "--patch-event takes POSITION=PATCH, a position of the stream", USAGE
            )
        patches[position] = read_json(text, "--patch-event")
    return patches


def _ask(
    session: Session,
    many: Many | None,
    execution: str | None,
    verb: str,
    body: dict[str, Any],
    key: str | None,
    wait_s: int,
) -> None:
    if (many is None) == (execution is None):
        raise CommandFault("name an execution, or --all with filters; one of them", USAGE)
    if many is not None:
        if wait_s:
            raise CommandFault("--wait is of one execution; see `exec ls --batch`", USAGE)
        fork_many(session, many, verb, body, key)
        return
    assert execution is not None, "one of them is there"
    headers = {"Content-Type": "application/json"}
    if key is not None:
        headers["Idempotency-Key"] = key
    given = {name: value for name, value in body.items() if value is not None}
    path = f"/executions/{segment(execution)}/{verb}"
    answer = session.client.send("POST", path, body=dumps(given), headers=headers).json
    if answer["dry_run"] is not None:
        _show_foresight(session.output, answer)
    elif wait_s:
        write_error(f"refold: forked {answer['execution']}")
        _show_end(session, answer, wait_s)
    else:
        _show(session.output, answer)


def _show(output: Output, answer: Any) -> None:
    side_by_side = f"refold exec compare {answer['source']} {answer['execution']}"
    lines = [("id", answer["execution"]), *_lines(answer), ("compare", side_by_side)]
    if answer["replayed"]:
        lines.append(("again", "the same key or name came before: it is the fork of then"))
    emit_one(answer, output, lambda one: one["execution"], lines)


def _lines(answer: Any) -> list[tuple[str, Any]]:
    lines = [
        ("source", answer["source"]),
        ("begins", f"with its first {counted(answer['at'], 'event')}" if answer["at"] else "anew"),
        ("workflow", f"{answer['workflow']} {answer['version']}"),
    ]
    if answer["asked_at"] != answer["at"]:
        lines.append(("asked for", f"{answer['asked_at']}: nothing goes on from that one"))
    for edit in answer["edits"]:
        for write in edit["writes"]:
            place = "".join(f"/{part}" for part in write.get("path", ())) or "/"
            lines.append(("edited", f"{place} = {dumps(write.get('value')).decode()}"))
    return lines


def _show_foresight(output: Output, answer: Any) -> None:
    if output is Output.JSON:
        write_json(answer)
        return
    found = answer["dry_run"]
    columns = {
        "SEQ": lambda one: one["seq"],
        "TYPE": lambda one: one["type"],
        "WHAT": lambda one: one["told"],
    }
    emit_list(found["events"], output, columns, lambda one: str(one["seq"]))
    if output is Output.IDS:
        return
    lines = [*_lines(answer), ("status", found["status"])]
    if found["stop"]:
        lines.append(("stops", f"{found['stop']}: {found['stop_message']}"))
    if found["diverges_at"]:
        lines.append(("differs", f"from event {found['diverges_at']} of the source on"))
    if found["error"]:
        lines.append(("error", f"{found['error']['code']}: {found['error']['message']}"))
    if found["output"] is not None:
        lines.append(("output", dumps(found["output"]).decode()))
    emit_one(answer, output, lambda one: one["source"], lines)


def _show_end(session: Session, answer: Any, wait_s: int) -> None:
    path, headers = f"/executions/{segment(answer['execution'])}", {"Prefer": f"wait={wait_s}"}
    found = session.client.get(path, headers=headers).json
    error = found["error"]
    lines = [
        ("id", found["id"]),
        ("status", found["status"]),
        ("output", dumps(found["output"]).decode() if found["closed_at"] else None),
        ("error", f"{error['code']}: {error['message']}" if error else None),
    ]
    if session.output is Output.TABLE:
        source = f"/executions/{segment(answer['source'])}/compare"
        compared = session.client.get(source, {"with": answer["execution"]}).json
        lines.append(("compared", verdict(compared)))
    emit_one(found, session.output, lambda one: one["id"], lines)
    code = exit_code_of_status(found["status"]) if found["status"] in ENDED else TIMEOUT
    if code != OK:
        raise typer.Exit(code)
