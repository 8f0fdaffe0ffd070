"""The rows of births of a shard, checked beside a walk over its events in order of execution."""

from collections.abc import AsyncIterator, Sequence
from typing import Any
from uuid import UUID

import msgspec

from engine.core.verify_shard import Fault
from engine.model.errors import RefoldError
from engine.model.ids import parse_execution
from engine.ports.codec import body_of
from engine.ports.rows import BirthRow, EventRow
from engine.ports.survey import Born, Survey
from schemas.events.bodies import (
    ExecutionForked,
    ExecutionImported,
    ExecutionStarted,
    GatheringOpened,
)
from schemas.events.wire import UnknownEventType
from schemas.export import records

_ROWS = 500
_TELLING = ("ExecutionStarted", "GatheringOpened", "ExecutionForked", "ExecutionImported")


class _Told:
    """What the log of an execution tells of its birth: by its first event, and by each fork."""

    def __init__(self, execution_id: UUID) -> None:
        self.execution_id = execution_id
        self.births: list[tuple[Any, ...]] = []
        self.namespaces: set[str] = set()
        self.keys: set[str | None] = set()
        self.forked: tuple[UUID | None, int | None] = (None, None)
        self.is_hidden = False

    def learn(self, row: EventRow) -> None:
        """Take what an event tells. One that is sealed, or that this release cannot read, hides
        what it tells, but for its columns."""
        self.namespaces.add(row.namespace)
        try:
            body = body_of(row)
        except (RefoldError, UnknownEventType, msgspec.MsgspecError):
            self.is_hidden = True
            return
        if isinstance(body, ExecutionStarted | GatheringOpened | ExecutionForked):
            self.births.append(
                (
                    row.namespace, body.workflow, body.version, body.definition_hash, body.dialect,
                    body.ir_version,
                )
            )  # fmt: skip
        if isinstance(body, ExecutionStarted | ExecutionForked):
            self.keys.add(body.start_key)
        if isinstance(body, ExecutionForked):
            self.forked = parse_execution(body.source), body.at
        if isinstance(body, ExecutionImported):
            self.forked = None, body.events

    def fits(self, born: Born) -> bool:
        """Whether the row of the birth says the same. A fork's log tells all when its copied
        beginning is whole."""
        row: BirthRow = born.birth
        if self.namespaces and row.namespace not in self.namespaces:
            return False
        is_growing = row.forked_at is not None and (born.events or 0) <= row.forked_at
        if self.is_hidden or is_growing or not self.births:
            return True
        birth = (
            row.namespace, row.workflow, row.version, row.definition_hash, row.dialect,
            row.ir_version,
        )  # fmt: skip
        return (
            birth in self.births
            and (row.start_key is None or row.start_key in self.keys)
            and self.forked == (row.forked_from, row.forked_at)
        )


class Births:
    """The births of a shard, a page in memory."""

    def __init__(self, survey: Survey, head: records.ShardEnd) -> None:
        self._survey, self._head = survey, head
        self._page: list[Born] = []
        self._after, self._ended = UUID(int=0), False
        self._told: _Told | None = None

    def learn(self, events: Sequence[EventRow]) -> None:
        """Take what events of the execution tell that `upto` was called with."""
        for row in events:
            if self._told is not None and row.type in _TELLING:
                self._told.learn(row)

    async def upto(self, execution: UUID | None) -> AsyncIterator[Fault]:
        """Faults of births before that of an execution whose events come now; None: the end."""
        told, self._told = self._told, None if execution is None else _Told(execution)
        if told is not None:
            born = await self._of(told.execution_id)
            if born is None:
                detail = "it has events, and the row of its birth is not there"
                yield Fault("missing", "execution", detail, execution=told.execution_id)
            elif not told.fits(born):
                detail = "the row of its birth is not what its log tells"
                yield Fault("changed", "execution", detail, execution=told.execution_id)
        while (born := await self._next()) is not None:
            if execution is not None and born.birth.execution_id >= execution:
                return
            self._page.pop(0)
            if born.events == 0:
                detail = "it was born, and the log holds no event of it"
                yield Fault("removed", "execution", detail, execution=born.birth.execution_id)

    async def _of(self, execution: UUID) -> Born | None:
        born = await self._next()
        if born is None or born.birth.execution_id != execution:
            return None
        return self._page.pop(0)

    async def _next(self) -> Born | None:
        if not self._page and not self._ended:
            self._page = await self._survey.births(
                self._head.shard, self._after, self._head.position, _ROWS
            )
            self._ended = not self._page
            if self._page:
                self._after = self._page[-1].birth.execution_id
        return self._page[0] if self._page else None
