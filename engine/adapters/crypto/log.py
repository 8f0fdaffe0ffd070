"""The log as those read it who have the keys: sealed rows come with their body in the clear."""

from collections.abc import Sequence
from uuid import UUID

from msgspec.structs import replace

from engine.adapters.crypto.at_rest import keys_of_texts, open_text, seal_text
from engine.adapters.crypto.keychain import KeyChain
from engine.core.chain import SEALED_CODEC
from engine.model.errors import Erased, Sealed
from engine.ports.codec import opened
from engine.ports.rows import Append, EventRow, ShardHead, SnapshotRow
from engine.ports.storage import Log


class OpeningLog:
    """Implements `engine.ports.storage.Log` over another. What is stored stays in the row, so that
    the same row is verified; snapshots are sealed with the key of their execution."""

    def __init__(self, log: Log, keys: KeyChain) -> None:
        self._log = log
        self._keys = keys

    async def append(self, batch: Append) -> None:
        await self._log.append(batch)

    async def locked_head(self, shard: int) -> ShardHead:
        return await self._log.locked_head(shard)

    async def heads(self) -> list[ShardHead]:
        return await self._log.heads()

    async def read_execution(
        self, execution_id: UUID, after: int = 0, limit: int = 10_000, upto: int | None = None
    ) -> list[EventRow]:
        return await self._opened(await self._log.read_execution(execution_id, after, limit, upto))

    async def last_event(self, execution_id: UUID) -> EventRow | None:
        row = await self._log.last_event(execution_id)
        return None if row is None else (await self._opened([row]))[0]

    async def forked_at(self, executions: Sequence[UUID]) -> dict[UUID, int]:
        return await self._log.forked_at(executions)

    async def read_shard(
        self, shard: int, after: int, upto: int, limit: int = 5_000
    ) -> list[EventRow]:
        return await self._opened(await self._log.read_shard(shard, after, upto, limit))

    async def read_commits(
        self, shard: int, after: int, limit: int = 1_000
    ) -> list[dict[str, object]]:
        return await self._log.read_commits(shard, after, limit)

    async def _opened(self, rows: list[EventRow]) -> list[EventRow]:
        wanted = {row.key_id for row in rows if row.codec == SEALED_CODEC and row.key_id}
        if not wanted:
            return rows
        ciphers = await self._keys.ciphers(list(wanted))
        return [
            opened(row, ciphers[row.key_id]) if row.codec == SEALED_CODEC and row.key_id else row
            for row in rows
        ]

    async def save_snapshots(self, rows: Sequence[SnapshotRow]) -> None:
        await self._log.save_snapshots(await self._sealed(rows))

    async def keep_snapshots(self, rows: Sequence[SnapshotRow]) -> None:
        await self._log.keep_snapshots(await self._sealed(rows))

    async def _sealed(self, rows: Sequence[SnapshotRow]) -> list[SnapshotRow]:
        """Sealed as their executions are; of erased ones none is kept."""
        if not rows:
            return []
        ciphers = await self._keys.of_executions([row.execution_id for row in rows])
        kept: list[SnapshotRow] = []
        for row in rows:
            if row.execution_id not in ciphers:
                kept.append(row)
                continue
            cipher = ciphers[row.execution_id]
            if cipher is not None:
                kept.append(replace(row, state=seal_text(cipher, row.state, _context(row))))
        return kept

    async def load_snapshots(self, ids: Sequence[tuple[int, UUID]]) -> list[SnapshotRow]:
        return await self._opened_snapshots(await self._log.load_snapshots(ids))

    async def kept_snapshot(
        self, execution_id: UUID, after: int, upto: int | None, evolve_version: int
    ) -> SnapshotRow | None:
        row = await self._log.kept_snapshot(execution_id, after, upto, evolve_version)
        found = [] if row is None else await self._opened_snapshots([row])
        return found[0] if found else None

    async def _opened_snapshots(self, rows: list[SnapshotRow]) -> list[SnapshotRow]:
        """Those that open: a snapshot is never needed."""
        keys = keys_of_texts(row.state for row in rows)
        if not keys:
            return rows
        ciphers = await self._keys.ciphers(keys)
        found: list[SnapshotRow] = []
        for row in rows:
            try:
                found.append(replace(row, state=open_text(ciphers, row.state, _context(row))))
            except (Erased, Sealed):
                continue
        return found

    async def seq_at(self, execution_id: UUID, moment: int) -> int:
        return await self._log.seq_at(execution_id, moment)


def _context(row: SnapshotRow) -> str:
    return f"snapshot {row.execution_id} {row.seq}"
