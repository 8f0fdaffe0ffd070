"""Erasures in Postgres."""

import os
from collections.abc import Sequence
from uuid import UUID

from msgspec.structs import astuple

from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.statements import load
from engine.core.chain import SALT_BYTES
from engine.model.errors import NotFound
from engine.model.ids import shard_of
from engine.ports.audit import Deed, sealed
from engine.ports.erasures import Erasure

_SQL = load("erasures")
_LAST = 2**63 - 1


class PostgresErasures:
    """Implements `engine.ports.erasures.Erasures`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def ask(self, key_id: str, cancel: bool, deed: Deed) -> Erasure:
        number = await self._database.value(
            _SQL["ask"],
            deed.namespace, key_id, deed.target, cancel, deed.actor, deed.asked.origin,
            deed.asked.reason, _entry(deed),
        )  # fmt: skip
        found = None if number is None else await self.get(deed.namespace, number)
        if found is None:
            raise NotFound(f"namespace {deed.namespace} has no data under such a key")
        return found

    async def get(self, namespace: str, number: int) -> Erasure | None:
        row = await self._database.row(_SQL["get"], namespace, number)
        return None if row is None else Erasure(*row)

    async def latest(self, namespace: str, before: int | None, limit: int) -> list[Erasure]:
        bound = _LAST if before is None else before
        rows = await self._database.rows(_SQL["latest"], namespace, bound, limit)
        return [Erasure(*row) for row in rows]

    async def under_way(self, limit: int) -> list[Erasure]:
        return [Erasure(*row) for row in await self._database.rows(_SQL["under_way"], limit)]

    async def snapshots(self, executions: Sequence[UUID]) -> int:
        shards = [shard_of(one) for one in executions]
        return int(await self._database.value(_SQL["snapshots"], shards, list(executions)))

    async def erase_cloudevents(
        self, namespace: str, positions: Sequence[int], keys: Sequence[bytes]
    ) -> int:
        erased = await self._database.value(
            _SQL["erase_cloudevents"], namespace, list(positions), list(keys)
        )
        return int(erased)

    async def finish(
        self, erasure: Erasure, executions: Sequence[UUID], cloudevents: int, deed: Deed
    ) -> bool:
        return bool(
            await self._database.value(
                _SQL["finish"], erasure.id, list(executions), cloudevents, _entry(deed)
            )
        )


def _entry(deed: Deed) -> tuple[object, ...]:
    entry: tuple[object, ...] = astuple(sealed(deed, os.urandom(SALT_BYTES)))
    return entry
