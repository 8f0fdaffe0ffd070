"""The cycle of a lane: decide what has arrived, commit it all in one append, then let it have
effects. While an append is under way the next batch gathers in the queues of the executions.
"""

import asyncio
import logging
import time
from collections import deque
from typing import Protocol
from uuid import UUID

from engine.model.errors import Fenced, OutcomeUnknown, Unavailable
from engine.runtime.batch import Batch
from engine.runtime.context import EngineContext
from engine.runtime.hot import HotExecution, Mail
from engine.runtime.owned import OwnedShard
from engine.runtime.reconcile import Fate, fate_of
from engine.runtime.residents import Residents
from engine.runtime.turn import Turn, take_turn, turn_of

logger = logging.getLogger(__name__)


class Aftermath(Protocol):
    """What follows a commit."""

    def committed(self, batch: Batch) -> None:
        """The batch is in the log: let its effects happen. Must not raise."""

    def parked(self, turn: Turn) -> None:
        """The next command of this execution needs values from the expression workers."""

    def fenced(self, shard: OwnedShard) -> None:
        """The shard is not ours, or its head is not what we think: forget everything of it."""


class CommitCycle:
    """One append at a time for a disjoint set of shards."""

    def __init__(self, context: EngineContext, residents: Residents, aftermath: Aftermath) -> None:
        self._context = context
        self._residents = residents
        self._aftermath = aftermath
        self._ready: deque[HotExecution] = deque()
        self._careful: set[UUID] = set()
        self._wake = asyncio.Event()
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="commit cycle")

    async def stop(self) -> None:
        """End after the append under way; what was not begun stays where it came from."""
        self._stopping = True
        self._wake.set()
        if self._task is not None:
            await self._task

    def abort(self) -> None:
        """End at once, as if the engine died: an append under way may or may not commit."""
        if self._task is not None:
            self._task.cancel()

    def post(self, hot: HotExecution, mail: Mail) -> None:
        """Give the execution a command. Ignored if it has left memory: whoever sends the mail finds
        its reason again in Postgres."""
        if hot.gone:
            return
        hot.mails.append(mail)
        self.arm(hot)

    def arm(self, hot: HotExecution) -> None:
        """Have the execution decided in a coming cycle, if there is something to decide."""
        if not hot.mails or hot.queued or hot.in_flight or hot.parked or hot.gone:
            return
        hot.queued = True
        self._ready.append(hot)
        self._wake.set()

    async def _run(self) -> None:
        while not self._stopping:
            await self._wake.wait()
            self._wake.clear()
            try:
                batch = self._gather()
                if batch.turns:
                    await self._commit(batch)
            except Exception:
                logger.exception("a cycle failed: its shards are let go and taken again")
                for shard in list(self._residents.shards.values()):
                    self._aftermath.fenced(shard)
            if self._ready and not self._stopping:
                self._wake.set()
                await self._breathe()

    async def _breathe(self) -> None:
        """Let others run; if every ready shard must pause (its lease is unsure), not too often."""
        now = time.monotonic()
        alive = any(hot.shard.alive(now) for hot in self._ready)
        await asyncio.sleep(0 if alive else 0.02)

    def _gather(self) -> Batch:
        """Decide ready executions into a batch. One poisoned execution is taken out alone."""
        settings = self._context.settings
        batch, now = Batch(self._context), time.monotonic()
        for _ in range(len(self._ready)):
            if len(batch.turns) >= settings.cycle_executions:
                break
            if batch.events >= settings.cycle_events:
                break
            hot = self._ready.popleft()
            if hot.gone:
                continue
            if not hot.shard.alive(now) or (self._careful and not self._alone(hot, batch)):
                self._ready.append(hot)
                continue
            hot.queued = False
            self._decide(hot, batch)
        return batch

    def _alone(self, hot: HotExecution, batch: Batch) -> bool:
        """After an append that failed for a reason of its own, its executions go one by one."""
        self._careful = {one for one in self._careful if one in self._residents.executions}
        if batch.turns:
            return False
        self._careful.discard(hot.id)
        return True

    def _decide(self, hot: HotExecution, batch: Batch) -> None:
        turn = turn_of(hot)
        try:
            take_turn(turn, self._context)
            if not turn.empty:
                batch.add(turn)
                hot.in_flight = True
        except Exception as fault:  # noqa: BLE001 - a poisoned execution must not stop others
            self._quarantine(turn, fault)
            return
        if turn.requests:
            hot.parked = True
            self._aftermath.parked(turn)
        if turn.empty:
            self._settle(turn)

    def _quarantine(self, turn: Turn, fault: BaseException) -> None:
        until = time.monotonic() + self._context.settings.quarantine_ms / 1000
        hot = turn.hot
        entry = self._residents.quarantine(hot.id, hot.namespace, fault, until)
        entry.rows.update(row for mail in turn.mails for _, row in mail.taken)

    async def _commit(self, batch: Batch) -> None:
        """Append, and find out what became of it however often that takes."""
        batch.seal()
        backoff = self._context.backoff()
        while True:
            fate = await self._try(batch)
            if fate is None:
                fate = await self._outcome(batch)
            if fate.committed:
                self._committed(batch)
            elif fate.lost or fate.refused:
                self._return(batch)
            else:
                await asyncio.sleep(backoff.delay())
                continue
            for number in fate.lost:
                self._aftermath.fenced(batch.parts[number].shard)
            return

    async def _try(self, batch: Batch) -> Fate | None:
        """One attempt; None: whether it committed is not known."""
        try:
            await self._context.ports.log.append(batch.append)
        except Fenced as fault:
            self._context.tally.fenced += 1
            return await self._refused(batch, fault)
        except OutcomeUnknown:
            self._context.tally.unknown_outcomes += 1
            return None
        except Unavailable:
            return None
        except Exception as fault:  # noqa: BLE001 - rows the database refuses are looked into
            return await self._refused(batch, fault)
        return Fate(committed=True)

    async def _refused(self, batch: Batch, fault: Exception) -> Fate | None:
        """Not this append. If the heads are as we knew them, it is the rows themselves: find the
        execution whose rows they are."""
        fate = await self._outcome(batch)
        if fate.committed or fate.lost:
            return fate
        logger.warning("an append was refused, its executions go one by one: %s", fault)
        if len(batch.turns) == 1:
            self._quarantine(batch.turns[0], fault)
            batch.turns[0].hot.in_flight = False
            return Fate(refused=True)
        self._careful.update(turn.hot.id for turn in batch.turns)
        return Fate(refused=True)

    async def _outcome(self, batch: Batch) -> Fate:
        """Read the heads under their locks until the database answers."""
        backoff = self._context.backoff()
        while True:
            try:
                return await fate_of(batch, self._context.ports.log)
            except Unavailable as away:
                logger.info("the outcome of an append is not known yet: %s", away.message)
            except OutcomeUnknown:
                logger.info("a head could not be read, trying again")
            await asyncio.sleep(backoff.delay())

    def _committed(self, batch: Batch) -> None:
        tally = self._context.tally
        tally.commits += 1
        tally.events += batch.events
        tally.appended_bytes += sum(len(row.data) for row in batch.append.events)
        for part in batch.parts.values():
            part.shard.moved(last_position=part.last_position, hash_=part.hash)
        for _, row in batch.append.inbox_taken:
            self._residents.in_hand.pop(row, None)
        for turn in batch.turns:
            hot = turn.hot
            hot.state, hot.hash = turn.after, turn.hash
            hot.in_flight = False
        self._aftermath.committed(batch)
        for turn in batch.turns:
            self._settle(turn)

    def _settle(self, turn: Turn) -> None:
        for mail in turn.mails:
            if mail.done is not None:
                try:
                    mail.done(turn.hot)
                except Exception:
                    logger.exception("what waited for a commit failed")
        self.arm(turn.hot)

    def _return(self, batch: Batch) -> None:
        """Nothing of the batch was written: its commands are to be decided anew."""
        for turn in batch.turns:
            hot = turn.hot
            hot.in_flight = False
            hot.mails.extendleft(reversed(turn.mails))
            self.arm(hot)
