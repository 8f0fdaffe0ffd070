"""The inbox of a lane's shards: what was accepted from outside becomes mail for executions. When
memory is full it stays in Postgres."""

import time
from collections.abc import Callable
from uuid import UUID

import msgspec

from engine.model.command import (
    Arrived,
    Command,
    StartExecution,
)
from engine.model.errors import Unavailable
from engine.ports.requests import OfferRequest, StartRequest
from engine.ports.rows import InboxRow, StreamEvent
from engine.runtime.arrivals import arrived_of, fetch
from engine.runtime.context import EngineContext
from engine.runtime.cycle import CommitCycle
from engine.runtime.forking import Forking
from engine.runtime.gatherer import Gatherer, Offer
from engine.runtime.hot import HotExecution, Mail
from engine.runtime.loading import Loader
from engine.runtime.lookout import Lookout
from engine.runtime.owned import OwnedShard
from engine.runtime.residents import Residents
from engine.runtime.round import Round
from engine.runtime.row_commands import command_of
from engine.runtime.sealing import Sealing
from schemas.events.parts import Asked
from schemas.json_text import loads

_start = msgspec.json.Decoder(StartRequest)
_offer = msgspec.json.Decoder(OfferRequest)

_LEAST_BATCH = 64
_COPIED = ("fork", "import")

Make = Callable[[InboxRow, OwnedShard], None]
Events = dict[tuple[str, int], StreamEvent]


class RowRefused(Exception):
    """An inbox row names something that is not there."""


