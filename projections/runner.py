"""The projector: tails the log shard by shard and keeps the read tables up to date.

It reads the head rows first and only the shards that moved, never beyond the head. Each batch and
its position are one transaction, so a kill at any instant loses nothing and doubles nothing; any
number of projectors may run.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

from engine.model.errors import KeyMissing, Unavailable
from engine.model.ids import format_event
from engine.ports.codec import event_of
from engine.ports.rows import EventRow, ShardHead
from projections.folds import Folds, Logs
from projections.generations import ReadSideBuilding
from projections.store import ReadStore, Span
from projections.views import batch
from projections.views.changes import Changes
from schemas.events.bodies import ExecutionCompleted
from schemas.events.wire import UnknownEventType

_log = logging.getLogger("refold.projector")
_BATCH = 2_000
_BREATH = 200
_NEWER_S = 5.0
_DROP_EVERY_S = 2.0

_PASSING = (Unavailable, OSError, TimeoutError, KeyMissing, UnknownEventType)
"""Faults that are over once a service is back, or a key or a newer release is here."""


class Tail(Logs, Protocol):
    """What the projector reads: the log's heads and shards, and single executions."""

    async def heads(self) -> list[ShardHead]:
        """All head rows."""

    async def read_shard(
        self, shard: int, after: int, upto: int, limit: int = 5_000
    ) -> list[EventRow]:
        """Events with after < position <= upto, in order of position."""


class ShardUnread(Exception):
    """The next events of some shards cannot be read, those of all others are in the tables."""

    def __init__(self, faults: Sequence[Exception]) -> None:
        first = faults[0]
        super().__init__(f"{len(faults)} of the shards: {type(first).__name__}: {first}")


