"""`refold up`, `serve`, `doctor`: being a server, and looking at what one stands on."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from server.cli.faults import ERROR, USAGE, CommandFault
from server.cli.output import Output, emit_list, write_json, write_line
from server.cli.session import OutputOption

_ROLES = ("api", "engine", "projector", "worker")
Http = Annotated[
    str | None,
    typer.Option(
        "--http",
        help="HOST:PORT of the API; port 0: any free one. Unset: REFOLD_HTTP, else 127.0.0.1:7070.",
    ),
]
Functions = Annotated[
    Path | None, typer.Option("--functions", help="Folder of Python functions for actions.")
]


def up(
    data: Annotated[
        Path, typer.Option("--data", help="Folder of the embedded Postgres and NATS.")
    ] = Path(".refold"),
    http: Http = None,
    nats: Annotated[
        str, typer.Option("--nats", help="HOST:PORT of the embedded NATS; port 0: any free one.")
    ] = "127.0.0.1:4222",
    functions: Functions = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Run everything here in the foreground, with a Postgres and a NATS of our own."""
    from engine.model.errors import RefoldError
    from server.settings import parse_address, read_settings

    try:
        parse_address("--nats", nats)
        settings = read_settings(http=http, functions_dir=functions)
        from server.hosting import run_up

        run_up(settings, data, nats, lambda places: _tell(places, output))
    except RefoldError as error:
        raise _fault_of(error) from None


def serve(
    role: Annotated[
        str, typer.Option("--role", help="Some of api,engine,projector,worker, by commas.")
    ],
    http: Http = None,
    functions: Functions = None,
    output: OutputOption = Output.TABLE,
) -> None:
    """Run roles against the Postgres and NATS of REFOLD_DATABASE_URL and REFOLD_NATS_URL. A worker
    alone needs, and should be given, no database."""
    roles = _roles_of(role)
    from engine.model.errors import RefoldError
    from server.settings import read_settings

    try:
        settings = read_settings(http=http, functions_dir=functions)
        if not settings.nats_url or not (settings.database_url or roles == ["worker"]):
            raise CommandFault(
                "set REFOLD_DATABASE_URL and REFOLD_NATS_URL (a worker alone needs the second"
                " only), or use `refold up`",
                USAGE,
            )
        from server.hosting import run_serve

        run_serve(settings, roles, lambda places: _tell(places, output))
    except RefoldError as error:
        raise _fault_of(error) from None


def _roles_of(text: str) -> list[str]:
    roles = [one.strip() for one in text.split(",") if one.strip()]
    unknown = [one for one in roles if one not in _ROLES]
    if unknown or not roles:
        raise CommandFault(f"--role takes some of {', '.join(_ROLES)}; got {text!r}", USAGE)
    return sorted(set(roles))


def _tell(places: dict[str, Any], output: Output) -> None:
    """The ready line: one line of JSON for programs."""
    if output is Output.JSON:
        write_json(places)
        return
    write_line(f"refold is ready (pid {places['pid']}); Ctrl-C stops it")
    for name in ("http", "nats", "database"):
        if places[name]:
            write_line(f"  {name:<9}{places[name]}")


def _fault_of(error: Any) -> CommandFault:
    usage = error.code in ("settings.invalid", "auth.unsafe_binding", "auth.key_file")
    return CommandFault(f"{error.message} [{error.code}]", USAGE if usage else ERROR)


def doctor(
    role: Annotated[
        str, typer.Option("--role", help="Whose services to look at: api,engine,projector,worker.")
    ] = ",".join(_ROLES),
    output: OutputOption = Output.TABLE,
) -> None:
    """Look at versions, services, durability, clocks and rights; changes nothing. Exit code 1 where
    something is an error, 0 where all is ok or a warning."""
    roles = _roles_of(role)
    import asyncio

    from engine.model.errors import RefoldError
    from server.app.doctor import examine
    from server.settings import read_settings

    try:
        findings = asyncio.run(examine(read_settings(), roles))
    except RefoldError as error:
        raise _fault_of(error) from None
    columns = {
        "CHECK": lambda one: one["check"],
        "OUTCOME": lambda one: one["outcome"],
        "DETAIL": lambda one: one["detail"],
        "ADVICE": lambda one: one["advice"],
    }
    emit_list([asdict(one) for one in findings], output, columns, lambda one: one["check"])
    if any(one.outcome == "error" for one in findings):
        raise typer.Exit(ERROR)
