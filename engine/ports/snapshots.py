"""Between the state of an execution and the cache row of it, and which rows of the past are worth
keeping: pure.

A snapshot stands for the events before it, never proves them: verify and replay read none.
"""

from typing import Final

import msgspec

from engine.core.evolve import EVOLVE_VERSION
from engine.model.state import ExecutionState
from engine.ports.rows import SnapshotRow
from schemas.json_text import read_float, write_unknown

KEEP_EVERY: Final = 1_000
"""Events between two snapshots of the past."""

LOG_BYTES_PER_STATE_BYTE: Final = 4
"""How much longer than a snapshot the log must have become since the one before: so all that are
kept together are at most a quarter of the log (a half, where a reader filled a gap)."""

ENVELOPE_BYTES: Final = 200
"""What an event takes in the log beside its data: digest, hash, salt, names, numbers."""

_decoder = msgspec.json.Decoder(ExecutionState, float_hook=read_float)
_encoder = msgspec.json.Encoder(enc_hook=write_unknown)


def snapshot_of(shard: int, state: ExecutionState) -> SnapshotRow:
    """A committed state as a cache row."""
    return SnapshotRow(shard, state.id, state.seq, EVOLVE_VERSION, _encoder.encode(state))


def state_of(row: SnapshotRow) -> ExecutionState | None:
    """The state that a snapshot holds; None if another release wrote it differently."""
    if row.evolve_version != EVOLVE_VERSION:
        return None
    try:
        return _decoder.decode(row.state)
    except msgspec.MsgspecError:
        return None


class Keeping:
    """Which snapshots of one execution are kept, while its events are folded in order. `seq` and
    `log_bytes`: the last one kept, and how much the log has grown since; `needed_bytes`: how much
    it must, as far as is known."""

    __slots__ = ("every", "log_bytes", "needed_bytes", "seq")

    def __init__(self, seq: int = 0, log_bytes: int = 0, *, every: int = KEEP_EVERY) -> None:
        self.seq = seq
        self.log_bytes = log_bytes
        self.needed_bytes = 0
        self.every = every

    @classmethod
    def resumed(cls, seq: int, *, every: int = KEEP_EVERY) -> "Keeping":
        """In the middle of a log, as if one had been kept at the last multiple of `every`."""
        since = seq % every
        return cls(seq - since, since * ENVELOPE_BYTES, every=every)

    def grew(self, events: int, data_bytes: int) -> None:
        """The log has grown by so many events with so much data."""
        self.log_bytes += events * ENVELOPE_BYTES + data_bytes

    def is_due(self, seq: int) -> bool:
        """Whether the state after this event may be worth keeping."""
        return seq - self.seq >= self.every and self.log_bytes >= self.needed_bytes

    def offered(self, shard: int, state: ExecutionState) -> SnapshotRow | None:
        """The state as a row to keep; None where the log has not grown enough for its size."""
        row = snapshot_of(shard, state)
        self.needed_bytes = LOG_BYTES_PER_STATE_BYTE * len(row.state)
        if not self.is_due(state.seq):
            return None
        self.seq, self.log_bytes = state.seq, 0
        return row
