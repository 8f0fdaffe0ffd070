"""Statements of the read side: named blocks of `.sql` files, with the schema filled in.

A block begins with a line `-- name: NAME` and the comment lines that describe it.
"""

from functools import cache
from importlib.resources import files


@cache
def statements(file: str, generation: int) -> dict[str, str]:
    """The blocks of `projections/queries/FILE` for one generation of the read tables."""
    text = files("projections").joinpath("queries", file).read_text()
    blocks: dict[str, str] = {}
    for block in text.split("-- name: ")[1:]:
        name, _, body = block.partition("\n")
        blocks[name.strip()] = body.replace("{read}", schema_of(generation))
    return blocks


def schema_of(generation: int) -> str:
    """The schema that holds this generation of the read tables."""
    return f"read_{int(generation)}"


@cache
def tables(generation: int, version: int) -> str:
    """The script that makes the tables of this generation, of this version of the views."""
    text = files("schemas").joinpath("sql", "read", "tables.sql").read_text()
    text = text.replace("{version}", str(int(version)))
    return text.replace("{read}", schema_of(generation))


@cache
def live_table() -> str:
    """The script that makes the table of the live generation."""
    return files("schemas").joinpath("sql", "read", "live.sql").read_text()
