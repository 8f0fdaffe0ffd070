"""The log in memory, fenced like the one in Postgres."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from msgspec.structs import asdict, replace

from engine.adapters.memory.store import MemoryStore
from engine.model.errors import Fenced, NotFound
from engine.model.ids import shard_of
from engine.ports.rows import Append, CommitRow, EventRow, ShardHead, SnapshotRow


class MemoryLog:
    """Twin of `engine.ports.storage.Log`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def append(self, batch: Append) -> None:
        await self._store.turn()
        self._check_fences(batch)
        _check_fit(batch)
        self._check_new(batch)
        for commit in sorted(batch.commits, key=lambda one: one.shard):
            self._record(commit)
        for event in batch.events:
            self._store.events.setdefault(event.execution_id, []).append(event)
        for event in sorted(batch.events, key=lambda one: one.position):
            self._store.events_of_shard[event.shard].append(event)
        for birth in batch.births:
            self._store.births[birth.execution_id] = birth
        self._set_indexes(batch)
        self._clear_indexes(batch)

    def _check_fences(self, batch: Append) -> None:
        for commit in batch.commits:
            head = self._store.heads.get(commit.shard)
            if head is None or (head.epoch, head.last_position) != (
                commit.epoch,
                commit.expected_position,
            ):
                raise Fenced(f"the head differs in shard {commit.shard}: {head}")

    def _check_new(self, batch: Append) -> None:
        """The unique keys: a seq of an execution, and an execution, are written once."""
        written = Counter((event.execution_id, event.seq) for event in batch.events)
        for (execution_id, seq), times in written.items():
            there = self._store.events.get(execution_id, [])
            is_next = not there or seq > there[-1].seq
            if times > 1 or not (is_next or all(event.seq != seq for event in there)):
                raise Fenced(f"event {seq} of {execution_id} is in the log")
        for birth in batch.births:
            if birth.execution_id in self._store.births:
                raise Fenced(f"execution {birth.execution_id} has begun")

    def _record(self, commit: CommitRow) -> None:
        head = self._store.heads[commit.shard]
        self._store.heads[commit.shard] = replace(
            head,
            last_position=head.last_position + commit.count,
            commit_no=head.commit_no + 1,
            hash=commit.hash,
        )
        columns = asdict(commit)
        first = columns.pop("expected_position") + 1
        self._store.commits[commit.shard].append(
            columns | {"commit_no": head.commit_no + 1, "first_position": first}
        )

    def _set_indexes(self, batch: Append) -> None:
        store = self._store
        for timer in batch.timers_set:
            store.timers[timer.shard, timer.execution_id, timer.timer] = timer
        for one in batch.subscriptions_opened:
            store.subscriptions[one.shard, one.execution_id, one.wait, one.ref] = one
        for gathering in batch.gatherings_opened:
            store.gatherings[gathering.shard, gathering.execution_id] = gathering
        store.open_actions |= set(batch.actions_opened)

    def _clear_indexes(self, batch: Append) -> None:
        store = self._store
        for gone in batch.timers_cleared:
            store.timers.pop((gone.shard, gone.execution_id, gone.number), None)
        waits = {
            (gone.shard, gone.execution_id, gone.number) for gone in batch.subscriptions_closed
        }
        if waits:
            for key in [key for key in store.subscriptions if key[:3] in waits]:
                del store.subscriptions[key]
        for gone in batch.gatherings_closed:
            store.gatherings.pop((gone.shard, gone.execution_id), None)
        store.open_actions -= set(batch.actions_closed)
        for _, number in batch.inbox_taken:
            store.inbox.pop(number, None)

    async def locked_head(self, shard: int) -> ShardHead:
        await self._store.turn()
        if shard not in self._store.heads:
            raise NotFound(f"there is no shard {shard} in this installation")
        return self._store.heads[shard]

    async def heads(self) -> list[ShardHead]:
        await self._store.turn()
        return [head for _, head in sorted(self._store.heads.items())]

    async def read_execution(
        self, execution_id: UUID, after: int = 0, limit: int = 10_000, upto: int | None = None
    ) -> list[EventRow]:
        await self._store.turn()
        rows = self._store.events.get(execution_id, [])
        found = [row for row in rows if row.seq > after and (upto is None or row.seq <= upto)]
        return sorted(found, key=lambda row: row.seq)[:limit]

    async def last_event(self, execution_id: UUID) -> EventRow | None:
        await self._store.turn()
        rows = self._store.events.get(execution_id, [])
        return max(rows, key=lambda row: row.seq, default=None)

    async def forked_at(self, executions: Sequence[UUID]) -> dict[UUID, int]:
        await self._store.turn()
        births = (self._store.births.get(one) for one in executions)
        return {
            birth.execution_id: birth.forked_at
            for birth in births
            if birth is not None and birth.forked_at is not None
        }

    async def read_shard(
        self, shard: int, after: int, upto: int, limit: int = 5_000
    ) -> list[EventRow]:
        await self._store.turn()
        # Positions have no gap: the row at index i has position i + 1.
        return self._store.events_of_shard[shard][after : min(upto, after + limit)]

    async def read_commits(
        self, shard: int, after: int, limit: int = 1_000
    ) -> list[dict[str, object]]:
        await self._store.turn()
        return [dict(row) for row in self._store.commits[shard][after : after + limit]]

    async def save_snapshots(self, rows: Sequence[SnapshotRow]) -> None:
        await self._store.turn()
        for row in rows:
            kept = self._store.snapshots.get((row.shard, row.execution_id))
            if kept is None or kept.seq <= row.seq:
                self._store.snapshots[row.shard, row.execution_id] = row

    async def load_snapshots(self, ids: Sequence[tuple[int, UUID]]) -> list[SnapshotRow]:
        await self._store.turn()
        return [self._store.snapshots[key] for key in ids if key in self._store.snapshots]

    async def keep_snapshots(self, rows: Sequence[SnapshotRow]) -> None:
        await self._store.turn()
        for row in rows:
            kept = self._store.kept_snapshots.setdefault((row.shard, row.execution_id), {})
            there = kept.get(row.seq)
            if there is None or there.evolve_version < row.evolve_version:
                kept[row.seq] = row

    async def kept_snapshot(
        self, execution_id: UUID, after: int, upto: int | None, evolve_version: int
    ) -> SnapshotRow | None:
        await self._store.turn()
        kept = self._store.kept_snapshots.get((shard_of(execution_id), execution_id), {})
        found = [
            row
            for row in kept.values()
            if after < row.seq
            and (upto is None or row.seq <= upto)
            and row.evolve_version == evolve_version
        ]
        return max(found, key=lambda row: row.seq, default=None)

    async def seq_at(self, execution_id: UUID, moment: int) -> int:
        await self._store.turn()
        rows = self._store.events.get(execution_id, [])
        return max((row.seq for row in rows if row.at <= moment), default=0)


def _check_fit(batch: Append) -> None:
    """The events fill exactly the positions that the commits announce."""
    given: dict[int, list[int]] = {commit.shard: [] for commit in batch.commits}
    epochs = {commit.shard: commit.epoch for commit in batch.commits}
    for event in batch.events:
        assert epochs.get(event.shard) == event.epoch, "an event without a commit of its epoch"
        given[event.shard].append(event.position)
    for commit in batch.commits:
        first = commit.expected_position + 1
        announced = list(range(first, first + commit.count))
        assert sorted(given[commit.shard]) == announced, "events and commit do not fit each other"
