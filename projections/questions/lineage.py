"""The lineage of CloudEvents: who took one, who emitted it, and what became of that in turn."""

from collections.abc import Sequence
from uuid import UUID

from projections.database import Row
from projections.store import ReadStore

_FILE = "lineage.sql"
_NIL = UUID(int=0)


async def takers(
    store: ReadStore,
    namespace: str,
    position: int,
    *,
    after: tuple[UUID, int] = (_NIL, 0),
    limit: int = 100,
) -> Sequence[Row]:
    """What took the CloudEvent at this position, behind this (execution, seq)."""
    return await store.ask(_FILE, "taken_at", namespace, position, *after, limit)


async def taken_by(
    store: ReadStore, execution_id: UUID, *, after: int = 0, limit: int = 100
) -> Sequence[Row]:
    """The CloudEvents that the execution took."""
    return await store.ask(_FILE, "taken_by", execution_id, after, limit)


async def emitted_by(
    store: ReadStore, execution_id: UUID, *, after: int = 0, limit: int = 100
) -> Sequence[Row]:
    """The CloudEvents that the execution emitted."""
    return await store.ask(_FILE, "emitted_by", execution_id, after, limit)


async def emission(
    store: ReadStore, namespace: str, emitter: tuple[UUID, int], source: str
) -> Row | None:
    """The event of ours that emitted the CloudEvent whose id names `emitter`; None: an outsider
    gave it that id."""
    rows = await store.ask(_FILE, "emission", namespace, *emitter, source)
    return rows[0] if rows else None


async def taken_from(
    store: ReadStore, namespace: str, emitters: Sequence[UUID], limit: int
) -> Sequence[Row]:
    """What took the CloudEvents that these executions emitted."""
    return await store.ask(_FILE, "taken_from", list(emitters), namespace, limit)
