"""The inbox in Postgres."""

from collections.abc import Sequence
from uuid import UUID

from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.statements import load
from engine.model.ids import shard_of
from engine.ports.rows import AcceptedFork, InboxRow

_SQL = load("inbox")


class PostgresInbox:
    """Implements `engine.ports.storage.Inbox`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def accept_start(
        self,
        namespace: str,
        workflow: str,
        keys: Sequence[str],
        shard: int,
        request_hash: bytes,
        body: bytes,
        actor: str,
        traceparent: str | None,
    ) -> tuple[UUID, bool]:
        row = await self._database.row(
            _SQL["accept_start"],
            namespace, workflow, list(keys), shard, request_hash, body, actor, traceparent,
        )  # fmt: skip
        assert row is not None, "a function with OUT parameters gives a row"
        return row["execution_id"], row["existed"]

    async def accept_fork(self, fork: AcceptedFork) -> tuple[UUID, bool]:
        row = await self._database.row(
            _SQL["accept_fork"],
            fork.namespace, fork.workflow, list(fork.keys), shard_of(fork.fork), fork.fork,
            fork.body, shard_of(fork.source), fork.source, fork.note, fork.request_hash,
            fork.actor, fork.traceparent,
        )  # fmt: skip
        assert row is not None, "a function with OUT parameters gives a row"
        return row["execution_id"], row["existed"]

    async def put(
        self,
        kind: str,
        execution_id: UUID,
        namespace: str,
        body: bytes,
        actor: str,
        traceparent: str | None,
    ) -> None:
        shard = shard_of(execution_id)
        stored = await self._database.value(
            _SQL["put"], shard, kind, execution_id, namespace, body, actor, traceparent
        )
        assert stored is not None, f"nothing of kind {kind} is put"

    async def read(
        self, shards: Sequence[int], excluded: Sequence[int], limit: int
    ) -> list[InboxRow]:
        rows = await self._database.rows(_SQL["read"], list(set(shards)), list(excluded), limit)
        return [InboxRow(*row) for row in rows]

    async def mint(self, shard: int, count: int) -> list[UUID]:
        return [row[0] for row in await self._database.rows(_SQL["mint"], shard, count)]

    async def is_accepted(self, namespace: str, execution_id: UUID) -> bool:
        found = await self._database.value(
            _SQL["is_accepted"], shard_of(execution_id), execution_id, namespace
        )
        return bool(found)
