"""`refold def`: check, apply, list, show and draw definitions."""

from pathlib import Path
from typing import Annotated, Any

import typer

from schemas.json_text import dumps
from server.cli.client import place_line, segment
from server.cli.faults import ERROR, USAGE, CommandFault
from server.cli.output import Output, emit_list, write_error, write_json, write_line
from server.cli.session import OutputOption, Session, connected, read_file

app = typer.Typer(help="Workflow definitions.", no_args_is_help=True)

ENVELOPE = "application/vnd.refold.definition+json"
Files = Annotated[list[str], typer.Argument(help="Definitions in YAML or JSON; `-`: stdin.")]
Resources = Annotated[
    list[str],
    typer.Option("--resource", help="URI=FILE: a document that the definition names."),
]


@app.command("validate")
def validate(files: Files, resource: Resources = [], output: OutputOption = Output.TABLE) -> None:  # noqa: B006 - typer copies it
    """Check definitions here, without a server. Every fault is told with its place."""
    documents = _documents(resource)
    reports = [_validated(file, documents) for file in files]
    if output is Output.JSON:
        write_json({"items": reports, "next": None})
    for report in reports:
        if output is Output.TABLE:
            _show_report(report)
        if output is Output.IDS and report["workflow"]:
            write_line(report["workflow"])
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
    for place in [*report["faults"], *report["warnings"]]:
        write_line(place_line({**place, "code": f"{place['severity']} {place['code']}"}))


def media_type_of(file: str) -> str:
    """The media type that a file's name says; YAML where it says nothing."""
    return "application/json" if file.lower().endswith(".json") else "application/yaml"


def _documents(resources: list[str]) -> dict[str, bytes]:
    return {uri: read_file(path) for uri, path in map(_parted, resources)}


def _parted(argument: str) -> tuple[str, str]:
    """URI=FILE, parted at the first `=` behind which a file's name stands: a URI may hold some."""
    starts = [place for place, letter in enumerate(argument) if letter == "="]
    for place in starts:
        if Path(argument[place + 1 :]).is_file():
            return argument[:place], argument[place + 1 :]
    if not starts:
        raise CommandFault(f"--resource takes URI=FILE; got {argument!r}", USAGE)
    return argument[: starts[0]], argument[starts[0] + 1 :]


@app.command("apply")
@connected
def apply(session: Session, files: Files, resource: Resources = []) -> None:  # noqa: B006 - typer copies it
    """Store definitions for ever and activate them."""
    documents = _documents(resource)
    applied = [_applied(session, file, documents) for file in files]
    for one in applied:
        for warning in one["warnings"]:
            write_error("refold: warning:" + place_line(warning))
    if session.output is Output.JSON:
        write_json(applied[0] if len(applied) == 1 else {"items": applied, "next": None})
        return
    for one in applied:
        if session.output is Output.IDS:
            write_line(one["id"])
        else:
            what = "applied" if one["changed"] else "unchanged"
            write_line(f"{one['workflow']} {one['version']} {what}  {one['id']}")


def _applied(session: Session, file: str, documents: dict[str, bytes]) -> Any:
    source, media_type = read_file(file), media_type_of(file)
    if documents:
        try:
            texts = {uri: content.decode() for uri, content in documents.items()}
            envelope = {"definition": source.decode(), "media_type": media_type, "resources": texts}
        except UnicodeDecodeError as error:
            raise CommandFault(f"definitions and documents are UTF-8 texts: {error}") from None
        source, media_type = dumps(envelope), ENVELOPE
    try:
        answer = session.client.send(
            "POST", "/definitions", body=source, headers={"Content-Type": media_type}
        )
    except CommandFault as fault:
        raise CommandFault(f"{file}: {fault.message}", fault.exit_code, fault.lines) from None
    return answer.json


@app.command("ls")
@connected
def index(
    session: Session,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="How many.")] = None,
) -> None:
    """List all definition versions."""
    items = session.client.pages("/definitions", {}, limit)
    columns = {
        "WORKFLOW": lambda one: one["workflow"],
        "VERSION": lambda one: one["version"],
        "ACTIVE": lambda one: "yes" if one["active"] else "",
        "CREATED": lambda one: one["created_at"],
        "ID": lambda one: one["id"],
    }
    emit_list(items, session.output, columns, lambda one: one["id"])


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
        text = _drawn(workflow, _documents(resource))
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
            f"{file} has {len(reading.errors)} faults",
            ERROR,
            list(map(place_line, report["faults"])),
        )
    return mermaid(reading.program)


def _path(workflow: str, version: str | None) -> str:
    path = f"/definitions/{segment(workflow)}"
    return path if version is None else f"{path}/{segment(version)}"
