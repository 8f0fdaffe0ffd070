"""The audit streams in memory."""

from engine.adapters.memory.store import MemoryStore
from engine.core.chain import SALT_BYTES, audit_genesis, audit_hash
from engine.ports.audit import AuditFilter, AuditHead, AuditRow, Deed, sealed


class MemoryAudit:
    """Twin of `engine.ports.audit.Audit`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def record(self, deed: Deed) -> int:
        await self._store.turn()
        return record(self._store, deed)

    async def read(
        self, namespace: str, after: int, upto: int, limit: int = 1_000
    ) -> list[AuditRow]:
        await self._store.turn()
        return self._store.audit.get(namespace, [])[after:upto][:limit]

    async def find(
        self,
        namespace: str,
        wanted: AuditFilter,
        before: int | None = None,
        limit: int = 100,
    ) -> list[AuditRow]:
        await self._store.turn()
        rows = self._store.audit.get(namespace, [])
        behind = rows if before is None else rows[: max(0, before - 1)]
        return [row for row in reversed(behind) if _is(row, wanted)][:limit]

    async def heads(self) -> list[AuditHead]:
        await self._store.turn()
        return [
            AuditHead(namespace, len(rows), rows[-1].at, rows[-1].hash)
            for namespace, rows in sorted(self._store.audit.items())
        ]


def record(store: MemoryStore, deed: Deed) -> int:
    """Append an entry in the same turn as the change that it tells of; returns its position."""
    entry = sealed(deed, store.chance.randbytes(SALT_BYTES))
    rows = store.audit.setdefault(entry.namespace, [])
    last = rows[-1] if rows else None
    position, at = len(rows) + 1, max(last.at if last else 0, store.now_ms())
    before = last.hash if last else audit_genesis(store.installation.cluster_id, entry.namespace)
    texts = (entry.namespace, entry.actor, entry.action, entry.target)
    rows.append(
        AuditRow(
            entry.namespace, position, at, entry.actor, entry.action, entry.target, entry.salt,
            entry.data, entry.digest, audit_hash(before, position, at, texts, entry.digest),
        )
    )  # fmt: skip
    return position


def _is(row: AuditRow, wanted: AuditFilter) -> bool:
    since = 0 if wanted.since is None else wanted.since
    until = row.at if wanted.until is None else wanted.until
    action = wanted.action or ""
    whole = not action or row.action == action
    return (
        wanted.actor in (None, row.actor)
        and wanted.target in (None, row.target)
        and (whole or (action.endswith(".") and row.action.startswith(action)))
        and since <= row.at <= until
    )
