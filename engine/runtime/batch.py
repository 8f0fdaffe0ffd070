"""A group commit as rows: the events of many executions, chained, with the index changes."""

from dataclasses import dataclass, field

from engine.core.chain import JSON_CODEC, SALT_BYTES
from engine.model.ids import attribute_key
from engine.model.state import ExecutionState, Wait
from engine.ports.codec import copy_of, row_of, sealed_row
from engine.ports.commits import commit_row
from engine.ports.rows import (
    Append,
    BirthRow,
    EventRow,
    GatheringRow,
    Handle,
    SubscriptionRow,
    TimerRow,
)
from engine.runtime.arrivals import UNKEYED
from engine.runtime.context import EngineContext
from engine.runtime.owned import OwnedShard
from engine.runtime.turn import Turn
from schemas.events.bodies import ExecutionStarted
from schemas.events.parts import EventFilter

GATHERING = "gathering"


@dataclass(slots=True)
class ShardPart:
    """What a batch adds to one shard."""

    shard: OwnedShard
    rows: list[EventRow] = field(default_factory=list)
    last_position: int = 0
    hash: bytes = b""


class Batch:
    """Turns that are committed together. `add` may raise for a turn that cannot be written (then
    nothing of it is in the batch); `seal` makes the append."""

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self.turns: list[Turn] = []
        self.parts: dict[int, ShardPart] = {}
        self.append = Append()
        self.events = 0

    def add(self, turn: Turn) -> None:
        """Write the turn's events and index changes into the append."""
        part = self.parts.get(turn.hot.shard.number)
        if part is None:
            part = ShardPart(turn.hot.shard, last_position=turn.hot.shard.last_position)
            self.parts[turn.hot.shard.number] = part
        rows = _rows(turn, part.last_position, self._context)
        part.rows.extend(rows)
        part.last_position += len(rows)
        self.events += len(rows)
        _birth(self.append, turn)
        _indexes(self.append, turn)
        for mail in turn.mails:
            self.append.inbox_taken.extend(mail.taken)
        self.turns.append(turn)

    def seal(self) -> Append:
        """The append, complete: shards in order, each with its commit on top of its head."""
        at = self._context.clock.now_ms()
        for number in sorted(self.parts):
            part = self.parts[number]
            commit = commit_row(
                part.rows,
                shard=number,
                epoch=part.shard.epoch,
                last_position=part.shard.last_position,
                commit_no=part.shard.commit_no,
                previous_hash=part.shard.hash,
                at=at,
                writer_version=self._context.settings.writer_version,
            )
            part.hash = commit.hash
            self.append.commits.append(commit)
            self.append.events.extend(part.rows)
        return self.append


def _rows(turn: Turn, position: int, context: EngineContext) -> list[EventRow]:
    hot = turn.hot
    salts = context.ports.salts(SALT_BYTES * len(turn.events))
    rows: list[EventRow] = []
    previous = hot.hash
    for number, event in enumerate(turn.events):
        copied = turn.copies.get(event.seq)
        if copied is not None:
            if hot.cipher is not None and copied.codec == JSON_CODEC:
                copied = sealed_row(copied, hot.cipher)
            row = copy_of(
                copied, hot.id, shard=hot.shard.number, position=position + number + 1,
                epoch=hot.shard.epoch, previous_hash=previous,
            )  # fmt: skip
            previous = row.hash
            rows.append(row)
            continue
        row = row_of(
            event,
            hot.id,
            shard=hot.shard.number,
            position=position + number + 1,
            namespace=hot.namespace,
            epoch=hot.shard.epoch,
            salt=salts[number * SALT_BYTES : (number + 1) * SALT_BYTES],
            previous_hash=previous,
            cipher=hot.cipher,
        )
        previous = row.hash
        rows.append(row)
    turn.hash = previous
    turn.data_bytes = sum(len(row.data) for row in rows)
    return rows


def _birth(append: Append, turn: Turn) -> None:
    if not turn.events or turn.events[0].seq != 1:
        return
    hot, program = turn.hot, turn.hot.loaded.program
    body, origin = turn.events[0].body, hot.origin
    own_key = body.start_key if isinstance(body, ExecutionStarted) else None
    append.births.append(
        BirthRow(
            shard=hot.shard.number,
            execution_id=hot.id,
            namespace=hot.namespace,
            workflow=program.workflow,
            version=program.version,
            definition_hash=program.definition_hash,
            dialect=program.dialect,
            ir_version=program.ir_version,
            start_key=own_key if origin is None else origin.start_key,
            forked_from=None if origin is None else origin.source,
            forked_at=None if origin is None else origin.at,
        )
    )


def _indexes(append: Append, turn: Turn) -> None:
    hot, effects = turn.hot, turn.effects
    shard = hot.shard.number
    if hot.origin is not None and not turn.forks:
        return
    for timer in effects.timers_set:
        append.timers_set.append(TimerRow(shard, hot.id, timer.id, timer.due))
    for number in (*effects.timers_cleared, *turn.stale_timers):
        append.timers_cleared.append(Handle(shard, hot.id, number))
    for number in effects.waits_closed:
        append.subscriptions_closed.append(Handle(shard, hot.id, number))
    if turn.after.phase != GATHERING:
        for wait in effects.waits_opened:
            _subscribe(append, turn, wait)
    _gathering(append, turn)
    was_calling = bool(turn.before.actions) and not turn.forks
    if bool(turn.after.actions) != was_calling:
        changed = append.actions_opened if turn.after.actions else append.actions_closed
        changed.append((shard, hot.id))


def _subscribe(append: Append, turn: Turn, wait: Wait) -> None:
    """A wait whose correlation was fixed meanwhile is written again, under its key; rows of what it
    has already received stay until it closes and cost a hint at most."""
    hot = turn.hot
    for one in wait.filters:
        if one.ref not in wait.received:
            row = SubscriptionRow(
                hot.shard.number, hot.id, wait.id, one.ref, hot.namespace, one.type,
                subscription_key(turn.after, one), one.after,
            )  # fmt: skip
            append.subscriptions_opened.append(row)


def subscription_key(state: ExecutionState, one: EventFilter) -> bytes | None:
    """The key that the matcher finds the wait by: of the first attribute whose value is known."""
    for name, fixed in one.correlation:
        value = fixed if fixed is not None else state.correlation.get(name)
        if value is not None and name not in UNKEYED:
            return attribute_key(name, value)
    return None


def _gathering(append: Append, turn: Turn) -> None:
    hot = turn.hot
    if turn.before.phase == GATHERING and turn.after.phase != GATHERING:
        append.gatherings_closed.append(Handle(hot.shard.number, hot.id, 0))
    if turn.before.phase == "new" and turn.after.phase == GATHERING and hot.gathering is not None:
        trigger, key = hot.gathering
        append.gatherings_opened.append(
            GatheringRow(hot.shard.number, hot.id, hot.namespace, trigger, key)
        )
