"""Reads of everything that the log in Postgres holds."""

from uuid import UUID

from engine.adapters.postgres.pool import Database
from engine.adapters.postgres.statements import load
from engine.ports.rows import BirthRow, DefinitionRow, EventRow
from engine.ports.survey import Born, MarkRow, Sender, StoredDigest

_SQL = load("survey")


class PostgresSurvey:
    """Implements `engine.ports.survey.Survey`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def births(self, shard: int, after: UUID, upto: int, limit: int) -> list[Born]:
        rows = await self._database.rows(_SQL["births"], shard, after, upto, limit)
        born = []
        for *columns, last_seq, last_hash, some_seq in rows:
            began = last_seq is not None or some_seq is None
            events = (last_seq or 0) if began else None
            born.append(Born(BirthRow(*columns), events, last_hash or b""))
        return born

    async def events(
        self, shard: int, after: tuple[UUID, int], upto: int, limit: int
    ) -> list[EventRow]:
        rows = await self._database.rows(_SQL["events"], shard, *after, upto, limit)
        return [EventRow(*row) for row in rows]

    async def marks(self, shard: int, after: int, upto: int) -> list[MarkRow]:
        rows = await self._database.rows(_SQL["marks"], shard, after, upto)
        return [MarkRow(*row) for row in rows]

    async def definitions(self, after: tuple[str, str, str], limit: int) -> list[DefinitionRow]:
        rows = await self._database.rows(_SQL["definitions"], *after, limit)
        return [DefinitionRow(**{**dict(row), "resources": dict(row["resources"])}) for row in rows]

    async def digests(self, after: tuple[str, int], limit: int) -> list[StoredDigest]:
        rows = await self._database.rows(_SQL["digests"], *after, limit)
        return [StoredDigest(*row) for row in rows]

    async def senders(self, namespace: str, before: int, limit: int) -> list[Sender]:
        rows = await self._database.rows(_SQL["senders"], namespace, before, limit)
        return [Sender(*row) for row in rows]
