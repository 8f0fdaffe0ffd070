"""The history of one execution, a page at a time. Whoever asks has found the execution first: ids
tell nothing of a namespace here."""

from collections.abc import Sequence
from uuid import UUID

from projections.database import Row
from projections.store import ReadStore

_FILE = "history.sql"


async def list_scopes(
    store: ReadStore, execution_id: UUID, *, after: int = 0, limit: int = 1_000
) -> Sequence[Row]:
    """States, branches and iterations that were opened behind the event `after`, in order."""
    return await store.ask(_FILE, "scopes", execution_id, after, limit)


async def list_attempts(
    store: ReadStore, execution_id: UUID, *, after: int = 0, limit: int = 1_000
) -> Sequence[Row]:
    """Attempts of actions that were scheduled behind the event `after`, in order."""
    return await store.ask(_FILE, "attempts", execution_id, after, limit)


async def list_waits(
    store: ReadStore, execution_id: UUID, *, after: int = 0, limit: int = 1_000
) -> Sequence[Row]:
    """Timers and waits that were opened behind the event `after`, in order."""
    return await store.ask(_FILE, "waits", execution_id, after, limit)


async def parents_of(store: ReadStore, execution_id: UUID, frames: Sequence[int]) -> dict[int, int]:
    """The parents of these scopes of the execution; of a frame that is none of them, nothing."""
    rows = await store.ask(_FILE, "some_scopes", execution_id, list(frames))
    return {row["frame"]: row["parent"] for row in rows}
