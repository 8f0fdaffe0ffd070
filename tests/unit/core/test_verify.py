"""Verification finds every change of a log and names it, and never cries wolf."""

import random
import uuid

import msgspec
import pytest

from engine.core import verify as chain
from engine.core.chain import genesis
from engine.model.event import Event
from engine.ports.codec import copy_of, row_of
from engine.ports.commits import birth_period, commit_row
from schemas.events import bodies

SHARD = 3
CLUSTER = "cluster"


def execution_id(rng):
    number = (1_790_000_000_000 + rng.randrange(1000)) << 80 | 7 << 76 | SHARD << 64
    return uuid.UUID(int=number | 2 << 62 | rng.getrandbits(62))


def events(rng, count):
    """Events of an execution, not closed."""
    made = [
        bodies.StateEntered("inject"),
        bodies.TimerSet("sleep", 7),
        bodies.TimerFired(2, "sleep"),
    ]
    return [
        Event(seq=seq, at=1_790_000_000_000 + seq // 2, body=rng.choice(made), name=f"n{seq}")
        for seq in range(1, count + 1)
    ]


class Shard:
    """A shard's log as stored: rows and commits."""

    def __init__(self, rng):
        self.rng = rng
        self.rows = []
        self.commits = []
        self.hashes = {}

    def commit(self, batches):
        """One group commit: [(execution, events)]."""
        before = self.commits[-1] if self.commits else None
        last = before.expected_position + before.count if before else 0
        fresh = []
        for execution, batch in batches:
            for event in batch:
                row = row_of(
                    event, execution, shard=SHARD, position=last + len(fresh) + 1,
                    namespace="default", epoch=1, salt=self.rng.randbytes(16),
                    previous_hash=self.hashes.get(execution, b""),
                )  # fmt: skip
                self.hashes[execution] = row.hash
                fresh.append(row)
        self.rows += fresh
        self.commits.append(
            commit_row(
                fresh, shard=SHARD, epoch=1, last_position=last, commit_no=len(self.commits),
                previous_hash=before.hash if before else genesis(CLUSTER, SHARD), at=5,
                writer_version="t",
            )
        )  # fmt: skip

    def records(self):
        return [
            chain.Commit(
                SHARD, number, one.expected_position + 1, one.count, one.epoch, one.at,
                one.writer_version, one.min_execution, one.max_execution, one.parts, one.hash,
            )
            for number, one in enumerate(self.commits, 1)
        ]  # fmt: skip

    def verify(self, execution, *, closed=False):
        """As the API does it: chain first, then commits and their parts."""
        own = sorted((r for r in self.rows if r.execution_id == execution), key=lambda r: r.seq)
        end = chain.check_events(chain.ChainEnd(), own)
        if isinstance(end, chain.Finding):
            return end
        start = chain.CommitEnd(0, 0, genesis(CLUSTER, SHARD))
        checked = chain.check_commits(start, self.records())
        if isinstance(checked, chain.Finding):
            return checked
        witness = chain.Witness(end, birth_period(execution), closed)
        for record in self.records():
            within = range(record.first, record.first + record.count)
            present = [row for row in self.rows if row.position in within]
            mine = [row for row in present if row.execution_id == execution]
            finding = chain.check_part(witness, record, present, mine)
            if finding is not None:
                return finding
        return None


@pytest.fixture(params=range(20))
def shard(request):
    rng = random.Random(request.param)
    made = Shard(rng)
    ids = [execution_id(rng) for _ in range(3)]
    logs = {one: events(rng, rng.randint(3, 9)) for one in ids}
    while any(logs.values()):
        batches = []
        for one in ids:
            take = rng.randint(0, len(logs[one]))
            batches.append((one, logs[one][:take]))
            logs[one] = logs[one][take:]
        made.commit(batches)
    made.ids = ids
    return made


def test_an_untouched_log_is_intact(shard):
    assert [shard.verify(one) for one in shard.ids] == [None, None, None]


COVERED = (
    "data", "salt", "digest", "hash", "at", "actor", "type", "node", "name", "frame", "causation",
    "branch", "iteration", "attempt", "version", "namespace", "traceparent", "codec", "key_id",
    "epoch",
)  # fmt: skip


def _other(rng, value):
    """Another value: one bit of bytes, one character more, one more."""
    if isinstance(value, bytes):
        cut = rng.randrange(len(value))
        return value[:cut] + bytes([value[cut] ^ 1 << rng.randrange(8)]) + value[cut + 1 :]
    return value + "x" if isinstance(value, str) else (value or 0) + 1


@pytest.mark.parametrize("field", COVERED)
def test_any_change_is_found_at_its_event(shard, field):
    place = shard.rng.randrange(len(shard.rows))
    kept = shard.rows[place]
    other = _other(shard.rng, getattr(kept, field))
    shard.rows[place] = msgspec.structs.replace(kept, **{field: other})
    found = shard.verify(kept.execution_id)
    assert (found.kind, found.seq) == ("changed", kept.seq)


def _with_an_escape(data):
    """The first letter of the first name as its escape."""
    return data[:2] + b"\\u%04x" % data[2] + data[3:]


SPELLINGS = {
    "a blank before": lambda data: b" " + data,
    "a blank inside": lambda data: data.replace(b"{", b"{ ", 1),
    "a letter as its escape": _with_an_escape,
    "a member hidden by a later one": lambda data: data.replace(
        b":", b':"hidden",' + data[1:].partition(b":")[0] + b":", 1
    ),
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_another_spelling_of_the_same_data_is_found(shard, spelling):
    place = shard.rng.randrange(len(shard.rows))
    kept = shard.rows[place]
    other = SPELLINGS[spelling](kept.data)
    assert msgspec.json.decode(other) == msgspec.json.decode(kept.data)
    shard.rows[place] = msgspec.structs.replace(kept, data=other)
    found = shard.verify(kept.execution_id)
    assert (found.kind, found.seq) == ("changed", kept.seq)


def test_a_missing_event_is_found(shard):
    one = shard.ids[0]
    own = [row for row in shard.rows if row.execution_id == one]
    gone = shard.rng.choice(own[:-1])
    shard.rows.remove(gone)
    found = shard.verify(one)
    assert (found.kind, found.seq) == ("missing", gone.seq)


def test_a_tail_that_was_cut_off_is_found_unless_the_execution_had_ended_before(shard):
    one = shard.ids[0]
    last = max(row.seq for row in shard.rows if row.execution_id == one)
    shard.rows = [row for row in shard.rows if row.execution_id != one or row.seq < last]
    found = shard.verify(one)
    assert (found.kind, found.seq) == ("cut_off", last)
    assert shard.verify(one, closed=True) is None


def test_a_removed_execution_is_found(shard):
    one = shard.ids[1]
    shard.rows = [row for row in shard.rows if row.execution_id != one]
    assert shard.verify(one).kind == "removed"


def test_events_that_changed_places_are_found(shard):
    one = shard.ids[2]
    places = [i for i, row in enumerate(shard.rows) if row.execution_id == one]
    first, second = sorted(shard.rng.sample(places, 2))
    a, b = shard.rows[first], shard.rows[second]
    shard.rows[first] = msgspec.structs.replace(b, seq=a.seq, position=a.position)
    shard.rows[second] = msgspec.structs.replace(a, seq=b.seq, position=b.position)
    found = shard.verify(one)
    assert (found.kind, found.seq) == ("reordered", a.seq)


def test_an_event_rewritten_with_its_whole_chain_is_found_by_its_commit(shard):
    one = shard.ids[0]
    own = sorted((r for r in shard.rows if r.execution_id == one), key=lambda r: r.seq)
    previous = b""
    for row in own:
        forged = row_of(
            Event(seq=row.seq, at=row.at, body=bodies.StateEntered("forged"), name=row.name),
            one, shard=SHARD, position=row.position, namespace="default", epoch=1, salt=row.salt,
            previous_hash=previous,
        )  # fmt: skip
        previous = forged.hash
        shard.rows[shard.rows.index(row)] = forged
    assert shard.verify(one).kind == "changed"


def test_a_changed_or_missing_commit_is_found(shard):
    kept = list(shard.commits)
    shard.commits[0] = msgspec.structs.replace(kept[0], at=6)
    assert shard.verify(shard.ids[0]).kind == "commit_changed"
    shard.commits[0] = msgspec.structs.replace(kept[0], writer_version="x")
    assert shard.verify(shard.ids[0]).kind == "commit_changed"
    for end in ("min_execution", "max_execution"):  # they say where an execution is looked for
        shard.commits[0] = msgspec.structs.replace(kept[0], **{end: uuid.UUID(int=9)})
        assert shard.verify(shard.ids[0]).kind == "commit_changed"
    shard.commits = kept[1:]
    if shard.commits:
        assert shard.verify(shard.ids[0]).kind in ("commit_changed", "commit_missing")


def test_an_anchor_finds_what_was_cut_off_or_rewritten(shard):
    records = shard.records()
    anchor = chain.Anchor(SHARD, len(records), records[-1].hash)
    assert chain.check_anchor(anchor, records) is None
    assert chain.check_anchor(anchor, records[:-1]).kind == "head_differs"
    other = msgspec.structs.replace(records[-1], hash=bytes(32))
    assert chain.check_anchor(anchor, [other]).kind == "head_differs"


def test_an_anchored_event_finds_a_cut_a_change_and_a_removal(shard):
    own = sorted((r for r in shard.rows if r.execution_id == shard.ids[0]), key=lambda r: r.seq)
    anchor = chain.Anchor(SHARD, 1, bytes(32), own[-1].seq, own[-1].hash)
    assert chain.check_anchored_event(anchor, len(own), own[-1]) is None
    cut = chain.check_anchored_event(anchor, len(own) - 1, None)
    assert (cut.kind, cut.seq) == ("cut_off", own[-1].seq)
    assert chain.check_anchored_event(anchor, len(own), own[-2]).kind == "changed"
    assert chain.check_anchored_event(anchor, 0, None).kind == "removed"


def copied(rows, ident):
    """The rows as a fork begins with them, in another shard."""
    made, previous = [], b""
    for row in rows:
        place = {"shard": 5, "position": row.seq + 100, "epoch": 9}
        made.append(copy_of(row, ident, previous_hash=previous, **place))
        previous = made[-1].hash
    return made


def test_copies_verify_by_themselves_and_against_their_source():
    rng = random.Random(3)
    rows, previous = [], b""
    source, fork = execution_id(rng), execution_id(rng)
    for event in events(rng, 30):
        rows.append(
            row_of(
                event, source, shard=SHARD, position=event.seq, namespace="ns", epoch=1,
                salt=rng.randbytes(16), previous_hash=previous,
            )
        )  # fmt: skip
        previous = rows[-1].hash
    copies = copied(rows, fork)
    assert chain.check_events(chain.ChainEnd(), copies).seq == 30
    assert chain.check_copies(copies, rows) is None
    assert chain.check_copies(copies, rows[:10]) is None, "the source was cut off: its own fault"
    other = msgspec.structs.replace(rows[11], name="another")
    forged = copied([*rows[:11], other, *rows[12:]], fork)
    assert chain.check_events(chain.ChainEnd(), forged).seq == 30, "a chain alone does not tell"
    finding = chain.check_copies(forged, rows)
    assert (finding.kind, finding.seq) == ("changed", 12)
    sealed = [msgspec.structs.replace(one, codec=2, key_id="k", digest=b"other") for one in copies]
    assert chain.check_copies(sealed, rows) is None, "the namespace encrypts since"
    renamed = [*sealed[:4], msgspec.structs.replace(sealed[4], name="another"), *sealed[5:]]
    assert chain.check_copies(renamed, rows).seq == 5
