"""The record of a group commit for one shard, chained to the one before: pure."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from uuid import UUID

import msgspec

from engine.core.chain import commit_hash, part_digest
from engine.model.ids import born_at_ms
from engine.ports.rows import CommitRow, EventRow

_DAY_MS = 86_400_000
NIL = UUID(int=0)
"""Stands where a commit without events has no execution."""


def birth_period(execution_id: UUID) -> str:
    """The month (UTC) in which the id was minted, as `YYYY-MM`: what partitions and parts go by."""
    return _month_of(born_at_ms(execution_id) // _DAY_MS)


@lru_cache(maxsize=1_000)
def _month_of(day: int) -> str:
    born = datetime.fromtimestamp(day * _DAY_MS / 1000, UTC)
    return f"{born.year:04d}-{born.month:02d}"


def parts_of(rows: Sequence[EventRow]) -> bytes:
    """JSON list of [birth period, count, digest as hex], sorted, of rows in order of position."""
    grouped: dict[str, list[tuple[int, bytes]]] = {}
    periods: dict[UUID, str] = {}
    for row in rows:
        period = periods.get(row.execution_id)
        if period is None:
            period = periods[row.execution_id] = birth_period(row.execution_id)
        grouped.setdefault(period, []).append((row.position, row.hash))
    return msgspec.json.encode(
        [[period, len(part), part_digest(part).hex()] for period, part in sorted(grouped.items())]
    )


def commit_row(
    rows: Sequence[EventRow],
    *,
    shard: int,
    epoch: int,
    last_position: int,
    commit_no: int,
    previous_hash: bytes,
    at: int,
    writer_version: str,
) -> CommitRow:
    """The commit of `rows` (one shard, in order of position) on top of a head with
    `last_position`, `commit_no` and hash `previous_hash`."""
    parts = parts_of(rows)
    ids = [row.execution_id for row in rows]
    lowest, highest = min(ids, default=NIL), max(ids, default=NIL)
    number, first = commit_no + 1, last_position + 1
    columns = (shard, number, first, len(rows), epoch, at, writer_version, lowest, highest)
    return CommitRow(
        shard=shard,
        epoch=epoch,
        expected_position=last_position,
        count=len(rows),
        at=at,
        writer_version=writer_version,
        min_execution=lowest,
        max_execution=highest,
        parts=parts,
        hash=commit_hash(previous_hash, columns, parts),
    )
