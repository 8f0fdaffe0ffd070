"""Carrying out erasures: what a key seals is looked up, CloudEvents that it names are emptied, and
the key goes last. Whatever dies in between, the request is found and carried on.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from aiohttp import web

from engine.core.chain import SEALED_CODEC
from engine.model.errors import Erased, Sealed
from engine.model.ids import format_execution, shard_of
from engine.ports.audit import Deed
from engine.ports.codec import body_of
from engine.ports.erasures import Erasure
from engine.ports.requests import CancelRequest, encode
from engine.ports.rows import EventRow, StreamEvent
from engine.runtime.arrivals import attributes_of, fetch, keys_of
from schemas.events.bodies import EventReceived, ExecutionStarted
from schemas.events.parts import Asked
from server.api.door.exchange import Services
from server.api.door.pace import Pace
from server.api.past.reading import TERMINAL_TYPES, last_fact, pages

_log = logging.getLogger("refold.erasures")
LOOK_S = 2.0
"""So often requests that are not done are looked at."""

PATIENCE_S = 10.0
"""So long a damaged execution that was cancelled is waited for: an engine that has it in memory
ends it, no other can read it."""

_AT_ONCE = 100
_USES = 1_000
_POSITIONS = 500


@dataclass
class Extent:
    """What a key seals: `running` of the `executions` have not ended, of `damaged` ones an event
    does not open, `positions` are those of the CloudEvents that they took."""

    executions: list[UUID] = field(default_factory=list)
    running: list[UUID] = field(default_factory=list)
    damaged: set[UUID] = field(default_factory=set)
    events: int = 0
    positions: set[int] = field(default_factory=set)


async def standing_of(services: Services, namespace: str, key_id: str) -> Extent:
    """As `extent_of`, without events and positions: only ends of logs are looked at."""
    extent = Extent()
    async for execution_id in _uses(services, key_id):
        extent.executions.append(execution_id)
        last = await services.log.last_event(execution_id)
        if last is None:
            runs = await services.inbox.is_accepted(namespace, execution_id)
        else:
            runs = (await last_fact(services.log, last)).type not in TERMINAL_TYPES
        if runs:
            extent.running.append(execution_id)
    return extent


async def extent_of(services: Services, namespace: str, key_id: str) -> Extent:
    """Read all that a key seals. Raises Unavailable, KeyMissing."""
    extent, pace = Extent(), Pace()
    async for execution_id in _uses(services, key_id):
        extent.executions.append(execution_id)
        ended = False
        async for rows in pages(services, execution_id):
            extent.events += len(rows)
            ended = ended or any(row.type in TERMINAL_TYPES for row in rows)
            for row in rows:
                extent.positions.update(_positions(row))
                if row.codec == SEALED_CODEC and row.opened is None and not row.erased:
                    extent.damaged.add(execution_id)
                await pace.breathe()
        if not ended and await services.inbox.is_accepted(namespace, execution_id):
            extent.running.append(execution_id)
    return extent


async def _uses(services: Services, key_id: str) -> AsyncIterator[UUID]:
    after: UUID | None = None
    while True:
        found = await services.keys.uses(key_id, after, _USES)
        for one in found:
            yield one
        if len(found) < _USES:
            return
        after = found[-1]


def _positions(row: EventRow) -> Iterable[int]:
    """Of the CloudEvents that this event says were taken."""
    if row.type not in (ExecutionStarted.__name__, EventReceived.__name__):
        return ()
    try:
        body = body_of(row)
    except (Erased, Sealed):
        return ()
    event = body.trigger if isinstance(body, ExecutionStarted) else None
    if isinstance(body, EventReceived):
        event = body.event
    return (event.position,) if event is not None and event.position > 0 else ()


class Erasing:
    """Carries on every erasure that is not done; `wake` after a new one."""

    def __init__(self, services: Services, patience_s: float = PATIENCE_S) -> None:
        self._services = services
        self._patience_s = patience_s
        self._woken = asyncio.Event()
        self._told: dict[UUID, float] = {}

    def wake(self) -> None:
        """There is something to do."""
        self._woken.set()

    async def carrying_on(self, _application: web.Application) -> AsyncIterator[None]:
        """While the application runs."""
        task = asyncio.create_task(self._run(), name="erasures")
        yield
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    async def _run(self) -> None:
        while True:
            self._woken.clear()
            await self._round()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._woken.wait()

    async def _round(self) -> None:
        try:
            under_way = await self._services.erasures.under_way(_AT_ONCE)
        except Exception as away:  # noqa: BLE001 - the next round tries again
            _log.info("erasures wait: %s", away)
            return
        for erasure in under_way:
            try:
                await self.carry_on(erasure)
            except Exception as fault:  # noqa: BLE001 - one request does not stop the others
                _log.warning("erasure %d is tried again: %s", erasure.id, fault)

    async def carry_on(self, erasure: Erasure) -> bool:
        """One attempt; whether it is done. Every step may be repeated. Raises Unavailable."""
        services = self._services
        extent = await extent_of(services, erasure.namespace, erasure.key_id)
        waited_for = [one for one in extent.running if not self._is_lost(one, extent)]
        if waited_for:
            if erasure.cancel:
                await self._cancel(erasure, waited_for)
            return False
        await _empty(services, erasure.namespace, sorted(extent.positions))
        counts = {
            "key": erasure.key_id,
            "executions": len(extent.executions),
            "events": extent.events,
            "cloudevents": len(extent.positions),
        }
        asked = Asked(origin=erasure.origin, reason=erasure.reason)
        deed = Deed(erasure.namespace, erasure.actor, "data.erased", erasure.target, asked, counts)
        done = await services.erasures.finish(
            erasure, extent.executions, len(extent.positions), deed
        )
        if done:
            services.key_office.forget()
            await services.hints.notify(f"keys.{erasure.namespace}")
        return done

    def _is_lost(self, execution_id: UUID, extent: Extent) -> bool:
        """Whether it will never obey: no engine can read it, so it was damaged for good."""
        told = self._told.get(execution_id)
        if told is None or execution_id not in extent.damaged:
            return False
        return asyncio.get_running_loop().time() - told >= self._patience_s

    async def _cancel(self, erasure: Erasure, running: Sequence[UUID]) -> None:
        """Once each: a cancel is committed before it is answered."""
        services = self._services
        asked = Asked(origin=erasure.origin, reason=f"to be erased: {erasure.reason}")
        for execution_id in running:
            if execution_id in self._told:
                continue
            await services.inbox.put(
                "cancel", execution_id, erasure.namespace, encode(CancelRequest(asked=asked)),
                erasure.actor, None,
            )  # fmt: skip
            self._told[execution_id] = asyncio.get_running_loop().time()
            await services.hints.notify(f"inbox.{shard_of(execution_id)}")
            _log.info("%s is cancelled, to be erased", format_execution(execution_id))


async def _empty(services: Services, namespace: str, positions: Sequence[int]) -> None:
    """Take from these CloudEvents all but id and source."""
    for start in range(0, len(positions), _POSITIONS):
        chunk = positions[start : start + _POSITIONS]
        found = await fetch(services.streams, namespace, chunk)
        keys = {key for event in found.values() for key in _keys(event)}
        await services.erasures.erase_cloudevents(namespace, sorted(found), sorted(keys))


def _keys(event: StreamEvent) -> tuple[bytes, ...]:
    try:
        return keys_of(attributes_of(event))
    except ValueError:
        return ()  # it does not open: its keys are hashes of what nobody can read


ERASING = web.AppKey("erasing", Erasing)
