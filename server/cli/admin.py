"""`refold admin projection`: the read side, straight on the database."""

from typing import Any

import typer

from server.cli.faults import ERROR, USAGE, CommandFault
from server.cli.output import Output, emit_list, write_json, write_line
from server.cli.session import OutputOption

app = typer.Typer(no_args_is_help=True, help="Upkeep of an installation.")
projection = typer.Typer(no_args_is_help=True, help="The read tables.")
app.add_typer(projection, name="projection")


@projection.command("ls")
def ls(output: OutputOption = Output.TABLE) -> None:
    """Show how far the read tables are in each shard of the log (uses REFOLD_DATABASE_URL)."""
    from server.app.upkeep import projection_positions

    rows = _run(projection_positions)
    columns = {
        "GENERATION": lambda one: one["generation"],
        "SHARD": lambda one: one["shard"],
        "POSITION": lambda one: one["position"],
        "HEAD": lambda one: one["head"],
        "BEHIND": lambda one: one["head"] - one["position"],
    }
    emit_list(rows, output, columns, lambda one: str(one["shard"]))


@projection.command("rebuild")
def rebuild(output: OutputOption = Output.TABLE) -> None:
    """Build the read tables anew from the log beside the live ones, and swap."""
    from server.app.upkeep import rebuild_projections

    result = _run(rebuild_projections)
    if output is Output.JSON:
        write_json(result)
        return
    same = "the same rows as before" if result["same_as_before"] else "other rows than before"
    write_line(f"generation {result['generation']} is live, with {same}")


def _run(work: Any) -> Any:
    import asyncio

    from engine.model.errors import RefoldError
    from server.settings import read_settings

    try:
        return asyncio.run(work(read_settings()))
    except RefoldError as error:
        code = USAGE if error.code == "settings.invalid" else ERROR
        raise CommandFault(f"{error.message} [{error.code}]", code) from None
