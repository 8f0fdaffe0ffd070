"""The command line: `refold NOUN VERB`, and exit codes that scripts can rely on."""

import sys
from typing import Annotated

import typer

from server.cli import (
    admin,
    auditing,
    bundles,
    debugging,
    definitions,
    events,
    executions,
    running,
    waits,
)
from server.cli.faults import ERROR, MEANINGS, CommandFault
from server.cli.output import write_error

_EPILOG = "Exit codes: " + ", ".join(f"{code} {words}" for code, words in MEANINGS.items()) + "."

app = typer.Typer(
    name="refold",
    help="Runs Serverless Workflow definitions; every execution is a log that you can fold.",
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(definitions.app, name="def")
app.add_typer(events.app, name="event")
app.add_typer(executions.app, name="exec")
app.add_typer(waits.app, name="wait")
app.add_typer(debugging.app, name="break")
app.add_typer(auditing.app, name="audit")
app.add_typer(admin.app, name="admin")
app.command("open")(bundles.open_bundle)
app.command("up")(running.up)
app.command("serve")(running.serve)
app.command("doctor")(running.doctor)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        sys.stdout.write(f"refold {version('refold')}\n")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Options of the command itself."""


def main() -> None:
    """Run the command and exit with its code."""
    try:
        app()
    except CommandFault as fault:
        write_error(f"refold: {fault.message}")
        for line in fault.lines:
            write_error(line)
        sys.exit(fault.exit_code)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(ERROR)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
