"""The log of a whole installation as lines of an export, page by page."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any
from uuid import UUID

from engine.ports import export
from engine.ports.audit import STORED
from engine.ports.rows import DefinitionRow, EventRow
from schemas.export import records
from server.api.door.exchange import Services

_ROWS = 500
_NIL = UUID(int=0)
_SLACK_MS = 60_000
"""A definition that no entry names and that is younger may have been applied behind the head."""


async def read_head(services: Services) -> records.Head:
    """The heads of everything, as they are now."""
    at = await services.leases.now_ms()
    shards = await services.log.heads()
    audit = await services.audit.heads()
    return export.head_record(services.installation.cluster_id, at, shards, audit)


async def exported(
    services: Services, head: records.Head, scope: str | None
) -> AsyncGenerator[records.Record]:
    """The records of an export up to `head`. `scope`: one namespace, or all."""
    count = 1
    yield records.ExportRecord(
        records.FORMAT,
        services.installation.chain_version,
        scope,
        head,
    )
    async for record in _all(services, head, scope):
        count += 1
        yield record
    yield records.EndRecord(count)


async def _all(
    services: Services, head: records.Head, scope: str | None
) -> AsyncIterator[records.Record]:
    applied: set[tuple[str, str]] = set()
    for stream in head.audit:
        if scope in (None, stream.namespace):
            async for entry in _entries(services, stream):
                if entry.action in STORED:
                    applied.add((entry.namespace, entry.target))
                yield entry
    async for row in _definitions(services):
        named = (row.namespace, f"{row.workflow}@{row.version}") in applied
        if scope in (None, row.namespace) and (named or row.created_at < head.at - _SLACK_MS):
            yield export.definition_record(row)
    for end in head.shards:
        async for birth in _births(services, end, scope):
            yield birth
        async for part in _commits(services, end, scope):
            yield part


async def _entries(services: Services, end: records.AuditEnd) -> AsyncIterator[records.AuditRecord]:
    position = 0
    while rows := await services.audit.read(end.namespace, position, end.position, _ROWS):
        for row in rows:
            yield export.audit_record(row)
        position = rows[-1].position


async def _definitions(services: Services) -> AsyncIterator[DefinitionRow]:
    after = ("", "", "")
    while rows := await services.survey.definitions(after, _ROWS):
        for row in rows:
            yield row
        after = (rows[-1].namespace, rows[-1].workflow, rows[-1].version)


async def _births(
    services: Services, end: records.ShardEnd, scope: str | None
) -> AsyncIterator[records.ExecutionRecord]:
    after = _NIL
    while found := await services.survey.births(end.shard, after, end.position, _ROWS):
        for born in found:
            if born.events is not None and scope in (None, born.birth.namespace):
                yield export.execution_record(born)
        after = found[-1].birth.execution_id


async def _commits(
    services: Services, end: records.ShardEnd, scope: str | None
) -> AsyncIterator[records.CommitRecord | records.EventRecord | records.OtherRecord]:
    """Each commit, then the events up to its last position; at the end those that are left."""
    events = _Events(services, end)
    async for commit in _commit_rows(services, end):
        yield export.commit_record(commit)
        last = commit["first_position"] + commit["count"] - 1
        async for row in events.upto(last):
            yield _told(row, scope)
    async for row in events.upto(end.position):
        yield _told(row, scope)


def _told(row: EventRow, scope: str | None) -> records.EventRecord | records.OtherRecord:
    if scope in (None, row.namespace):
        return export.event_record(row)
    return export.other_record(row)


async def _commit_rows(
    services: Services, end: records.ShardEnd
) -> AsyncIterator[Mapping[str, Any]]:
    number = 0
    while number < end.commit_no:
        rows: list[dict[str, Any]] = await services.log.read_commits(end.shard, number, _ROWS)
        if not rows:
            return
        for row in rows:
            number = row["commit_no"]
            if number > end.commit_no:
                return
            yield row


class _Events:
    """The events of a shard in order of position, a page in memory."""

    def __init__(self, services: Services, end: records.ShardEnd) -> None:
        self._log, self._end = services.log, end
        self._page: list[EventRow] = []
        self._next, self._read = 0, 0

    async def upto(self, position: int) -> AsyncIterator[EventRow]:
        """Those that were not given yet, up to a position."""
        while True:
            if self._next == len(self._page):
                self._page = await self._log.read_shard(
                    self._end.shard, self._read, self._end.position, _ROWS
                )
                self._next = 0
                if not self._page:
                    return
                self._read = self._page[-1].position
            row = self._page[self._next]
            if row.position > position:
                return
            self._next += 1
            yield row
