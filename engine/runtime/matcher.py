"""Matching the CloudEvents of a namespace, strictly by position: what they start, whom they wake.

The hints, starts and offers are put into the inboxes in the statement that moves the cursor, so a
CloudEvent is either wholly matched or not at all. A hint is only a wake-up: which CloudEvent a wait
takes is decided by its execution, from the stream.
"""

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from uuid import UUID

from engine.core.matching import gathering_key, trigger_accepts
from engine.model.command import Arrived
from engine.model.errors import Fenced, KeyMissing, Unavailable
from engine.model.ids import shard_of, shard_of_key, shard_of_namespace
from engine.model.program import Program
from engine.ports.requests import OfferRequest, StartRequest, encode
from engine.ports.rows import Match, StreamEvent, SubscriptionRow, TriggerRow
from engine.runtime.arrivals import keys_of, readable
from engine.runtime.context import EngineContext
from engine.runtime.owned import OwnedShard
from engine.runtime.round import Round
from schemas.json_text import dumps

logger = logging.getLogger(__name__)

UNUSABLE = "trigger.unusable"
"""Code of the dead letter of a CloudEvent whose trigger cannot be asked."""

_REASON_CHARACTERS = 1_000


class Matcher:
    """Matches the streams whose shard this engine owns. `told` hears which shards got something
    into their inbox."""

    def __init__(
        self,
        context: EngineContext,
        owned: Callable[[], Mapping[int, OwnedShard]],
        told: Callable[[Iterable[int]], None],
        shards: int,
    ) -> None:
        self._context = context
        self._owned = owned
        self._told = told
        self._shards = shards
        self.round = Round(
            "matcher", self._work, interval=context.settings.poll_interval_ms / 1000,
            backoff=context.backoff(), tally=context.tally,
        )  # fmt: skip

    async def _work(self) -> float | None:
        owned = self._owned()
        if not owned:
            return None
        more = False
        for namespace in await self._context.ports.streams.namespaces(list(owned)):
            shard = owned.get(shard_of_namespace(namespace, self._shards))
            if shard is not None:
                try:
                    more |= await self.match(namespace, shard)
                except KeyMissing as fault:
                    logger.warning("CloudEvents of %s wait: %s", namespace, fault.message)
        return 0.0 if more else None

    async def match(self, namespace: str, shard: OwnedShard) -> bool:
        """Match one batch; whether it was full. Raises Unavailable."""
        streams, limit = self._context.ports.streams, self._context.settings.match_batch
        cursor = await streams.matched(namespace)
        head = await streams.head(namespace)
        events = await streams.read(namespace, (), cursor, head, limit=limit)
        if not events:
            return False
        matches = await self.matches(namespace, events)
        try:
            await streams.advance(
                shard.number, shard.epoch, namespace, cursor, events[-1].position, matches
            )
        except Fenced:
            logger.info("the stream of %s is matched by another engine", namespace)
            return False
        self._context.tally.cloudevents_matched += len(events)
        self._told({match.shard for match in matches})
        return len(events) >= limit

    async def matches(self, namespace: str, events: Sequence[StreamEvent]) -> list[Match]:
        """What these CloudEvents start and whom they wake. The subscriptions are read after the
        events: one that is not seen here was committed later and looks for itself."""
        arrivals = readable(events)
        streams = self._context.ports.streams
        triggers = await streams.triggers(namespace)
        types = sorted({one.event.type for one in arrivals})
        keys = {key for one in arrivals for key in keys_of(one.attributes)}
        subscribers = await streams.subscribers(namespace, types, sorted(keys))
        matches: list[Match] = []
        for arrived in arrivals:
            for row in triggers:
                if _concerns(row, arrived):
                    matches.extend(await self._started(row, arrived))
        return matches + _hints(arrivals, subscribers)

    async def _started(self, row: TriggerRow, arrived: Arrived) -> list[Match]:
        """The start, or the offer to a gathering, that a trigger makes of a CloudEvent."""
        try:
            loaded = await self._context.programs.get(row.namespace, row.definition_hash)
            return _triggered(row, loaded.program, arrived, self._shards)
        except Unavailable:
            raise
        except Exception as fault:
            logger.exception("trigger %s cannot be used, it is passed over", row.trigger)
            await self._bury(row, arrived, fault)
            return []

    async def _bury(self, row: TriggerRow, arrived: Arrived, fault: Exception) -> None:
        """Keep the CloudEvent for which the trigger should have been asked as a dead letter. It is
        kept before the cursor moves, so rather twice than not at all. Raises Unavailable."""
        reason = str(fault) or type(fault).__name__
        await self._context.ports.streams.dead_letter(
            row.namespace,
            f"CloudEvent {arrived.event.position}",
            UNUSABLE,
            f"The definition {row.workflow} {row.version}, which CloudEvents of this type start, "
            f"cannot be used: {reason[:_REASON_CHARACTERS]}",
            b'[["content-type","application/cloudevents+json"]]',
            dumps(arrived.whole),
        )


def _concerns(row: TriggerRow, arrived: Arrived) -> bool:
    position = arrived.event.position
    within = row.from_position < position
    if row.to_position is not None:
        within = within and position <= row.to_position
    return within and arrived.event.type in row.types


def _triggered(row: TriggerRow, program: Program, arrived: Arrived, shards: int) -> list[Match]:
    trigger = program.trigger
    if trigger is None or trigger_accepts(trigger, program.constants, arrived) is None:
        return []
    position = arrived.event.position
    if trigger.mode == "any":
        key = f"trigger:{row.definition_hash}:{trigger.node}:{position}"
        request = StartRequest(
            workflow=row.workflow, version=row.version, definition_hash=row.definition_hash,
            start_key=key, from_position=position, trigger_position=position,
        )  # fmt: skip
        shard = shard_of_key(row.namespace, row.workflow, key, shards)
        return [
            Match("start", shard, position, workflow=row.workflow, start_key=key,
                  body=encode(request))
        ]  # fmt: skip
    gathered = gathering_key(trigger, arrived).hex()
    name = f"{row.definition_hash}:{trigger.node}"
    offer = OfferRequest(
        workflow=row.workflow, version=row.version, definition_hash=row.definition_hash,
        trigger=name, key=gathered,
    )  # fmt: skip
    shard = shard_of_key(row.namespace, row.workflow, f"{name}:{gathered}", shards)
    return [Match("offer", shard, position, workflow=row.workflow, body=encode(offer))]


def _hints(arrivals: Sequence[Arrived], subscribers: Iterable[SubscriptionRow]) -> list[Match]:
    """One hint for each execution that may want any of the CloudEvents."""
    by_type: dict[str, list[tuple[int, set[bytes]]]] = {}
    for one in arrivals:
        entry = (one.event.position, set(keys_of(one.attributes)))
        by_type.setdefault(one.event.type, []).append(entry)
    hints: dict[UUID, Match] = {}
    for row in subscribers:
        if row.execution_id not in hints:
            position = _first_for(row, by_type.get(row.type, ()))
            if position is not None:
                hints[row.execution_id] = Match(
                    "hint", shard_of(row.execution_id), position, row.execution_id
                )
    return list(hints.values())


def _first_for(row: SubscriptionRow, candidates: Iterable[tuple[int, set[bytes]]]) -> int | None:
    for position, keys in candidates:
        if position > row.after and (row.key is None or row.key in keys):
            return position
    return None
