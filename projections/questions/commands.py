"""Commands that executions obeyed: who asked for what, from where and why."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from projections.database import Row
from projections.store import ReadStore

Place = tuple[int, UUID, int]
"""Time, execution and seq of a command, by which they are in order."""

LAST: Place = (2**62, UUID(int=2**128 - 1), 2**31 - 1)
"""Behind every command."""


class CommandFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which commands; None: any. `action` ending in `.` wants all of that noun; `target`: the
    execution; `since` in ms since 1970."""

    actor: str | None = None
    action: str | None = None
    target: UUID | None = None
    since: int | None = None


async def list_commands(
    store: ReadStore, namespace: str, wanted: CommandFilter, before: Place, limit: int
) -> Sequence[Row]:
    """A page of commands before a place, the newest first."""
    values: dict[str, Any] = {
        name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not None
    }

    def composed(known: Mapping[str, str]) -> str:
        clauses = [
            " " + known[name].replace("{arg}", f"${number}")
            for number, name in enumerate(values, start=6)
        ]
        return known["list"].replace("{filters}", "".join(clauses))

    return await store.ask_text(
        composed, "commands.sql", namespace, *before, limit, *values.values()
    )
