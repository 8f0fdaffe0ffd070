"""Statistics of a workflow and its states, for each of its versions."""

from collections.abc import Sequence

import msgspec

from projections.database import Row
from projections.store import ReadStore

_FILE = "statistics.sql"


class Statistics(msgspec.Struct, frozen=True):
    """Rows of the statements of `queries/statistics.sql`: one for each version; one for each state
    of a version; one for each state of a version in which calls were made again."""

    executions: Sequence[Row]
    states: Sequence[Row]
    retries: Sequence[Row]


async def statistics_of(
    store: ReadStore,
    namespace: str,
    workflow: str,
    version: str | None = None,
    since: int | None = None,
    until: int | None = None,
) -> Statistics:
    """Of the executions that were started in this time (ms since 1970, `until` exclusive)."""
    asked = namespace, workflow, version, since, until
    return Statistics(
        await store.ask(_FILE, "executions", *asked, scans=True),
        await store.ask(_FILE, "states", *asked, scans=True),
        await store.ask(_FILE, "retries", *asked, scans=True),
    )
