"""An engine: leases, lanes, the matcher and the outbox, over the ports."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterable

from engine.model.errors import Unavailable
from engine.ports.breakpoints import TOPIC as BREAKPOINTS
from engine.runtime.armed import Armed
from engine.runtime.breakpoints import BreakpointWatch
from engine.runtime.clock import DatabaseClock
from engine.runtime.context import EngineContext
from engine.runtime.engine_ports import EnginePorts
from engine.runtime.lane import Lane
from engine.runtime.leases import LeaseKeeper
from engine.runtime.matcher import Matcher
from engine.runtime.node_parts import NodeParts
from engine.runtime.notices import Notices
from engine.runtime.outbox import Outbox
from engine.runtime.owned import OwnedShard
from engine.runtime.programs import ProgramCache
from engine.runtime.round import Round
from engine.runtime.settings import EngineSettings
from engine.runtime.tally import Counters, Tally

logger = logging.getLogger(__name__)

_STOP_LIMIT_S = 10.0
_LOOK_S = 0.02


class EngineNode:
    """One engine. `name` must be unique among all engines that ever live at once, also across
    restarts of one process. May die at any instant: whoever owns its shards next goes on from the
    log."""

    def __init__(
        self, name: str, ports: EnginePorts, settings: EngineSettings | None = None
    ) -> None:
        chosen = settings if settings is not None else EngineSettings()
        tally = Tally()
        self._context = EngineContext(
            name=name, ports=ports, settings=chosen, clock=DatabaseClock(ports.leases),
            tally=tally,
            programs=ProgramCache(ports.definitions, ports.compile, chosen.program_cache),
            armed=Armed(),
        )  # fmt: skip
        self._keeper = LeaseKeeper(self._context, adopted=self._adopt, dropped=self._drop)
        self._outbox = Outbox(self._context, self._positions)
        self._notices = Notices(self._context)
        self._breakpoints = BreakpointWatch(self._context)
        parts = NodeParts(self._notices, self._outbox, self._breakpoints, self._keeper.fenced)
        self._lanes = [Lane(self._context, parts) for _ in range(chosen.lanes)]
        self._clock_round = Round(
            "clock", self._sample_clock, interval=chosen.clock_interval_ms / 1000,
            backoff=self._context.backoff(), tally=tally,
        )  # fmt: skip
        self._matcher: Matcher | None = None
        self._listening: list[Callable[[], Awaitable[None]]] = []

    @property
    def counters(self) -> Counters:
        """What the engine has counted."""
        return self._context.tally.counters(
            in_flight=sum(lane.in_flight for lane in self._lanes),
            hot=sum(len(lane.residents.executions) for lane in self._lanes),
            shards=len(self._keeper.owned),
        )

    @property
    def owned_shards(self) -> list[int]:
        """The shards it owns now."""
        return sorted(self._keeper.owned)

    @property
    def clock(self) -> DatabaseClock:
        """The database-derived clock."""
        return self._context.clock

    async def start(self) -> None:
        """Begin to claim shards and to work for them; waits until the database answers."""
        shards = await self._shards()
        self._matcher = Matcher(self._context, lambda: self._keeper.owned, self._told, shards)
        for lane in self._lanes:
            lane.start()
        await self._listen("inbox.*", self._inbox_hint)
        await self._listen("stream.*", lambda _: self._wake_matcher())
        await self._listen(BREAKPOINTS, lambda _: self._breakpoints.round.wake())
        for part in self._rounds():
            part.start()

    async def _shards(self) -> int:
        """How many shards the installation has; what a first step looks at is read, too."""
        backoff = self._context.backoff()
        while True:
            try:
                await self._context.clock.sample()
                await self._breakpoints.refresh()
                return len(await self._context.ports.log.heads())
            except Unavailable as away:
                logger.info("the engine waits for the database: %s", away.message)
                await asyncio.sleep(backoff.delay())

    async def finish_actions(self, within_s: float) -> None:
        """Begin no more actions and let those that run end, at most so long. Their outcomes are
        still committed; what does not end in time is run again by the next owner."""
        for lane in self._lanes:
            lane.begin_no_more_actions()
        for _ in range(round(within_s / _LOOK_S)):
            if not any(lane.in_flight for lane in self._lanes):
                return
            await asyncio.sleep(_LOOK_S)

    async def stop(self) -> None:
        """End cleanly: finish the appends under way, give the leases back."""
        await self._end_listening()
        for part in self._rounds():
            await part.stop()
        await asyncio.gather(*(self._stop_lane(lane) for lane in self._lanes))
        try:
            async with asyncio.timeout(_STOP_LIMIT_S):
                await self._keeper.release_all()
        except (Unavailable, TimeoutError):
            logger.info("leases could not be given back; they run out by themselves")

    async def abort(self) -> None:
        """End at once without a word to anybody, as if the process had died."""
        await self._end_listening()
        for part in self._rounds():
            await part.stop()
        for lane in self._lanes:
            await lane.abort()

    def _rounds(self) -> Iterable[Round]:
        yield self._keeper.round
        yield self._clock_round
        yield self._notices.round
        yield self._outbox.round
        yield self._breakpoints.round
        if self._matcher is not None:
            yield self._matcher.round

    async def _stop_lane(self, lane: Lane) -> None:
        try:
            async with asyncio.timeout(_STOP_LIMIT_S):
                await lane.stop()
        except TimeoutError:
            logger.warning("an append did not end in time; its outcome is read by the next owner")
            await lane.abort()

    async def _sample_clock(self) -> float | None:
        await self._context.clock.sample()
        return None

    async def _listen(self, topic: str, wake: Callable[[str], None]) -> None:
        with contextlib.suppress(Unavailable):
            self._listening.append(await self._context.ports.hints.listen(topic, wake))

    async def _end_listening(self) -> None:
        for end in self._listening:
            with contextlib.suppress(Unavailable):
                await end()
        self._listening.clear()

    def _lane(self, shard: int) -> Lane:
        return self._lanes[shard % len(self._lanes)]

    def _adopt(self, shard: OwnedShard) -> None:
        self._lane(shard.number).adopt(shard)
        self._outbox.adopted(shard.number)
        self._wake_matcher()

    def _drop(self, number: int) -> None:
        self._lane(number).drop(number)
        self._outbox.dropped(number)

    def _positions(self) -> dict[int, int]:
        return {number: shard.last_position for number, shard in self._keeper.owned.items()}

    def _inbox_hint(self, topic: str) -> None:
        number = topic.rpartition(".")[2]
        if number.isdigit() and int(number) in self._keeper.owned:
            self._lane(int(number)).look_into_inbox()

    def _wake_matcher(self) -> None:
        if self._matcher is not None:
            self._matcher.round.wake()

    def _told(self, shards: Iterable[int]) -> None:
        for number in shards:
            if number in self._keeper.owned:
                self._lane(number).look_into_inbox()
            else:
                self._notices.tell(f"inbox.{number}")
