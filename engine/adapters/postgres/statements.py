"""Statements live in `queries/*.sql` as blocks: a line `-- name: NAME`, comment lines that describe
the statement, the statement."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from types import MappingProxyType

_MARK = "-- name: "


@cache
def load(area: str) -> Mapping[str, str]:
    """The statements of `queries/AREA.sql` by name. Raises ValueError for a block without name,
    description or statement, or a name given twice."""
    text = files(__package__).joinpath("queries", f"{area}.sql").read_text("utf-8")
    _, *blocks = text.split(_MARK)
    found: dict[str, str] = {}
    for block in blocks:
        name, _, rest = block.partition("\n")
        lines = rest.strip().splitlines()
        described = [line for line in lines if line.startswith("--")]
        statement = "\n".join(line for line in lines if not line.startswith("--")).strip()
        if not name.strip() or not described or not statement or name in found:
            raise ValueError(
                f"queries/{area}.sql: block {name!r} wants a name of its own, a "
                "description and a statement"
            )
        found[name.strip()] = statement.rstrip(";")
    return MappingProxyType(found)
