"""Produced CloudEvents: the log is the outbox, read with a position that moves after the ack."""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from msgspec import UNSET

from engine.model.cloudevents import CloudEvent, CloudEventFault
from engine.model.cloudevents.json_format import encode_structured
from engine.model.errors import Erased, KeyMissing, Sealed
from engine.model.ids import born_at_ms, format_event
from engine.ports.codec import event_of
from engine.ports.rows import EventRow
from engine.runtime.context import EngineContext
from engine.runtime.round import Round
from schemas.events.bodies import EventEmitted
from schemas.json_text import dumps

logger = logging.getLogger(__name__)

READER = "outbox"
EMITTED = EventEmitted.__name__

_SLACK_MS = 600_000
"""More than the clocks of those who wrote an event and minted an id can be apart: only an event
that is no younger than its execution's id, give or take this, may be a copy."""


class Outbox:
    """Tails the owned shards. Where our own commits hold no emission, it moves on without reading.

    `owned`: the shards that this engine owns now, with their positions as of our last commit."""

    def __init__(self, context: EngineContext, owned: Callable[[], dict[int, int]]) -> None:
        self._context = context
        self._owned = owned
        self._done: dict[int, int] = {}
        self._saved: dict[int, int] = {}
        self._clean: dict[int, int] = {}
        self.round = Round(
            "outbox", self._work, interval=context.settings.outbox_interval_ms / 1000,
            backoff=context.backoff(), tally=context.tally,
        )  # fmt: skip

    def adopted(self, shard: int) -> None:
        """Another engine may have moved the position: read it again."""
        self._forget(shard)
        self.round.wake()

    def dropped(self, shard: int) -> None:
        """Not ours any more."""
        self._forget(shard)

    def committed(self, shard: int, rows: Sequence[EventRow]) -> None:
        """Our commit added these rows (in order of position) to the shard."""
        if any(row.type == EMITTED for row in rows):
            self.round.wake()
        elif rows[0].position - 1 in (self._clean.get(shard), self._done.get(shard)):
            self._clean[shard] = rows[-1].position

    def _forget(self, shard: int) -> None:
        for known in (self._done, self._saved, self._clean):
            known.pop(shard, None)

    async def _work(self) -> float | None:
        heads = self._owned()
        if any(shard not in self._saved for shard in heads):
            positions = await self._context.ports.readers.positions(READER)
            for shard in heads:
                if shard not in self._saved:
                    self._saved[shard] = self._done[shard] = positions.get(shard, 0)
        for shard, head in heads.items():
            try:
                await self._drain(shard, head)
            except KeyMissing as fault:
                logger.warning("CloudEvents of shard %d wait: %s", shard, fault.message)
        return None

    async def _drain(self, shard: int, head: int) -> None:
        limit = self._context.settings.outbox_batch
        while shard in self._done:
            done = self._done[shard] = max(self._done[shard], self._clean.pop(shard, 0))
            if done >= head:
                break
            rows = await self._context.ports.log.read_shard(shard, done, head, limit)
            await self._publish_all(await self._own([row for row in rows if row.type == EMITTED]))
            if shard in self._done:
                self._done[shard] = head if len(rows) < limit else rows[-1].position
        await self._save(shard)

    async def _own(self, rows: list[EventRow]) -> list[EventRow]:
        """Without those that a fork has copied: its source published them."""
        young = {
            row.execution_id for row in rows if row.at <= born_at_ms(row.execution_id) + _SLACK_MS
        }
        if not young:
            return rows
        copied = await self._context.ports.log.forked_at(list(young))
        return [row for row in rows if row.seq > copied.get(row.execution_id, 0)]

    async def _publish_all(self, rows: Sequence[EventRow]) -> None:
        """Sent in their order, acked in any; all are acked before the position moves. Raises what
        the first failure was: then the page is published again, under the same ids."""
        outcomes = await asyncio.gather(
            *(self._publish(row) for row in rows), return_exceptions=True
        )
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _publish(self, row: EventRow) -> None:
        message_id = format_event(row.execution_id, row.seq)
        try:
            event = event_of(row)
            assert isinstance(event.body, EventEmitted)
            body = encode_structured(cloudevent_of(message_id, row.at, event.body))
        except (CloudEventFault, Erased, Sealed) as fault:
            logger.warning("%s cannot be published, it is skipped: %s", message_id, fault)
            return
        await self._context.ports.publisher.publish(
            row.namespace, event.body.type, message_id, body
        )
        self._context.tally.cloudevents_published += 1

    async def _save(self, shard: int) -> None:
        done = self._done.get(shard)
        if done is not None and done > self._saved.get(shard, 0):
            await self._context.ports.readers.advance(READER, shard, done)
            if shard in self._saved:
                self._saved[shard] = done


def cloudevent_of(message_id: str, at: int, body: EventEmitted) -> CloudEvent:
    """The CloudEvent of an emission: its id is the event's, its time the event's time.

    Raises CloudEventFault."""
    has_data = body.data is not UNSET
    moment = datetime.fromtimestamp(at / 1000, UTC)
    return CloudEvent(
        id=message_id,
        source=body.source,
        type=body.type,
        subject=body.subject,
        time=moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        datacontenttype="application/json" if has_data else None,
        extensions=body.extensions,
        data=dumps(body.data) if has_data else None,
        data_kind="json" if has_data else None,
    )
