"""`refold def`: check, apply, list, show and draw definitions."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from server.cli.client import place_line, segment
from server.cli.faults import ERROR, CommandFault
from server.cli.impact import app as impact_app
from server.cli.output import Output, counted, emit_list, write_error, write_json, write_line
from server.cli.session import Full, OutputOption, Session, changing, connected, read_file
from server.cli.sources import (
    DefinitionRequest,
    Resources,
    documents_of,
    media_type_of,
    request_of,
)
from server.cli.statistics import app as stats_app

app = typer.Typer(help="Workflow definitions.", no_args_is_help=True)
app.registered_commands += impact_app.registered_commands
app.registered_commands += stats_app.registered_commands

RESULT_PLACE = "definition.result.place"
Files = Annotated[list[str], typer.Argument(help="Definitions in YAML or JSON; `-`: stdin.")]


@app.command("validate")
def validate(files: Files, resource: Resources = [], output: OutputOption = Output.TABLE) -> None:  # noqa: B006 - typer copies it
    """Check definitions here, without a server. Every fault is told with its place."""
    documents = documents_of(resource)
    reports = [_validated(file, documents) for file in files]
    if output is Output.JSON:
        write_json({"items": reports, "next": None})
    for report in reports:
        if output is Output.TABLE:
            _show_report(report)
        if output is Output.IDS and report["workflow"]:
            write_line(report["workflow"])
    if output is Output.TABLE:
        _tell_of_places(
            sum(len(_split(one["warnings"])[1]) for one in reports if one["valid"]), write_line
        )
    if not all(report["valid"] for report in reports):
        raise typer.Exit(ERROR)


def _validated(file: str, documents: dict[str, bytes]) -> dict[str, Any]:
    from engine.dialects.cncf_v08 import read_definition
    from server.app.judging import judged

    reading = judged(read_definition(read_file(file), media_type_of(file), documents))
    program = reading.program
    places = [
        {
            "severity": one.severity,
            "detail": (f"{one.document}: " if one.document else "") + one.message,
            "code": one.code,
            "pointer": one.pointer,
            "line": one.line,
            "column": one.column,
        }
        for one in reading.faults
    ]
    return {
        "file": file,
        "valid": program is not None and not reading.errors,
        "workflow": None if program is None else program.workflow,
        "version": None if program is None else program.version,
        "faults": [one for one in places if one["severity"] == "error"],
        "warnings": [one for one in places if one["severity"] == "warning"],
    }


def _show_report(report: dict[str, Any]) -> None:
    named = f"{report['workflow']} {report['version']}" if report["workflow"] else ""
    write_line(f"{report['file']}: {'ok' if report['valid'] else 'refused'} {named}".rstrip())
    for place in [*report["faults"], *_split(report["warnings"])[0]]:
        write_line(place_line({**place, "code": f"{place['severity']} {place['code']}"}))


@app.command("apply")
@changing
def apply(session: Session, files: Files, resource: Resources = []) -> None:  # noqa: B006 - typer copies it
    """Store definitions for ever and activate them. Of several files all are checked first: none is
    applied where one has faults."""
    requests = [request_of(file, documents_of(resource)) for file in files]
    if len(files) > 1:
        _check_all(session, requests)
    applied = []
    for one in requests:
        applied.append(_send(session, "/definitions", one))
        _show_applied(session.output, one.file, applied[-1])
    if session.output is Output.JSON:
        write_json(applied[0] if len(applied) == 1 else {"items": applied, "next": None})
    else:
        _tell_of_places(sum(len(_split(one["warnings"])[1]) for one in applied), write_error)


def _check_all(session: Session, requests: list[DefinitionRequest]) -> None:
    """Raises CommandFault, with the faults of every file, where one has some."""
    lines: list[str] = []
    for one in requests:
        found = _send(session, "/definitions/validate", one)
        if not found["valid"]:
            lines += [f"{one.file}: refused", *map(place_line, found["faults"])]
    if lines:
        raise CommandFault("nothing was applied, for there are faults", ERROR, lines)


def _send(session: Session, path: str, one: DefinitionRequest) -> Any:
    headers = {"Content-Type": one.media_type}
    try:
        return session.client.send("POST", path, body=one.body, headers=headers).json
    except CommandFault as fault:
        raise CommandFault(f"{one.file}: {fault.message}", fault.exit_code, fault.lines) from None


def _show_applied(output: Output, file: str, applied: Any) -> None:
    """One result, as it happens."""
    for warning in _split(applied["warnings"])[0] if output is not Output.JSON else ():
        write_error(f"refold: warning: {file}:" + place_line(warning))
    if output is Output.IDS:
        write_line(applied["id"])
    elif output is Output.TABLE:
        what = "applied" if applied["changed"] else "unchanged"
        write_line(f"{applied['workflow']} {applied['version']} {what}  {applied['id']}")


def _split(warnings: list[Any]) -> tuple[list[Any], list[Any]]:
    """Warnings worth a line each, and those that nearly every definition has."""
    common = [one for one in warnings if one["code"] == RESULT_PLACE]
    return [one for one in warnings if one["code"] != RESULT_PLACE], common


def _tell_of_places(number: int, write: Callable[[str], None]) -> None:
    """One line for all actions without a place of their own for a plain result."""
    if number:
        write(
            f"note: {counted(number, 'warning')} {RESULT_PLACE} (where a result that is no object"
            " goes) not shown; -o json has all"
        )


@app.command("ls")
@connected
def index(
    session: Session,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="How many at most; all without it.")
    ] = None,
    full: Full = False,
) -> None:
    """List all definition versions."""
    items, following = session.client.pages("/definitions", {}, limit)
    columns = {
        "WORKFLOW": lambda one: one["workflow"],
        "VERSION": lambda one: one["version"],
        "ACTIVE": lambda one: "yes" if one["active"] else "",
        "CREATED": lambda one: one["created_at"],
        "HASH": lambda one: one["id"],
    }
    emit_list(items, session.output, columns, lambda one: one["id"], following=following, full=full)


Version = Annotated[str | None, typer.Option("--version", help="Unless the active one.")]


@app.command("get")
@connected
def get(session: Session, workflow: str, version: Version = None) -> None:
    """Show a definition as it was applied."""
    found = session.client.get(_path(workflow, version)).json
    if session.output is Output.JSON:
        write_json(found)
    elif session.output is Output.IDS:
        write_line(found["id"])
    else:
        write_line(found["source"].rstrip("\n"))


@app.command("graph")
@connected
def graph(
    session: Session,
    workflow: Annotated[str, typer.Argument(help="A workflow of the server, or a file.")],
    version: Version = None,
    resource: Resources = [],  # noqa: B006 - typer copies it
) -> None:
    """Draw a definition as a Mermaid flowchart."""
    if Path(workflow).is_file():
        text = _drawn(workflow, documents_of(resource))
    else:
        text = session.client.get(_path(workflow, version) + "/graph").body.decode()
    if session.output is Output.JSON:
        write_json({"media_type": "text/vnd.mermaid", "graph": text})
    else:
        write_line(text.rstrip("\n"))


def _drawn(file: str, documents: dict[str, bytes]) -> str:
    from engine.dialects.cncf_v08 import mermaid, read_definition

    reading = read_definition(read_file(file), media_type_of(file), documents)
    if reading.program is None:
        report = _validated(file, documents)
        raise CommandFault(
            f"{file} has {counted(len(reading.errors), 'fault')}",
            ERROR,
            list(map(place_line, report["faults"])),
        )
    return mermaid(reading.program)


def _path(workflow: str, version: str | None) -> str:
    path = f"/definitions/{segment(workflow)}"
    return path if version is None else f"{path}/{segment(version)}"
