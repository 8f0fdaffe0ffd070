"""The executions of a lane that are in memory, and the shards they may be of."""

import logging
from collections import OrderedDict
from uuid import UUID

from engine.model.ids import format_execution, shard_of
from engine.runtime.context import EngineContext
from engine.runtime.hot import HotExecution
from engine.runtime.owned import OwnedShard

logger = logging.getLogger(__name__)


class Quarantined:
    """Why an execution is left alone until when (monotonic seconds), and the inbox rows that wait
    for it in Postgres."""

    __slots__ = ("namespace", "reason", "rows", "until")

    def __init__(self, namespace: str, reason: str, until: float) -> None:
        self.namespace = namespace
        self.reason = reason
        self.rows: set[int] = set()
        self.until = until


class Residents:
    """Memory of one lane. `in_hand`: ids of inbox rows taken into memory, by shard."""

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self.shards: dict[int, OwnedShard] = {}
        self.executions: OrderedDict[UUID, HotExecution] = OrderedDict()
        self.quarantined: dict[UUID, Quarantined] = {}
        self.in_hand: dict[int, int] = {}

    def adopt(self, shard: OwnedShard) -> None:
        """Work for this shard from now on."""
        self.shards[shard.number] = shard

    def find(self, execution_id: UUID, now: float) -> HotExecution | None:
        """The execution if it is in memory; it counts as used."""
        hot = self.executions.get(execution_id)
        if hot is not None:
            hot.used_at = now
            self.executions.move_to_end(execution_id)
        return hot

    def add(self, hot: HotExecution, now: float) -> None:
        """Keep it in memory."""
        hot.used_at = now
        self.executions[hot.id] = hot

    def forget(self, hot: HotExecution) -> None:
        """It leaves memory; its log stays."""
        hot.gone = True
        if self.executions.get(hot.id) is hot:
            del self.executions[hot.id]

    def drop(self, number: int) -> list[HotExecution]:
        """Everything of the shard leaves memory; returns what was there."""
        shard = self.shards.pop(number, None)
        if shard is not None:
            shard.lost = True
        dropped = [hot for hot in self.executions.values() if hot.shard.number == number]
        for hot in dropped:
            self.forget(hot)
        self.in_hand = {row: shard for row, shard in self.in_hand.items() if shard != number}
        gone = [one for one in self.quarantined if shard_of(one) == number]
        for execution_id in gone:
            del self.quarantined[execution_id]
        return dropped

    def quarantine(
        self, execution_id: UUID, namespace: str, reason: BaseException, until: float
    ) -> Quarantined:
        """Leave one execution alone, so that the rest of its shard goes on."""
        hot = self.executions.get(execution_id)
        entry = self.quarantined.get(execution_id)
        if entry is None:
            entry = Quarantined(namespace, f"{type(reason).__name__}: {reason}", until)
            self.quarantined[execution_id] = entry
        self._context.tally.quarantined += 1
        logger.error(
            "execution %s is quarantined, its shard goes on: %s",
            format_execution(execution_id), entry.reason, exc_info=reason,
        )  # fmt: skip
        if hot is not None:
            self.forget(hot)
            for mail in hot.mails:
                entry.rows.update(row for _, row in mail.taken)
        return entry

    def lift(self, now: float) -> list[UUID]:
        """Executions whose quarantine is over; their inbox rows are read again."""
        over = [one for one, entry in self.quarantined.items() if entry.until <= now]
        for execution_id in over:
            entry = self.quarantined.pop(execution_id)
            for row in entry.rows:
                self.in_hand.pop(row, None)
        return over
