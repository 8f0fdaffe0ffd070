"""A lane: a disjoint set of the owned shards with all that works for them."""

import time
from uuid import UUID

from engine.model.state import RunningTimer
from engine.ports.rows import InboxRow
from engine.runtime.aftermath import Consequences
from engine.runtime.batch import GATHERING, Batch
from engine.runtime.context import EngineContext
from engine.runtime.cycle import CommitCycle
from engine.runtime.dispatch import Dispatcher
from engine.runtime.evaluation import Evaluations
from engine.runtime.forking import Forking
from engine.runtime.gatherer import Gatherer
from engine.runtime.hot import HotExecution
from engine.runtime.intake import InboxIntake
from engine.runtime.keeping import KeptSnapshots
from engine.runtime.loading import Loader
from engine.runtime.lookout import Lookout
from engine.runtime.node_parts import NodeParts
from engine.runtime.owned import OwnedShard
from engine.runtime.passivation import Passivation
from engine.runtime.recovery import Recovery
from engine.runtime.residents import Residents
from engine.runtime.timers import Timers
from engine.runtime.turn import Turn


class Lane:
    """Shards come by `adopt` and go by `drop`; nothing else is told from outside but hints."""

    def __init__(self, context: EngineContext, node: NodeParts) -> None:
        settings = context.settings
        self._context = context
        self._node = node
        self.residents = Residents(context)
        self._cycle = CommitCycle(context, self.residents, self)
        post = self._cycle.post
        self._dispatcher = Dispatcher(
            context, post, max(1, settings.max_actions_in_flight // settings.lanes)
        )
        self._evaluations = Evaluations(context, self._cycle.arm)
        self._lookout = Lookout(context, post)
        self._forking = Forking(
            context, self.residents, post=post, quarantine=self._quarantine_row,
            freed=self.look_into_inbox, now=time.monotonic,
        )  # fmt: skip
        self._loader = Loader(
            context, self.residents, loaded=self._loaded, poisoned=self._poisoned,
            incomplete=self._forking.is_incomplete, now=time.monotonic,
        )  # fmt: skip
        self._gatherer = Gatherer(context, self.residents, self._loader, post, time.monotonic)
        self._timers = Timers(context, self.residents, self._loader, self._cycle, self)
        self._passivation = Passivation(
            context, self.residents, max(1, settings.max_hot_executions // settings.lanes)
        )
        self._kept = KeptSnapshots(context)
        self._recovery = Recovery(
            context, self.residents, self._loader, look=self._lookout.look,
            full=lambda: self._room() <= 0, lifted=self._timers.forget,
        )  # fmt: skip
        self._intake = InboxIntake(
            context, self.residents, self._loader, self._cycle, self._lookout, self._gatherer,
            self._forking, room=self._room,
        )  # fmt: skip
        self._consequences = Consequences(
            self.residents, dispatcher=self._dispatcher, timers=self._timers,
            lookout=self._lookout, notices=node.notices, outbox=node.outbox,
        )  # fmt: skip
        self._rounds = (
            self._recovery.round, self._timers.round, self._intake.round, self._passivation.round,
            self._kept.round,
        )  # fmt: skip

    @property
    def in_flight(self) -> int:
        """Actions running now."""
        return self._dispatcher.in_flight

    def start(self) -> None:
        """Begin; without shards there is nothing to do yet."""
        self._cycle.start()
        for part in self._rounds:
            part.start()

    def begin_no_more_actions(self) -> None:
        """What runs may end; nothing else begins."""
        self._dispatcher.begin_no_more()

    async def stop(self) -> None:
        """Take nothing new, finish the append under way, end everything."""
        for part in self._rounds:
            await part.stop()
        await self._cycle.stop()
        await self._end()

    async def abort(self) -> None:
        """End at once, as if the engine died."""
        self._cycle.abort()
        for part in self._rounds:
            await part.stop()
        await self._end()

    async def _end(self) -> None:
        for number in list(self.residents.shards):
            self.residents.drop(number)
        self._lookout.stop()
        self._gatherer.stop()
        self._forking.stop()
        self._evaluations.stop()
        await self._dispatcher.stop()

    def adopt(self, shard: OwnedShard) -> None:
        """The shard is ours: pick up what is there."""
        self.residents.adopt(shard)
        self._recovery.adopted(shard)
        self._timers.adopted()
        self._intake.round.wake()

    def drop(self, number: int) -> None:
        """The shard is not ours any more: forget all of it, end what runs for it."""
        dropped = self.residents.drop(number)
        self._dispatcher.drop(dropped)
        self._forking.dropped(number)
        self._timers.dropped(number)
        self._recovery.dropped(number)

    def look_into_inbox(self) -> None:
        """A hint: something may have come."""
        self._intake.round.wake()

    def committed(self, batch: Batch) -> None:
        """See `engine.runtime.cycle.Aftermath`."""
        self._consequences.committed(batch)
        self._node.breakpoints.committed(batch.turns)
        self._kept.committed(batch)
        if self._intake.starved and self._room() >= self._context.settings.inbox_batch // 4:
            self._intake.round.wake()

    def parked(self, turn: Turn) -> None:
        """See `engine.runtime.cycle.Aftermath`."""
        self._evaluations.park(turn.hot, turn.requests)

    def fenced(self, shard: OwnedShard) -> None:
        """See `engine.runtime.cycle.Aftermath`."""
        self._node.fenced(shard)

    def decide_timeout(self, hot: HotExecution, timer: RunningTimer) -> None:
        """See `engine.runtime.timers.TimeoutJudge`."""
        if hot.state.phase == GATHERING:
            self._gatherer.decide_timeout(hot, timer)
        else:
            self._lookout.decide_timeout(hot, timer)

    def _loaded(self, hot: HotExecution) -> None:
        self._consequences.resume(hot)

    def _quarantine_row(self, row: InboxRow, fault: Exception) -> None:
        self._intake.quarantine(row, fault)

    def _poisoned(self, execution_id: UUID, fault: Exception) -> None:
        until = time.monotonic() + self._context.settings.quarantine_ms / 1000
        self.residents.quarantine(execution_id, "", fault, until)

    def _room(self) -> int:
        """How many executions may still come into memory."""
        return 0 if self._dispatcher.full else self._passivation.room
