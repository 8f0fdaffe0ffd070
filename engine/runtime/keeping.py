"""Snapshots of the past, kept while executions run: one about every so many events."""

from uuid import UUID

from engine.ports.rows import SnapshotRow
from engine.ports.snapshots import Keeping
from engine.runtime.batch import Batch
from engine.runtime.context import EngineContext
from engine.runtime.hot import HotExecution
from engine.runtime.round import Round


class KeptSnapshots:
    """Keeps those of one lane. Commits only note who is due; nobody waits for the writing."""

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self._every = context.settings.snapshot_every
        self._due: dict[UUID, tuple[HotExecution, Keeping]] = {}
        self.round = Round(
            "kept snapshots", self._work, interval=context.settings.sweep_interval_ms / 1000,
            backoff=context.backoff(), tally=context.tally,
        )  # fmt: skip

    def committed(self, batch: Batch) -> None:
        """These events are in the log."""
        for turn in batch.turns:
            hot = turn.hot
            keeping = hot.keeping
            if keeping is None:
                keeping = hot.keeping = Keeping.resumed(turn.before.seq, every=self._every)
            keeping.grew(len(turn.events), turn.data_bytes)
            if keeping.is_due(hot.state.seq):
                self._due[hot.id] = (hot, keeping)
                self.round.wake()

    async def _work(self) -> float | None:
        rows: list[SnapshotRow] = []
        for execution_id in list(self._due)[: self._context.settings.snapshot_batch]:
            hot, keeping = self._due.pop(execution_id)
            row = keeping.offered(hot.shard.number, hot.state)
            if row is not None:
                rows.append(row)
        await self._context.ports.log.keep_snapshots(rows)
        self._context.tally.kept_snapshots += len(rows)
        return 0.0 if self._due else None
