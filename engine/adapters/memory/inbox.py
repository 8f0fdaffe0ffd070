"""The inbox in memory."""

from collections.abc import Sequence
from uuid import UUID

from engine.adapters.memory.store import MemoryStore
from engine.model.errors import Conflict
from engine.model.ids import shard_of
from engine.ports.rows import AcceptedFork, InboxRow

_BEGINNING = ("start", "fork", "import")


class MemoryInbox:
    """Twin of `engine.ports.storage.Inbox`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

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
        await self._store.turn()
        minted = self._store.mint(shard)
        execution_id = self._keyed(namespace, workflow, keys, request_hash, minted)
        if execution_id == minted:
            self._store.put_inbox(
                shard=shard,
                kind="start",
                execution_id=execution_id,
                namespace=namespace,
                position=self._store.stream_head(namespace),
                body=body,
                actor=actor,
                traceparent=traceparent,
            )
        return execution_id, execution_id != minted

    async def accept_fork(self, fork: AcceptedFork) -> tuple[UUID, bool]:
        await self._store.turn()
        execution_id = self._keyed(
            fork.namespace, fork.workflow, fork.keys, fork.request_hash, fork.fork
        )
        if execution_id != fork.fork:
            return execution_id, True
        for kind, subject, body in (
            ("fork", fork.fork, fork.body),
            ("forked", fork.source, fork.note),
        ):
            self._store.put_inbox(
                shard=shard_of(subject),
                kind=kind,
                execution_id=subject,
                namespace=fork.namespace,
                position=0,
                body=body,
                actor=fork.actor,
                traceparent=fork.traceparent,
            )
        return execution_id, False

    def _keyed(
        self, namespace: str, workflow: str, keys: Sequence[str], request_hash: bytes, minted: UUID
    ) -> UUID:
        """The execution that the keys name, which is the one minted if they are new."""
        places = [(namespace, workflow, key) for key in sorted(keys)]
        before = [
            self._store.start_keys[place] for place in places if place in self._store.start_keys
        ]
        if any(one != (before[0][0], request_hash) for one in before):
            raise Conflict(f"a start key among {sorted(keys)} was used for another request")
        execution_id = before[0][0] if before else minted
        for place in places:
            self._store.start_keys[place] = (execution_id, request_hash)
        return execution_id

    async def put(
        self,
        kind: str,
        execution_id: UUID,
        namespace: str,
        body: bytes,
        actor: str,
        traceparent: str | None,
    ) -> None:
        await self._store.turn()
        assert kind in {"callback", "cancel", "suspend", "resume"}, f"no {kind} is put"
        self._store.put_inbox(
            shard=shard_of(execution_id),
            kind=kind,
            execution_id=execution_id,
            namespace=namespace,
            position=0,
            body=body,
            actor=actor,
            traceparent=traceparent,
        )

    async def read(
        self, shards: Sequence[int], excluded: Sequence[int], limit: int
    ) -> list[InboxRow]:
        await self._store.turn()
        mine, in_hand = set(shards), set(excluded)
        rows = [
            row for row in self._store.inbox.values() if row.shard in mine and row.id not in in_hand
        ]
        return rows[:limit]

    async def mint(self, shard: int, count: int) -> list[UUID]:
        await self._store.turn()
        return [self._store.mint(shard) for _ in range(count)]

    async def is_accepted(self, namespace: str, execution_id: UUID) -> bool:
        await self._store.turn()
        birth = self._store.births.get(execution_id)
        return (birth is not None and birth.namespace == namespace) or any(
            row.kind in _BEGINNING
            and row.execution_id == execution_id
            and row.namespace == namespace
            for row in self._store.inbox.values()
        )
