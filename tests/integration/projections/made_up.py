"""Logs written by hand: what no engine here does yet, or not at will."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from engine.core.evolve import EVOLVE_VERSION
from engine.model.event import Event
from engine.ports.codec import row_of
from engine.ports.rows import EventRow, ShardHead
from schemas.events.bodies import EventBody

START_MS = 1_767_225_600_000


class Logs:
    """A log of one shard, in memory, as the projector reads it."""

    def __init__(self) -> None:
        self.rows: list[EventRow] = []

    def add(self, number: int, *bodies: tuple[EventBody, dict[str, Any]]) -> UUID:
        """Append to execution `number`; each body with members of its envelope. A second passes
        with every event."""
        execution_id = UUID(int=(START_MS << 80) | (7 << 76) | (2 << 62) | number)
        seq = sum(row.execution_id == execution_id for row in self.rows)
        for body, envelope in bodies:
            seq += 1
            event = Event(seq=seq, at=START_MS + 1_000 * seq, body=body, **envelope)
            self.rows.append(
                row_of(
                    event,
                    execution_id,
                    shard=0,
                    position=len(self.rows) + 1,
                    namespace="default",
                    epoch=1,
                    salt=b"0" * 16,
                    previous_hash=b"",
                )
            )
        return execution_id

    async def heads(self) -> list[ShardHead]:
        return [ShardHead(0, None, 1, 0, len(self.rows), 1, b"")]

    async def read_shard(
        self, shard: int, after: int, upto: int, limit: int = 5_000
    ) -> list[EventRow]:
        return self.rows[after : min(upto, after + limit)]

    async def read_execution(
        self, execution_id: UUID, after: int = 0, limit: int = 10_000, upto: int | None = None
    ) -> list[EventRow]:
        rows: Sequence[EventRow] = [
            row for row in self.rows
            if row.execution_id == execution_id and after < row.seq <= (upto or row.seq)
        ]  # fmt: skip
        return list(rows[:limit])

    async def kept_snapshot(
        self, execution_id: UUID, after: int, upto: int | None, evolve_version: int
    ) -> None:
        assert evolve_version == EVOLVE_VERSION
