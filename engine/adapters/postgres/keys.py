"""Keys at rest in Postgres, wrapped."""

import os
from collections.abc import Sequence
from uuid import UUID

from msgspec.structs import astuple

from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.statements import load
from engine.core.chain import SALT_BYTES
from engine.ports.audit import Deed, sealed
from engine.ports.keys import Encryption, EncryptionSetting, KeyClaim, KeyKind, KeyRow

_SQL = load("keys")
_NIL = UUID(int=0)


class PostgresKeys:
    """Implements `engine.ports.keys.KeyStore`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def settings(self) -> list[EncryptionSetting]:
        return [EncryptionSetting(*row) for row in await self._database.rows(_SQL["settings"])]

    async def encryption(self, namespaces: Sequence[str]) -> dict[str, Encryption]:
        rows = await self._database.rows(_SQL["encryption"], list(namespaces))
        return {row["namespace"]: row["encryption"] for row in rows}

    async def set_encryption(
        self, namespace: str, encryption: Encryption, key_id: str, wrapped: bytes, deed: Deed
    ) -> bool:
        entry = astuple(sealed(deed, os.urandom(SALT_BYTES)))
        return bool(
            await self._database.value(
                _SQL["set_encryption"], namespace, encryption, key_id, wrapped, entry
            )
        )

    async def claim(self, claims: Sequence[KeyClaim]) -> dict[UUID, KeyRow]:
        rows = await self._database.rows(_SQL["claim"], [astuple(one) for one in claims])
        return {execution_id: KeyRow(*columns) for execution_id, *columns in rows}

    async def find(self, key_ids: Sequence[str]) -> list[KeyRow]:
        rows = await self._database.rows(_SQL["find"], list(key_ids))
        return [KeyRow(*row) for row in rows]

    async def of_owner(self, namespace: str, kind: KeyKind, owner: str) -> list[KeyRow]:
        rows = await self._database.rows(_SQL["of_owner"], namespace, kind, owner)
        return [KeyRow(*row) for row in rows]

    async def of_executions(self, ids: Sequence[UUID]) -> dict[UUID, str]:
        rows = await self._database.rows(_SQL["of_executions"], list(ids))
        return {row["execution_id"]: row["key_id"] for row in rows}

    async def uses(self, key_id: str, after: UUID | None = None, limit: int = 1_000) -> list[UUID]:
        rows = await self._database.rows(_SQL["uses"], key_id, after or _NIL, limit)
        return [row["execution_id"] for row in rows]

    async def page(self, after: str, limit: int) -> list[KeyRow]:
        rows = await self._database.rows(_SQL["page"], after, limit)
        return [KeyRow(*row) for row in rows]

    async def rewrap(self, key_id: str, before: bytes, after: bytes) -> bool:
        return bool(await self._database.value(_SQL["rewrap"], key_id, before, after))
