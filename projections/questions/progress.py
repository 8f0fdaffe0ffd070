"""How far the read tables are behind the log."""

from typing import Protocol

import msgspec

from engine.ports.rows import EventRow, ShardHead
from projections.generations import VIEWS_VERSION
from projections.store import ReadStore

_FILE = "generations.sql"


class Shards(Protocol):
    """What is asked of the log."""

    async def heads(self) -> list[ShardHead]:
        """All head rows."""

    async def read_shard(
        self, shard: int, after: int, upto: int, limit: int = 5_000
    ) -> list[EventRow]:
        """Events with after < position <= upto, in order of position."""


class ShardProgress(msgspec.Struct, frozen=True):
    """One shard: read up to `position`, the log's `head`; `lag_ms`: so long ago the first event was
    written that is not read, 0 where all are."""

    shard: int
    position: int
    head: int
    lag_ms: int


class Progress(msgspec.Struct, frozen=True):
    """The live read tables: their generation, the version of their views, the shards, and how many
    rows each view has."""

    generation: int
    version: int
    shards: tuple[ShardProgress, ...]
    rows: dict[str, int]

    @property
    def behind(self) -> int:
        """How many events are not read."""
        return sum(max(0, one.head - one.position) for one in self.shards)

    @property
    def lag_s(self) -> float:
        """For how long, in seconds."""
        return max((one.lag_ms for one in self.shards), default=0) / 1000


async def progress_of(store: ReadStore, log: Shards) -> Progress:
    """Where the live tables stand. Raises ReadSideBuilding where they are of another release."""
    positions = await store.positions()
    now_ms = (await store.ask(_FILE, "now_ms"))[0]["now_ms"]
    shards = []
    for head in await log.heads():
        position, lag_ms = positions.get(head.shard, 0), 0
        if position < head.last_position:
            first = await log.read_shard(head.shard, position, head.last_position, 1)
            lag_ms = max(0, now_ms - first[0].at) if first else 0
        shards.append(ShardProgress(head.shard, position, head.last_position, lag_ms))
    rows = await store.ask(_FILE, "rows", scans=True)
    counts = {row["view"]: row["rows"] for row in rows}
    return Progress(store.generation, VIEWS_VERSION, tuple(shards), counts)
