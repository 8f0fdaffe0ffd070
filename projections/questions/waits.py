"""Open waits of a namespace."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec

from projections.database import Row
from projections.store import ReadStore

_NIL = UUID(int=0)


class WaitFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which waits; None: any. `kind`: timer, event or callback; `due_before` in ms since 1970."""

    kind: str | None = None
    workflow: str | None = None
    type: str | None = None
    due_before: int | None = None


ANY = WaitFilter()
"""All open waits."""


async def list_open_waits(
    store: ReadStore,
    namespace: str,
    wanted: WaitFilter = ANY,
    *,
    after: tuple[UUID, int] = (_NIL, 0),
    limit: int = 100,
) -> Sequence[Row]:
    """A page of open waits, in order of execution and event; `after`: both of the last one."""
    values: dict[str, Any] = {
        name: value for name, value in msgspec.structs.asdict(wanted).items() if value is not None
    }

    def composed(known: Mapping[str, str]) -> str:
        clauses = [
            " " + known[name].replace("{arg}", f"${number}")
            for number, name in enumerate(values, start=5)
        ]
        return known["list"].replace("{filters}", "".join(clauses))

    return await store.ask_text(composed, "waits.sql", namespace, *after, limit, *values.values())