class InboxIntake:
    """Reads rows that are present, never by a cursor, but those in hand."""

    def __init__(
        self,
        context: EngineContext,
        residents: Residents,
        loader: Loader,
        cycle: CommitCycle,
        lookout: Lookout,
        gatherer: Gatherer,
        forking: Forking,
        *,
        room: Callable[[], int],
    ) -> None:
        self._context = context
        self._residents = residents
        self._loader = loader
        self._cycle = cycle
        self._lookout = lookout
        self._gatherer = gatherer
        self._forking = forking
        self._room = room
        self.starved = False
        self.round = Round(
            "intake", self._work, interval=context.settings.poll_interval_ms / 1000,
            backoff=context.backoff(), tally=context.tally,
        )  # fmt: skip

    async def _work(self) -> float | None:
        settings = self._context.settings
        now = time.monotonic()
        shards = {n: one for n, one in self._residents.shards.items() if one.alive(now)}
        room = self._room()
        limit = min(
            settings.max_inbox_in_hand - len(self._residents.in_hand),
            settings.inbox_batch,
            max(room, _LEAST_BATCH),
        )
        self.starved = limit <= 0 or room < settings.inbox_batch // 4
        if not shards or limit <= 0:
            return None
        excluded = list(self._residents.in_hand)
        found = await self._context.ports.inbox.read(list(shards), excluded, limit)
        rows = [row for row in _fitting(found, room) if self._take(row, shards)]
        done = False
        try:
            await self._deal(rows, shards)
            done = True
        finally:
            if not done:
                self._give_back(rows)
        return 0.0 if len(rows) >= limit else None

    def _take(self, row: InboxRow, shards: dict[int, OwnedShard]) -> bool:
        """Take the row in hand, unless its shard was lost meanwhile."""
        shard = shards.get(row.shard)
        if shard is None or shard.lost or row.id in self._residents.in_hand:
            return False
        self._residents.in_hand[row.id] = row.shard
        return True

    def _give_back(self, rows: list[InboxRow]) -> None:
        for row in rows:
            self._residents.in_hand.pop(row.id, None)

    async def _deal(self, rows: list[InboxRow], shards: dict[int, OwnedShard]) -> None:
        """Everything that may fail for want of a service comes first, so that a round is given back
        whole or dealt with whole."""
        starts = [row for row in rows if row.kind in ("start", "offer")]
        for row in rows:
            if row.kind in _COPIED and not shards[row.shard].lost:
                self._forking.take(row, shards[row.shard])
        others = [row for row in rows if row.kind not in ("start", "offer", *_COPIED)]
        early = [row for row in others if self._forking.is_incomplete(row.execution_id)]
        self._give_back(early)
        others = [row for row in others if row not in early]
        prepared = await self._prepare(starts)
        fresh = {row.execution_id for row in starts}
        loaded = await self._loader.get_all(
            row.execution_id for row in others if row.execution_id not in fresh
        )
        unknown = [row for row in others if row.execution_id not in fresh | loaded.keys()]
        absent = {
            row.execution_id
            for row in unknown
            if not await self._context.ports.inbox.is_accepted(row.namespace, row.execution_id)
        }
        for row, make in prepared:
            self._guarded(row, shards, make)
        for row in others:
            self._guarded(row, shards, lambda row, _: self._route(row, absent))

    def _guarded(
        self,
        row: InboxRow,
        shards: dict[int, OwnedShard],
        make: Make,
    ) -> None:
        """One row at a time: a bad one is quarantined with its execution."""
        shard = shards[row.shard]
        if shard.lost:
            return
        try:
            make(row, shard)
        except Exception as fault:  # noqa: BLE001 - one bad row must not stop the others
            self.quarantine(row, fault)

    def quarantine(self, row: InboxRow, fault: Exception) -> None:
        """Leave the row's execution alone for a while, and the row in the inbox."""
        until = time.monotonic() + self._context.settings.quarantine_ms / 1000
        key = row.execution_id if row.execution_id.int else UUID(int=row.shard << 64 | row.id)
        entry = self._residents.quarantine(key, row.namespace, fault, until)
        entry.rows.add(row.id)

    async def _prepare(self, rows: list[InboxRow]) -> list[tuple[InboxRow, Make]]:
        """Starts and offers with their program and CloudEvent. Raises Unavailable."""
        requests: list[tuple[InboxRow, StartRequest | OfferRequest]] = []
        for row in rows:
            try:
                decoder = _offer if row.kind == "offer" else _start
                requests.append((row, decoder.decode(row.body)))
            except msgspec.MsgspecError as fault:
                self.quarantine(row, fault)
        events = await self._events(requests)
        prepared: list[tuple[InboxRow, Make]] = []
        sealing = Sealing(self._context)
        for row, request in requests:
            try:
                prepared.append((row, await self._prepared(row, request, events, sealing)))
            except Unavailable:
                raise
            except Exception as fault:  # noqa: BLE001 - as above
                self.quarantine(row, fault)
        await sealing.claim()
        return prepared

    async def _events(self, requests: list[tuple[InboxRow, StartRequest | OfferRequest]]) -> Events:
        """The CloudEvents that start or are offered, by (namespace, position)."""
        wanted: dict[str, set[int]] = {}
        for row, request in requests:
            if isinstance(request, OfferRequest) or request.trigger_position:
                wanted.setdefault(row.namespace, set()).add(row.position)
        found: Events = {}
        for namespace, positions in wanted.items():
            events = await fetch(self._context.ports.streams, namespace, positions)
            found.update(((namespace, position), event) for position, event in events.items())
        return found

    async def _prepared(
        self,
        row: InboxRow,
        request: StartRequest | OfferRequest,
        events: Events,
        sealing: Sealing,
    ) -> Make:
        loaded = await self._context.programs.get(row.namespace, request.definition_hash)
        if isinstance(request, OfferRequest):
            arrived = _arrived(row, events)
            return lambda row, shard: self._gatherer.offer(
                Offer(row, request, arrived, loaded, shard)
            )
        command = StartExecution(
            input=loads(request.input),
            name=request.name,
            start_key=request.start_key,
            from_position=row.position,
            trigger=_arrived(row, events) if request.trigger_position else None,
            labels=request.labels,
        )
        sealing.add(row.execution_id, row.namespace, loaded.program, command)
        return lambda row, shard: self._begin(
            HotExecution(
                row.execution_id, row.namespace, shard, loaded,
                cipher=sealing.cipher(row.execution_id),
            ),
            row, command, request.asked,
        )  # fmt: skip

    def _begin(
        self, fresh: HotExecution, row: InboxRow, command: StartExecution, asked: Asked | None
    ) -> None:
        now = time.monotonic()
        hot = self._residents.find(row.execution_id, now)
        if hot is None:
            self._residents.add(fresh, now)
        self._mail(hot or fresh, row, command, asked)

    def _mail(
        self, hot: HotExecution, row: InboxRow, command: Command | None, asked: Asked | None
    ) -> None:
        taken = ((row.shard, row.id),)
        self._cycle.post(hot, Mail(command, row.actor, row.traceparent, asked, taken))

    def _route(self, row: InboxRow, absent: set[UUID]) -> None:
        """A callback, cancel or hint for an execution that exists, or is about to. One that has
        left memory since it was loaded is loaded again when the row is read again."""
        hot = self._residents.find(row.execution_id, time.monotonic())
        quarantined = self._residents.quarantined.get(row.execution_id)
        if quarantined is not None:
            quarantined.rows.add(row.id)
        elif hot is not None:
            self._mail(hot, row, *command_of(row))
            if row.kind == "hint":
                self._lookout.look(hot)
        elif row.execution_id in absent:
            self.quarantine(row, RowRefused("no execution has this id"))
        else:
            self._residents.in_hand.pop(row.id, None)


def _fitting(rows: list[InboxRow], room: int) -> list[InboxRow]:
    """When memory is full, new executions wait in Postgres; what is for those in it does not."""
    fitting: list[InboxRow] = []
    for row in rows:
        if row.kind in ("start", "offer"):
            room -= 1
            if room < 0:
                continue
        fitting.append(row)
    return fitting


def _arrived(row: InboxRow, events: Events) -> Arrived:
    event = events.get((row.namespace, row.position))
    if event is None:
        raise RowRefused(f"CloudEvent {row.position} of {row.namespace} is not kept any more")
    return arrived_of(event)
