"""`refold admin projection`: the read side, straight on the database."""

from typing import Annotated, Any

import typer

from server.cli import erasing
from server.cli.faults import ERROR, USAGE, CommandFault
from server.cli.output import Output, emit_list, write_json, write_line
from server.cli.session import OutputOption

app = typer.Typer(no_args_is_help=True, help="Upkeep of an installation.")
projection = typer.Typer(no_args_is_help=True, help="The read tables.")
app.add_typer(projection, name="projection")
app.add_typer(erasing.app)


@projection.command("ls")
def ls(
    shards: Annotated[
        bool, typer.Option("--shards", help="Show each shard of the log instead of each view.")
    ] = False,
    output: OutputOption = Output.TABLE,
) -> None:
    """Show how far the read tables are behind the log, in events and seconds, and their rows (uses
    REFOLD_DATABASE_URL)."""
    from server.app.upkeep import projection_progress

    found = _run(projection_progress)
    (_show_shards if shards else _show_views)(found, output)


def _show_views(found: Any, output: Output) -> None:
    shared = {
        "generation": found.generation,
        "version": found.version,
        "behind": found.behind,
        "lag_s": found.lag_s,
    }
    rows = [{"view": view, "rows": count, **shared} for view, count in found.rows.items()]
    columns = {
        "VIEW": lambda one: one["view"],
        "ROWS": lambda one: one["rows"],
        "GENERATION": lambda one: one["generation"],
        "BEHIND": lambda one: one["behind"],
        "LAG": lambda one: f"{one['lag_s']:.1f} s",
    }
    emit_list(rows, output, columns, lambda one: one["view"])


def _show_shards(found: Any, output: Output) -> None:
    rows = [
        {
            "shard": one.shard,
            "generation": found.generation,
            "position": one.position,
            "head": one.head,
            "behind": one.head - one.position,
            "lag_s": one.lag_ms / 1000,
        }
        for one in found.shards
    ]
    columns = {
        "SHARD": lambda one: one["shard"],
        "GENERATION": lambda one: one["generation"],
        "POSITION": lambda one: one["position"],
        "HEAD": lambda one: one["head"],
        "BEHIND": lambda one: one["behind"],
        "LAG": lambda one: f"{one['lag_s']:.1f} s",
    }
    emit_list(rows, output, columns, lambda one: str(one["shard"]))


@projection.command("rebuild")
def rebuild(
    output: OutputOption = Output.TABLE,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the audit.")] = "",
) -> None:
    """Build the read tables anew from the log beside the live ones, and swap."""
    from server.app.upkeep import rebuild_projections

    result = _run(lambda settings: rebuild_projections(settings, reason))
    if output is Output.JSON:
        write_json(result)
        return
    words = {
        True: "the same rows as before",
        False: "other rows than before",
        None: "the views of this release",
    }
    write_line(f"generation {result['generation']} is live, with {words[result['same_as_before']]}")


def _run(work: Any) -> Any:
    import asyncio

    from engine.model.errors import RefoldError
    from server.settings import read_settings

    try:
        return asyncio.run(work(read_settings()))
    except RefoldError as error:
        code = USAGE if error.code == "settings.invalid" else ERROR
        raise CommandFault(f"{error.message} [{error.code}]", code) from None
