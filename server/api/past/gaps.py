"""What a long read leaves behind: snapshots of the states it passed, so that the next is short."""

import logging

from engine.core.evolve import EVOLVE_VERSION
from engine.model.state import ExecutionState
from engine.ports.rows import EventRow, SnapshotRow
from engine.ports.snapshots import KEEP_EVERY, Keeping
from engine.ports.storage import Log

logger = logging.getLogger(__name__)

LONG_READ = 2 * KEEP_EVERY
"""Events without a snapshot that one read may fold and leave it so."""


class Gap:
    """The events that one read folds, from behind the snapshot at seq `after`."""

    def __init__(self, log: Log, after: int) -> None:
        self._log = log
        self._after = after
        self._keeping = Keeping(after, every=KEEP_EVERY)
        self._passed: list[SnapshotRow] = []
        self._given_up = False

    def folded(self, row: EventRow, state: ExecutionState) -> None:
        """The read has come to the state after this event."""
        self._keeping.grew(1, len(row.data))
        if self._keeping.is_due(row.seq) and not self._given_up:
            kept = self._keeping.offered(row.shard, state)
            if kept is not None:
                self._passed.append(kept)

    async def _is_bare(self, row: SnapshotRow) -> bool:
        """Whether nothing is kept around there: an engine may be keeping at the same time."""
        first, last = row.seq - KEEP_EVERY // 2, row.seq + KEEP_EVERY // 2
        return await self._log.kept_snapshot(row.execution_id, first, last, EVOLVE_VERSION) is None

    async def save(self, seq: int) -> None:
        """The read has come to `seq`: where that is far, save what was passed. The answer does not
        depend on it: where this login may not write, nothing is kept."""
        if seq - self._after <= LONG_READ or not self._passed:
            return
        rows, self._passed = self._passed, []
        try:
            await self._log.keep_snapshots([row for row in rows if await self._is_bare(row)])
        except Exception as fault:  # noqa: BLE001 - only a cache
            self._given_up = True
            logger.info("snapshots of the past could not be kept: %s", fault)
