"""Snapshots of the past are kept about every so many events, and never outgrow the log."""

import random
from uuid import UUID

from engine.model.state import ExecutionState
from engine.ports.snapshots import ENVELOPE_BYTES, LOG_BYTES_PER_STATE_BYTE, Keeping

EXECUTION = UUID("01900000-0000-7000-8000-000000000001")


def state_of_size(seq, size):
    return ExecutionState(id=EXECUTION, seq=seq, input="x" * size)


def run(keeping, sizes, data_bytes=100):
    """Fold so many events, `sizes(seq)` being the size of the state; the rows that are kept."""
    rows = []
    for seq in range(1, sizes[0] + 1):
        keeping.grew(1, data_bytes)
        if keeping.is_due(seq):
            row = keeping.offered(0, state_of_size(seq, sizes[1](seq)))
            rows += [row] if row is not None else []
    return rows


def test_small_states_are_kept_at_every_interval():
    rows = run(Keeping(every=50), (500, lambda _: 100))
    assert [row.seq for row in rows] == list(range(50, 501, 50))


def test_a_large_state_is_kept_when_the_log_has_grown_by_several_times_its_size():
    rows = run(Keeping(every=50), (2_000, lambda _: 30_000))
    events = LOG_BYTES_PER_STATE_BYTE * len(rows[0].state) // (ENVELOPE_BYTES + 100) + 1
    assert [row.seq for row in rows] == list(range(events, 2_001, events))


def test_all_that_is_kept_is_a_share_of_the_log():
    chance = random.Random(3)
    for _ in range(20):
        sizes = [chance.choice((10, 1_000, 50_000)) for _ in range(40)]
        data = chance.choice((0, 50, 2_000))
        keeping = Keeping(every=chance.choice((1, 10, 100)))
        rows = run(keeping, (2_000, lambda seq, sizes=sizes: sizes[seq // 51]), data)
        log_bytes = 2_000 * (ENVELOPE_BYTES + data)
        assert LOG_BYTES_PER_STATE_BYTE * sum(len(row.state) for row in rows) <= log_bytes


def test_an_execution_that_is_loaded_again_and_again_is_kept_too():
    """Its log grows by less than an interval each time it is in memory."""
    kept = []
    for first in range(0, 1_000, 30):
        keeping = Keeping.resumed(first, every=100)
        for seq in range(first + 1, first + 31):
            keeping.grew(1, 100)
            if keeping.is_due(seq):
                row = keeping.offered(0, state_of_size(seq, 500))
                kept += [row.seq] if row is not None else []
    assert kept == list(range(100, 1_001, 100))
