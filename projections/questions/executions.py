"""The execution list: pages, counts, one row."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal
from uuid import UUID

import msgspec

from projections.database import Row
from projections.store import ReadStore

_FILE = "executions.sql"
Group = Literal["workflow", "version", "status"]
MAX_GROUPS = 1_000
"""Of counts by group, so many groups are told, the largest first."""


class ExecutionFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which executions; None: any. Times in ms since 1970, from inclusive, before exclusive.
    `forked`: only forks, or none. `keys`: what they are found by: `projections.views.finding`."""

    workflow: str | None = None
    version: str | None = None
    status: str | None = None
    error: str | None = None
    forked_from: UUID | None = None
    forked: bool | None = None
    batch: str | None = None
    started_from: int | None = None
    started_before: int | None = None
    keys: tuple[int, ...] = ()


ANY = ExecutionFilter()
"""All executions."""


async def list_executions(
    store: ReadStore,
    namespace: str,
    wanted: ExecutionFilter = ANY,
    *,
    before: UUID | None = None,
    limit: int = 50,
) -> Sequence[Row]:
    """A page of executions, newest first; `before` is the last id of the page before."""
    values = _values(wanted, before)

    def composed(known: Mapping[str, str]) -> str:
        return _composed(known, known["list"], wanted, values)

    return await store.ask_text(composed, _FILE, namespace, limit, *wanted.keys, *values.values())


async def count_executions(
    store: ReadStore,
    namespace: str,
    wanted: ExecutionFilter = ANY,
    groups: Sequence[Group] = (),
    *,
    before: UUID | None = None,
) -> Sequence[Row]:
    """How many executions: one row, or one for each combination of values of `groups`. `before`:
    only those with lower ids."""
    values = _values(wanted, before)
    names = ", ".join(f"e.{name}" for name in groups)
    grouping = f"GROUP BY {names} ORDER BY count DESC, {names}" if names else ""

    def composed(known: Mapping[str, str]) -> str:
        text = known["count"].replace("{groups}", f"{names}, " if names else "")
        return _composed(known, text.replace("{grouping}", grouping), wanted, values)

    return await store.ask_text(
        composed, _FILE, namespace, MAX_GROUPS, *wanted.keys, *values.values(), scans=True
    )


async def find_execution(store: ReadStore, namespace: str, execution_id: UUID) -> Row | None:
    """The row of one execution, None while it is not projected."""

    def composed(known: Mapping[str, str]) -> str:
        return known["find"].replace("{columns}", known["columns"])

    rows = await store.ask_text(composed, _FILE, namespace, execution_id)
    return rows[0] if rows else None


def _values(wanted: ExecutionFilter, before: UUID | None) -> dict[str, Any]:
    """The filters that are asked for, by the names of their blocks."""
    given = {**msgspec.structs.asdict(wanted), "before": before}
    del given["keys"]
    return {name: value for name, value in given.items() if value is not None}


def _composed(
    known: Mapping[str, str], text: str, wanted: ExecutionFilter, values: Mapping[str, Any]
) -> str:
    """The statement; its arguments: namespace, limit, the keys, the values."""
    blocks = ["found", *["found_too"] * (len(wanted.keys) - 1)][: len(wanted.keys)]
    clauses = [
        known[name].replace("{arg}", f"${number}")
        for number, name in enumerate([*blocks, *values], start=3)
    ]
    found = "".join(f" {clause}" for clause in clauses[: 1 if blocks else 0])
    filters = "".join(f" {clause}" for clause in clauses[1 if blocks else 0 :])
    text = text.replace("{columns}", known["columns"])
    return text.replace("{found}", found).replace("{filters}", filters)
