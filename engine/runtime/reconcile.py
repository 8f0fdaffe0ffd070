"""What became of an append whose reply was lost or which was fenced: read under the head locks."""

import msgspec

from engine.ports.rows import ShardHead
from engine.ports.storage import Log
from engine.runtime.batch import Batch, ShardPart


class Fate(msgspec.Struct, frozen=True):
    """`committed`: it is in the log, on all its shards (an append is one statement). `lost`: shards
    that are not ours any more, or whose head is not the one we knew. `refused`: the database will
    not take these rows. None of these: nothing was written, the append can be sent as it is."""

    committed: bool = False
    refused: bool = False
    lost: frozenset[int] = frozenset()


async def fate_of(batch: Batch, log: Log) -> Fate:
    """Each head waits for an append under way, so the answer is final. Raises Unavailable."""
    lost: set[int] = set()
    committed = False
    for number in sorted(batch.parts):
        head = await log.locked_head(number)
        part = batch.parts[number]
        if _is_on_top(part, head):
            committed = True
        elif not _is_untouched(part, head):
            lost.add(number)
        if head.epoch != part.shard.epoch:
            lost.add(number)
    return Fate(committed=committed, lost=frozenset(lost))


def _is_on_top(part: ShardPart, head: ShardHead) -> bool:
    return head.hash == part.hash and head.last_position == part.last_position


def _is_untouched(part: ShardPart, head: ShardHead) -> bool:
    shard = part.shard
    return (
        head.epoch == shard.epoch
        and head.last_position == shard.last_position
        and head.hash == shard.hash
    )
