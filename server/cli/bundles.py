"""`refold exec export`, `refold open`: an execution as a file, and what is in such a file."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from server.cli.client import segment
from server.cli.faults import CONFLICT, ERROR, USAGE, VERIFICATION_FAILED, CommandFault
from server.cli.output import (
    Output,
    counted,
    emit_list,
    emit_one,
    write_error,
    write_json,
    write_line,
)
from server.cli.paper import Paper
from server.cli.session import Full, OutputOption, Session, changing

if TYPE_CHECKING:
    from server.bundles.layout import Manifest

app = typer.Typer()
Answer = Callable[[Any], None]

_SHOWN = 40
"""States and actions that the summary shows."""


@app.command("export")
@changing
def export(
    session: Session,
    execution: Annotated[str, typer.Argument(help="The id of an execution: ex_...")],
    file: Annotated[str, typer.Argument(help="Where to: NAME.refold.")],
    redact: Annotated[
        list[str] | None,
        typer.Option(
            "--redact",
            help="A JSON pointer, as /customer/card: what stands there, and the same value"
            " anywhere else, is left out. Repeatable.",
        ),
    ] = None,
    only_there: Annotated[
        bool,
        typer.Option("--only-there", help="Leave out what stands at the pointers, nowhere else."),
    ] = False,
    redact_secrets: Annotated[
        bool,
        typer.Option(
            "--redact-secrets/--keep-secrets",
            help="Leave out what functions printed, and values of secrets wherever they stand.",
        ),
    ] = True,
    definition: Annotated[
        bool,
        typer.Option("--definition/--no-definition", help="With the definition that it ran under."),
    ] = True,
    force: Annotated[
        bool, typer.Option("--force", help="Write over a file that is there already.")
    ] = False,
) -> None:
    """Write an execution into one file: log, definition, proof. `refold open` reads it anywhere,
    `refold exec import` brings it into another installation (docs/bundles.md)."""
    if not force and Path(file).exists():
        raise CommandFault(f"{file} is there already: name another file, or --force", CONFLICT)
    query = {
        "redact": redact or None,
        "elsewhere": "false" if only_there else None,
        "secrets": None if redact_secrets else "false",
        "definition": None if definition else "false",
    }
    path = f"/executions/{segment(execution)}/bundle"
    part = Path(f"{file}.part")
    try:
        with part.open("wb") as target:
            for chunk in session.client.chunks(path, query):
                target.write(chunk)
        manifest = _checked(part)
        part.replace(file)
    except OSError as error:
        raise CommandFault(f"cannot write {file}: {error.strerror or error}", USAGE) from None
    finally:
        part.unlink(missing_ok=True)
    _tell_written(session.output, file, manifest)
    if not only_there:
        _warn_of_short(manifest)


@app.command("import")
@changing
def import_bundle(
    session: Session,
    file: Annotated[Path, typer.Argument(help="A file that `refold exec export` wrote.")],
    wait: Annotated[
        int, typer.Option("--wait", min=0, help="Seconds to wait until its log is copied.")
    ] = 30,
) -> None:
    """Bring in an execution of another installation. It never runs here: ask it everything, and
    fork it (`refold exec fork`). The same file again is the same execution."""
    headers = {"Content-Type": "application/zip"}
    if wait:
        headers["Prefer"] = f"wait={wait}"
    try:
        with file.open("rb") as body:
            answer = session.client.send("POST", "/imports", body=body, headers=headers).json
    except OSError as error:
        raise CommandFault(f"cannot read {file}: {error.strerror or error}", USAGE) from None
    lines = [
        ("id", answer["execution"]),
        ("source", f"{answer['source']} of installation {answer['cluster']}"),
        ("workflow", f"{answer['workflow']} {answer['version']}"),
        ("events", answer["events"]),
        ("redacted", ", ".join(answer["redacted"]) or None),
        (
            "again",
            "the file came before: it is the import of then" if answer["replayed"] else None,
        ),
        ("log", None if answer["copied"] else "still being copied"),
    ]
    emit_one(answer, session.output, lambda one: one["execution"], lines)


def _checked(part: Path) -> "Manifest":
    """What the file is, if it is whole. Raises CommandFault."""
    from server.bundles.layout import BundleFault
    from server.bundles.reading import Bundle

    try:
        with part.open("rb") as file:
            return Bundle(file).manifest
    except BundleFault:
        raise CommandFault("the bundle broke off: nothing was written; try again", ERROR) from None


def _tell_written(output: Output, file: str, manifest: "Manifest") -> None:
    size = Path(file).stat().st_size
    if output is Output.JSON:
        left_out = [
            {"pointer": one.pointer, "events": one.events, "short": one.short}
            for one in manifest.redactions
        ]
        told = {"execution": manifest.execution, "file": file, "bytes": size}
        write_json(told | {"redactions": left_out})
    elif output is Output.IDS:
        write_line(file)
    else:
        write_line(f"{file}: {counted(size, 'byte')}")
        for one in manifest.redactions:
            write_line(f"{one.pointer}: left out at its place in {counted(one.events, 'event')}")
        write_line(f"look into it: refold open {file}")


def _warn_of_short(manifest: "Manifest") -> None:
    for one in manifest.redactions:
        if one.short:
            write_error(
                f"refold: {one.pointer}: values of fewer than 4 characters, true or false"
                f" ({counted(one.short, 'event')}) are left out at this place only; redact every"
                " other place where they stand"
            )


def open_bundle(  # noqa: PLR0913, PLR0917 - one argument for each question
    file: Annotated[Path, typer.Argument(help="A file that `refold exec export` wrote.")],
    at: Annotated[
        int | None, typer.Option("--at", min=0, help="The state after this event.")
    ] = None,
    diff: Annotated[
        tuple[int, int] | None,
        typer.Option("--diff", help="FROM TO: what differs between two events."),
    ] = None,
    blame: Annotated[
        str | None, typer.Option("--blame", help="PATH: who wrote this value (at --at).")
    ] = None,
    events: Annotated[bool, typer.Option("--events", help="The log.")] = False,
    history: Annotated[
        bool, typer.Option("--history", help="States and calls: when, how long, what came of it.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Only the proof; exit code 7 if it fails.")
    ] = False,
    graph: Annotated[
        bool, typer.Option("--graph", help="The definition as a Mermaid flowchart.")
    ] = False,
    output: OutputOption = Output.TABLE,
    full: Full = False,
) -> None:
    """Look into a bundle, offline: what it is, whether it is as it was written, what happened, the
    state at any event, who wrote a value. Needs no server."""
    questions: dict[str, Answer] = {
        "graph": lambda opened: _show_graph(opened, output),
        "diff": lambda opened: opened.show_diff(Paper(full=full), output, *(diff or (0, 0))),
        "blame": lambda opened: opened.show_blame(Paper(full=full), output, blame, at, full=full),
        "at": lambda opened: opened.show_state(Paper(full=full), output, at, full=full),
        "events": lambda opened: _show_events(opened.events(), output, full=full),
        "history": lambda opened: _show_history(opened.history(), output, full=full),
        "verify": lambda opened: opened.show_proof(output),
    }
    asked = {
        "graph": graph, "diff": diff is not None, "blame": blame is not None,
        "at": at is not None and blame is None, "events": events, "history": history,
        "verify": verify,
    }  # fmt: skip
    chosen = [questions[name] for name, wanted in asked.items() if wanted]
    if len(chosen) > 1:
        raise CommandFault("ask one question at a time", USAGE)
    if not chosen:
        chosen = [lambda opened: opened.show_summary(Paper(full=full), output, str(file), _SHOWN)]
    if not _answered(file, chosen[0]):
        if not verify:
            write_error("refold: the bundle is NOT as it was written: see --verify")
        raise typer.Exit(VERIFICATION_FAILED)


def _answered(file: Path, answer: "Answer") -> bool:
    """Whether the bundle is as it was written. Raises CommandFault."""
    from server.bundles.layout import BundleFault
    from server.cli.opening import Opened

    try:
        with file.open("rb") as stream:
            opened = Opened(stream)
            answer(opened)
            opened.finish()
            return opened.report.intact
    except BundleFault as fault:
        raise CommandFault(f"{file}: {fault.message} [{fault.code}]", ERROR) from None
    except OSError as error:
        raise CommandFault(f"cannot read {file}: {error.strerror or error}", USAGE) from None


def _show_graph(opened: Any, output: Output) -> None:
    drawn = opened.graph()
    if output is Output.JSON:
        write_json({"mermaid": drawn})
    else:
        write_line(drawn.rstrip("\n"))


def _show_events(found: list[Any], output: Output, *, full: bool) -> None:
    columns = {
        "SEQ": lambda one: one["seq"],
        "AT": lambda one: one["at"],
        "TYPE": lambda one: one["type"],
        "NAME": lambda one: one["name"],
        "DATA": lambda one: "(sealed)" if one["data"] is None else one["data"],
    }
    emit_list(found, output, columns, lambda one: one["id"], full=full)


def _show_history(found: list[Any], output: Output, *, full: bool) -> None:
    columns = {
        "SEQ": lambda one: one["seq"],
        "KIND": lambda one: one["kind"],
        "NAME": lambda one: one["name"],
        "FROM": lambda one: one["from"],
        "TOOK": lambda one: one["took"],
        "OUTCOME": lambda one: one["outcome"],
    }
    emit_list(found, output, columns, lambda one: one["seq"], full=full)
