"""CloudEvents from a bus: decoded, committed, and only then acknowledged."""

import asyncio
import logging
from collections.abc import Sequence

import msgspec

from engine.model.cloudevents import CloudEvent, CloudEventFault
from engine.model.cloudevents.nats_binding import from_nats
from engine.model.errors import RefoldError, Unavailable
from engine.model.namespace import is_namespace
from engine.ports.storage import Streams
from engine.ports.world import BusMessage, BusSource
from engine.runtime.ingest import Intake

BATCH = 256
MAX_DELIVERIES = 20
FALLBACK_NAMESPACE = "default"
_ACTOR = "nats"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 5.0

Refusal = tuple[BusMessage, str, str]
"""A message, the code and the reason why it is no CloudEvent of the stream."""

_logger = logging.getLogger("refold.intake")


class BusIntake:
    """Takes messages from a bus for as long as it runs.

    A message is acknowledged when its CloudEvent is committed, was a duplicate, or when the message
    is in the list of dead letters with the reason. While Postgres is away nothing is acknowledged,
    so the bus delivers it again.
    """

    def __init__(self, source: BusSource, intake: Intake, streams: Streams) -> None:
        self._source = source
        self._intake = intake
        self._streams = streams

    async def run(self) -> None:
        """Take batch after batch, until cancelled."""
        pause = _FIRST_PAUSE
        while True:
            try:
                messages = await self._source.fetch(BATCH)
                if messages:
                    await self.take(messages)
                pause = _FIRST_PAUSE
            except Unavailable as error:
                _logger.warning("CloudEvents wait in the bus: %s", error)
                await asyncio.sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE)
            except Exception:
                # What was not acknowledged comes again; the door stays open for the others.
                _logger.exception("CloudEvents of the bus could not be taken")
                await asyncio.sleep(_LONGEST_PAUSE)

    async def take(self, messages: Sequence[BusMessage]) -> None:
        """Commit and acknowledge a batch. Raises Unavailable if some could not be committed; the
        others are acknowledged."""
        groups: dict[str, list[tuple[BusMessage, CloudEvent]]] = {}
        refusals: list[Refusal] = []
        for message in messages:
            decoded = _decoded(message)
            if isinstance(decoded, CloudEvent):
                groups.setdefault(message.namespace, []).append((message, decoded))
            else:
                refusals.append((message, *decoded))
        tasks = [self._commit(namespace, pairs) for namespace, pairs in groups.items()]
        outcomes = await asyncio.gather(self._bury(refusals), *tasks, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def _commit(self, namespace: str, pairs: list[tuple[BusMessage, CloudEvent]]) -> None:
        try:
            receipts = await self._intake.ingest(namespace, [event for _, event in pairs], _ACTOR)
        except Unavailable:
            await self._source.give_back([message for message, _ in pairs])
            raise
        except Exception as error:  # noqa: BLE001  one bad message must not stop the others
            await self._commit_alone(namespace, pairs, error)
            return
        conflicts: list[Refusal] = []
        taken: list[BusMessage] = []
        for (message, event), receipt in zip(pairs, receipts, strict=True):
            if receipt.outcome == "conflict":
                conflicts.append((message, "cloudevent.conflict", _conflict(event)))
            else:
                taken.append(message)
        await self._source.acknowledge(taken)
        await self._bury(conflicts)

    async def _commit_alone(
        self, namespace: str, pairs: list[tuple[BusMessage, CloudEvent]], error: Exception
    ) -> None:
        """One by one, to find the message that cannot be stored; a refusal buries it, a fault of
        ours leaves it to be delivered again, but not for ever."""
        if len(pairs) > 1:
            for pair in pairs:
                await self._commit(namespace, [pair])
            return
        message = pairs[0][0]
        if isinstance(error, RefoldError):
            await self._bury([(message, error.code, error.message)])
        elif message.deliveries >= MAX_DELIVERIES:
            _logger.error("A CloudEvent could not be stored: %s", message.origin, exc_info=error)
            await self._bury([(message, "intake.failed", f"It could not be stored: {error!r}.")])
        else:
            await self._source.give_back([message])
            raise Unavailable(f"{message.origin} could not be stored: {error!r}") from error

    async def _bury(self, refusals: Sequence[Refusal]) -> None:
        """Keep these as dead letters, then acknowledge them."""
        for done, (message, code, reason) in enumerate(refusals):
            namespace = message.namespace if is_namespace(message.namespace) else FALLBACK_NAMESPACE
            headers = msgspec.json.encode([list(pair) for pair in message.headers])
            try:
                await self._streams.dead_letter(
                    namespace, message.origin, code, reason, headers, message.payload
                )
            except Unavailable:
                await self._source.give_back([left for left, *_ in refusals[done:]])
                raise
            await self._source.acknowledge([message])


def _decoded(message: BusMessage) -> CloudEvent | tuple[str, str]:
    """The CloudEvent, or the code and the reason why there is none."""
    if not is_namespace(message.namespace):
        return (
            "namespace.invalid",
            f"{message.namespace[:80]!r} is no namespace; publish to "
            f"cloudevents.in.NAMESPACE.ANYTHING, with lower-case letters, digits and hyphens.",
        )
    try:
        return from_nats(message.headers, message.payload)
    except CloudEventFault as fault:
        return fault.code, fault.message


def _conflict(event: CloudEvent) -> str:
    return (
        f"A CloudEvent with the id {event.id[:200]!r} of source {event.source[:200]!r} is stored "
        f"with other content; give each event an id of its own."
    )
