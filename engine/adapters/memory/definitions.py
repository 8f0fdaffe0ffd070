"""Definition versions in memory."""

from collections.abc import Sequence

from msgspec.structs import replace

from engine.adapters.memory.audit import record
from engine.adapters.memory.store import MemoryStore
from engine.model.errors import Conflict, NotFound
from engine.model.ids import shard_of_namespace
from engine.ports.audit import IMPORTED, applied
from engine.ports.rows import DefinitionRow, TriggerRow
from schemas.events.parts import UNASKED, Asked


class MemoryDefinitions:
    """Twin of `engine.ports.storage.Definitions`."""

    def __init__(self, store: MemoryStore) -> None:
        self._store = store

    async def apply(
        self,
        row: DefinitionRow,
        types: Sequence[str],
        trigger: str | None,
        asked: Asked = UNASKED,
    ) -> bool:
        await self._store.turn()
        kept = self._store.definitions.get((row.namespace, row.workflow, row.version))
        if kept is None:
            kept = replace(row, created_at=self._store.now_ms(), active=False)
        elif (kept.definition_hash, kept.resources) != (row.definition_hash, row.resources):
            raise Conflict(
                f"version {row.version} of {row.workflow} holds other content; give "
                "the changed one a new version"
            )
        elif kept.active:
            return False
        self._activate(kept)
        self._move_trigger(kept, types, trigger)
        record(self._store, applied(row, asked))
        return True

    async def keep(self, row: DefinitionRow, asked: Asked = UNASKED) -> bool:
        await self._store.turn()
        for (where, name, number), kept in self._store.definitions.items():
            if where == row.namespace and kept.definition_hash == row.definition_hash:
                return False
            if (where, name, number) == (row.namespace, row.workflow, row.version):
                raise Conflict(f"version {row.version} of {row.workflow} holds other content")
        key = (row.namespace, row.workflow, row.version)
        created = self._store.now_ms()
        self._store.definitions[key] = replace(row, created_at=created, active=False)
        record(self._store, applied(row, asked, IMPORTED))
        return True

    def _activate(self, chosen: DefinitionRow) -> None:
        for key, row in list(self._store.definitions.items()):
            if key[:2] == (chosen.namespace, chosen.workflow):
                self._store.definitions[key] = replace(row, active=False)
        key = (chosen.namespace, chosen.workflow, chosen.version)
        self._store.definitions[key] = replace(chosen, active=True)

    def _move_trigger(self, row: DefinitionRow, types: Sequence[str], trigger: str | None) -> None:
        """The trigger of the version before closes where that of this one opens."""
        shard = shard_of_namespace(row.namespace, self._store.installation.shards)
        here = self._store.stream(row.namespace, shard).head
        self._store.triggers = [
            replace(one, to_position=here)
            if (one.namespace, one.workflow, one.to_position) == (row.namespace, row.workflow, None)
            else one
            for one in self._store.triggers
        ]
        if trigger is not None:
            self._store.triggers.append(
                TriggerRow(
                    namespace=row.namespace,
                    trigger=trigger,
                    workflow=row.workflow,
                    version=row.version,
                    definition_hash=row.definition_hash,
                    types=tuple(types),
                    from_position=here,
                    to_position=None,
                )
            )

    async def get(self, namespace: str, workflow: str, version: str | None) -> DefinitionRow:
        await self._store.turn()
        for (where, name, number), row in self._store.definitions.items():
            wanted = row.active if version is None else number == version
            if (where, name) == (namespace, workflow) and wanted:
                return row
        raise NotFound(f"no such workflow {workflow} in namespace {namespace}; apply it first")

    async def resolve(self, namespace: str, workflow: str, version: str | None) -> tuple[str, str]:
        row = await self.get(namespace, workflow, version)
        return row.version, row.definition_hash

    async def by_hash(self, namespace: str, definition_hash: str) -> DefinitionRow:
        await self._store.turn()
        for (where, _, _), row in self._store.definitions.items():
            if where == namespace and row.definition_hash == definition_hash:
                return row
        raise NotFound(f"no definition {definition_hash} in namespace {namespace}")

    async def list(self, namespace: str, after: str = "", limit: int = 100) -> list[DefinitionRow]:
        await self._store.turn()
        workflow, _, version = after.rpartition("@")
        mine = [row for row in self._store.definitions.values() if row.namespace == namespace]
        last = self._store.definitions.get((namespace, workflow, version))
        behind = _place(last) if last else (workflow, float("inf"), "")
        return [row for row in sorted(mine, key=_place) if _place(row) > behind][:limit]


def _place(row: DefinitionRow) -> tuple[str, float, str]:
    return row.workflow, row.created_at, row.version
