"""Between the state of an execution and the cache row of it: pure conversions."""

import msgspec

from engine.core.evolve import EVOLVE_VERSION
from engine.model.state import ExecutionState
from engine.ports.rows import SnapshotRow
from schemas.json_text import read_float, write_unknown

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
