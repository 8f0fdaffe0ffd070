"""Forks and imports of a lane's shards: events are copied a chunk a commit, and with the last chunk
a fork becomes an execution of its own; an import says where it comes from and never runs.

Until then nothing of it runs, and whatever else comes for it waits in the inbox, where its own row
stays, too: whoever owns the shard goes on with what was copied.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator
from uuid import UUID

import msgspec

from engine.core.decide.resumption import Trail
from engine.model.command import Arrived, ForkExecution, ImportExecution, StartExecution
from engine.model.errors import Unavailable
from engine.model.event import Event
from engine.model.ids import parse_execution, shard_of
from engine.model.state import ExecutionState
from engine.ports.codec import body_of, event_of
from engine.ports.imports import rows_of
from engine.ports.keys import Cipher, KeyWanted
from engine.ports.requests import Beginning, ForkRequest, ImportRequest
from engine.ports.rows import EventRow, InboxRow
from engine.runtime.arrivals import arrived_of, fetch
from engine.runtime.context import EngineContext
from engine.runtime.hot import HotExecution, Mail
from engine.runtime.owned import OwnedShard
from engine.runtime.prefix import CopyPrefix, Origin
from engine.runtime.residents import Residents
from engine.runtime.sealing import Sealing
from schemas.events.bodies import ExecutionForked, ExecutionImported, ExecutionStarted
from schemas.events.wire import decode_body
from schemas.json_text import loads

logger = logging.getLogger(__name__)

CHUNK = 1_000
"""Events copied in one commit."""

CHUNK_BYTES = 4 * 1024 * 1024
"""Data copied in one commit, but for an event that has more alone."""

_AT_ONCE = 4
_LOOK_S = 0.5
_FOLD = 200

_request = msgspec.json.Decoder(ForkRequest)
_import_request = msgspec.json.Decoder(ImportRequest)


class ForkFault(Exception):
    """A fork cannot be made as it was accepted."""


class Gone(Exception):
    """The fork has left memory: its shard was lost, or it is quarantined."""


class Forking:
    """`post` takes mail, `quarantine` a row that cannot be dealt with, `freed` is called when a
    fork is complete: what waited for it can be read again."""

    def __init__(
        self,
        context: EngineContext,
        residents: Residents,
        *,
        post: Callable[[HotExecution, Mail], None],
        quarantine: Callable[[InboxRow, Exception], None],
        freed: Callable[[], None],
        now: Callable[[], float],
    ) -> None:
        self._context = context
        self._residents = residents
        self._post = post
        self._quarantine = quarantine
        self._freed = freed
        self._now = now
        self._incomplete: dict[UUID, asyncio.Task[None] | None] = {}
        self._slots = asyncio.Semaphore(_AT_ONCE)

    def is_incomplete(self, execution_id: UUID) -> bool:
        """Whether its beginning is still being copied: nothing else may touch it."""
        return execution_id in self._incomplete

    def take(self, row: InboxRow, shard: OwnedShard) -> None:
        """Make the fork; its row is in hand."""
        if self._incomplete.get(row.execution_id) is None:
            task = asyncio.create_task(self._run(row, shard))
            self._incomplete[row.execution_id] = task
            task.add_done_callback(lambda done: self._ended(row.execution_id, done))

    def dropped(self, shard: int) -> None:
        """Not ours any more."""
        for execution_id in [one for one in self._incomplete if shard_of(one) == shard]:
            task = self._incomplete.pop(execution_id)
            if task is not None:
                task.cancel()

    def stop(self) -> None:
        """End; the rows stay in the inbox."""
        for task in self._incomplete.values():
            if task is not None:
                task.cancel()

    def _ended(self, execution_id: UUID, task: asyncio.Task[None]) -> None:
        """It came to nothing yet; another may have begun since, if the shard was lost and won."""
        if self._incomplete.get(execution_id) is task:
            self._incomplete[execution_id] = None

    async def _run(self, row: InboxRow, shard: OwnedShard) -> None:
        try:
            async with self._slots:
                await (self._import if row.kind == "import" else self._fork)(row, shard)
        except Unavailable as away:
            logger.info("a fork waits: %s", away.message)
            self._give_back(row)
        except Gone:
            self._leave(row)
        except Exception as fault:  # noqa: BLE001 - one bad row must not stop the others
            self._quarantine(row, fault)
        else:
            self._incomplete.pop(row.execution_id, None)
            self._freed()

    def _give_back(self, row: InboxRow) -> None:
        hot = self._residents.executions.get(row.execution_id)
        if hot is not None:
            self._residents.forget(hot)
        self._residents.in_hand.pop(row.id, None)

    def _leave(self, row: InboxRow) -> None:
        """The row is read again when the quarantine is over, if that is why."""
        quarantined = self._residents.quarantined.get(row.execution_id)
        if quarantined is not None:
            quarantined.rows.add(row.id)
        else:
            self._residents.in_hand.pop(row.id, None)

    async def _fork(self, row: InboxRow, shard: OwnedShard) -> None:
        request = _request.decode(row.body)
        body = decode_body(ExecutionForked.__name__, ExecutionForked.VERSION, bytes(request.forked))
        assert isinstance(body, ExecutionForked)
        loaded = await self._context.programs.get(row.namespace, body.definition_hash)
        hot = HotExecution(row.execution_id, row.namespace, shard, loaded)
        source = parse_execution(request.source)
        hot.origin = Origin(source, request.at, body.start_key)
        hot.errands = 1
        wanted = KeyWanted(hot.id, hot.namespace, source=source)
        hot.cipher = (await self._context.ports.keys.begin([wanted])).get(hot.id)
        if request.begin is not None:
            command = await self._anew(row.namespace, body, request.begin)
        else:
            log = self._context.ports.log
            trail = await self._copy(
                hot, hot.origin, lambda after: log.read_execution(source, after, CHUNK, request.at)
            )
            command = ForkExecution(body, trail.broken_off)
        self._keep(hot)
        taken = ((row.shard, row.id),)
        await self._commit(hot, Mail(command, row.actor, row.traceparent, body.asked, taken))

    async def _import(self, row: InboxRow, shard: OwnedShard) -> None:
        request = _import_request.decode(row.body)
        body = decode_body(
            ExecutionImported.__name__, ExecutionImported.VERSION, bytes(request.imported)
        )
        assert isinstance(body, ExecutionImported)
        imports = self._context.ports.imports

        async def staged(after: int) -> list[EventRow]:
            page = await imports.page(row.execution_id, after + 1)
            return [] if page is None else rows_of(page, hot.id, row.shard, row.namespace)

        loaded = await self._context.programs.get(row.namespace, request.definition_hash)
        hot = HotExecution(row.execution_id, row.namespace, shard, loaded)
        hot.origin = Origin(None, body.events, request.start_key)
        hot.errands = 1
        hot.cipher = await self._cipher(hot, await staged(0))
        await self._copy(hot, hot.origin, staged)
        self._keep(hot)
        taken = ((row.shard, row.id),)
        command = ImportExecution(body)
        await self._commit(hot, Mail(command, row.actor, row.traceparent, body.asked, taken))
        self._residents.forget(hot)
        await imports.drop(row.execution_id)

    async def _cipher(self, hot: HotExecution, first: list[EventRow]) -> Cipher | None:
        """What seals an import, if its namespace encrypts: as if it began here."""
        sealing = Sealing(self._context)
        started = body_of(first[0]) if first else None
        given = started.input if isinstance(started, ExecutionStarted) else None
        sealing.add(hot.id, hot.namespace, hot.loaded.program, StartExecution(input=given))
        await sealing.claim()
        return sealing.cipher(hot.id)

    async def _copy(
        self, hot: HotExecution, origin: Origin, read: Callable[[int], Awaitable[list[EventRow]]]
    ) -> Trail:
        """Copy what is not copied yet; the last chunk is posted, the others are committed. `read`:
        rows behind a seq."""
        log = self._context.ports.log
        own = await log.last_event(hot.id)
        done, hot.hash = (0, b"") if own is None else (own.seq, own.hash)
        trail, after = Trail(ExecutionState(id=hot.id)), 0
        while after < origin.at:
            rows = await read(after)
            if not rows:
                raise ForkFault(f"the source has no event {after + 1} any more")
            after = rows[-1].seq
            for part in _parts(rows):
                prefix = await _prefix(hot, trail, part, done)
                if prefix.rows:
                    self._keep(hot)
                    if part[-1].seq < origin.at:
                        await self._commit(hot, Mail(prefix))
                    else:
                        self._post(hot, Mail(prefix))
        return trail

    def _keep(self, hot: HotExecution) -> None:
        """In memory, as committed so far."""
        if hot.shard.lost:
            raise Gone
        if hot.id not in self._residents.executions:
            self._residents.add(hot, self._now())

    async def _commit(self, hot: HotExecution, mail: Mail) -> None:
        """Post the mail and wait until it is in the log. Raises Gone."""
        committed = asyncio.Event()

        def done(settled: HotExecution) -> None:
            if isinstance(mail.command, (ForkExecution, ImportExecution)):
                settled.origin = None
                settled.errands -= 1
            committed.set()

        mail.done = done
        self._post(hot, mail)
        while not committed.is_set():
            if hot.gone:
                raise Gone
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await committed.wait()

    async def _anew(self, namespace: str, body: ExecutionForked, begin: Beginning) -> ForkExecution:
        arrived = await self._arrived(namespace, begin.positions)
        if begin.gathered:
            return ForkExecution(body, offers=tuple(arrived))
        start = StartExecution(
            input=loads(begin.input), name=body.name, start_key=body.start_key,
            from_position=begin.from_position, trigger=arrived[0] if arrived else None,
            labels=begin.labels,
        )  # fmt: skip
        return ForkExecution(body, start=start)

    async def _arrived(self, namespace: str, positions: tuple[int, ...]) -> list[Arrived]:
        if not positions:
            return []
        found = await fetch(self._context.ports.streams, namespace, positions)
        missing = [one for one in positions if one not in found]
        if missing:
            raise ForkFault(f"CloudEvent {missing[0]} of {namespace} is not kept any more")
        return [arrived_of(found[one]) for one in positions]


def _parts(rows: list[EventRow]) -> Iterator[list[EventRow]]:
    """The rows of one commit after the other."""
    part: list[EventRow] = []
    size = 0
    for row in rows:
        if part and size + len(row.data) > CHUNK_BYTES:
            yield part
            part, size = [], 0
        part.append(row)
        size += len(row.data)
    yield part


async def _prefix(hot: HotExecution, trail: Trail, rows: list[EventRow], done: int) -> CopyPrefix:
    """Those of the rows that are not copied yet; the state as committed is left in `hot`."""
    events: list[Event] = []
    for number, row in enumerate(rows):
        event = event_of(row)
        trail.note(event)
        if event.seq == done:
            hot.state = trail.state
        elif event.seq > done:
            events.append(event)
        if number % _FOLD == 0:
            await asyncio.sleep(0)
    fresh = tuple(row for row in rows if row.seq > done)
    return CopyPrefix(fresh, tuple(events), trail.state)