class Projector:
    """One projector. `interval_s`: how long it waits when nothing moved and nobody woke it;
    `linger_s`: how long it lets the log grow when woken, so that a transaction here serves many
    commits there."""

    def __init__(
        self, log: Tail, store: ReadStore, interval_s: float = 0.25, linger_s: float = 0.1
    ) -> None:
        self._log = log
        self._store = store
        self._interval_s = interval_s
        self._linger_s = linger_s
        self._folds = Folds(log)
        self._wake = asyncio.Event()
        self._drop_at = 0.0

    def wake(self, _topic: str = "") -> None:
        """A hint that the log moved."""
        self._wake.set()

    async def run(self) -> None:
        """Tail until cancelled. Whatever fails is tried again: a database that is away is waited
        for, and after a rebuild the new tables are found. Live tables of an older release are left
        to whoever still reads them, until those of this one are built."""
        while True:
            self._wake.clear()
            moved = False
            try:
                if self._store.shape == "older":
                    await self._replace()
                moved = await self.catch_up()
                await self._drop_erased()
            except ReadSideBuilding as newer:
                _log.warning("projector is idle: %s", newer.message)
                await asyncio.sleep(_NEWER_S)
                await self._reopen()
            except Exception as fault:  # noqa: BLE001 - the projector outlives every fault
                _log.warning("projector tries again: %s: %s", type(fault).__name__, fault)
                await self._reopen()
            if not moved:
                await self._pause()
            await asyncio.sleep(self._linger_s)

    async def _drop_erased(self) -> None:
        """Drop what was erased from the log, every few seconds."""
        now = asyncio.get_running_loop().time()
        if now >= self._drop_at:
            dropped = await self._store.drop_erased()
            if dropped:
                self._folds.clear()
                _log.info("dropped the rows of %d erased executions", dropped)
            self._drop_at = now if dropped else now + _DROP_EVERY_S

    async def _replace(self) -> None:
        _log.info("read tables of an older release: building those of this one beside them")
        beside = self._store.beside()
        await build(self._log, beside)
        await beside.make_live()
        await self._store.open()
        _log.info("read tables of this release are live: generation %d", self._store.generation)

    async def _reopen(self) -> None:
        try:
            await self._store.open()
        except Exception as fault:  # noqa: BLE001 - the next round tries again
            _log.warning("read tables are out of reach: %s", fault)

    async def catch_up(self) -> bool:
        """Read what there is, up to the heads; whether there was anything. A shard that cannot be
        read does not hold up the others. Raises at the end ShardUnread, or that a service is
        away."""
        positions = await self._store.positions()
        behind = [
            Span(head.shard, positions.get(head.shard, 0), head.last_position)
            for head in await self._log.heads()
            if positions.get(head.shard, 0) < head.last_position
        ]
        moved, faults = bool(behind), list[Exception]()
        while behind:
            spans, changes, behind = await self._gather(behind, faults)
            if spans and not await self._store.apply(spans, changes):
                return True  # another projector was quicker: look again
        for fault in faults:
            if isinstance(fault, Unavailable | OSError):
                raise fault
        if faults:
            raise ShardUnread(faults) from faults[0]
        return moved

    async def _gather(
        self, behind: list[Span], faults: list[Exception]
    ) -> tuple[list[Span], Changes, list[Span]]:
        """Read a batch over several shards: the spans in it, what they change, what is left."""
        taken: list[Span] = []
        rest: list[Span] = []
        changes, count = Changes(), 0
        for span in behind:
            if count >= _BATCH:
                rest.append(span)
                continue
            try:
                rows = await self._log.read_shard(span.shard, span.after, span.upto, _BATCH)
                noted = await self._noted(rows)
            except Exception as fault:  # noqa: BLE001 - one shard's fault does not stop the others
                faults.append(fault)
                continue
            changes.add(noted)
            upto = rows[-1].position if len(rows) == _BATCH else span.upto
            taken.append(Span(span.shard, span.after, upto))
            if upto < span.upto:
                rest.append(Span(span.shard, upto, span.upto))
            count += len(rows)
        return taken, changes, rest

    async def _noted(self, rows: Sequence[EventRow]) -> Changes:
        """What these rows of one shard, in order of position, change. One that was damaged in the
        log changes nothing and is told of: those behind it would wait for ever. Raises
        UnknownEventType, KeyMissing, Unavailable."""
        changes = Changes()
        for number, row in enumerate(rows):
            try:
                await self._note(changes, row)
            except _PASSING:
                raise
            except Exception as fault:  # noqa: BLE001 - one bad record never stops a shard
                self._folds.forget(row.execution_id)
                name = format_event(row.execution_id, row.seq)
                _log.warning(
                    "%s is left out of the read tables: %s: %s", name, type(fault).__name__, fault
                )
            if number % _BREATH == _BREATH - 1:
                await asyncio.sleep(0)  # others wait for the loop
        return changes

    async def _note(self, changes: Changes, row: EventRow) -> None:
        if row.erased:
            return  # nothing is known of it any more
        event, folds = event_of(row), self._folds
        if isinstance(event.body, batch.CHANGING):
            before = await folds.at(row.execution_id, row.seq - 1)
            batch.apply_after(changes, row, event.body, before)
        folds.take(row, event)
        batch.apply(changes, row, event.body)
        if isinstance(event.body, ExecutionCompleted):
            after = await folds.at(row.execution_id, row.seq)
            batch.completed(changes, row, after.output)
        if type(event.body) in batch.LAST:
            folds.forget(row.execution_id)

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._interval_s):
                await self._wake.wait()
        except TimeoutError:
            return


async def build(log: Tail, beside: ReadStore) -> None:
    """Build the tables of another generation, up to the heads. A shard whose events cannot be read
    is built as far as they can: it is no further in the live tables either."""
    await beside.open()
    projector = Projector(log, beside)
    try:
        while await projector.catch_up():
            continue
    except ShardUnread as fault:
        _log.warning("read tables are built without the rest of %s", fault)
    while await beside.drop_erased():
        continue


async def rebuild(log: Tail, live: ReadStore, beside: ReadStore) -> str:
    """Build the tables anew beside the live ones and swap; returns the fingerprint of the new ones.
    `beside` is a store of another generation."""
    await build(log, beside)
    fingerprint = await beside.fingerprint()
    await beside.make_live()
    await live.open()
    return fingerprint
