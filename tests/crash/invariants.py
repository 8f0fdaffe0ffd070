"""What must hold of a log whatever was killed: read from the database itself, event by event.

`check_log` needs only the database; `check_delivery` compares the log with what the world outside
was told (`tests.crash.journal`).
"""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from math import inf
from uuid import UUID

import asyncpg

from engine.core.chain import genesis
from engine.core.replay import fold
from engine.core.verify import (
    ChainEnd,
    Commit,
    CommitEnd,
    Finding,
    check_commits,
    check_events,
)
from engine.model.event import Event
from engine.model.ids import format_execution, shard_of
from engine.model.state import ExecutionState
from engine.ports.codec import event_of
from engine.ports.commits import parts_of
from engine.ports.rows import EVENT_COLUMNS, EventRow, SnapshotRow
from engine.ports.snapshots import state_of
from schemas.events import bodies
from tests.crash.watch import TERMINAL

_COLUMNS = ", ".join(EventRow.__struct_fields__[:EVENT_COLUMNS])
_SHARD = f"SELECT {_COLUMNS} FROM log.events WHERE shard = $1 ORDER BY position, execution_id, seq"
_COMMITS = """
    SELECT shard, commit_no AS number, first_position AS first, count, epoch, at,
           writer_version AS writer, min_execution AS lowest, max_execution AS highest, parts,
           hash, committed_at
    FROM log.commits WHERE shard = $1 ORDER BY commit_no
"""
_LEFT_OVERS = ("inbox", "timers", "subscriptions", "open_actions", "gatherings")


@dataclass
class Violations:
    """What does not hold, by how it is counted."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    zombies: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)

    @property
    def all(self) -> list[str]:
        """Each with its kind."""
        return [
            f"{kind}: {one}"
            for kind in ("lost", "doubled", "zombies", "broken", "stuck")
            for one in getattr(self, kind)
        ]


@dataclass
class Log:
    """The log as read: events by execution in order of seq, folded states, commit times."""

    events: dict[UUID, list[Event]] = field(default_factory=lambda: defaultdict(list))
    states: dict[UUID, ExecutionState] = field(default_factory=dict)
    committed_at: dict[tuple[UUID, int], float] = field(default_factory=dict)
    rows: int = 0
    commits: int = 0
    snapshots: int = 0


async def check_log(connection: asyncpg.Connection) -> tuple[Log, Violations]:
    """Everything that the log alone can show: order, gaps, epochs, chains, ends, folds."""
    log, found = Log(), Violations()
    cluster_id = str(await connection.fetchval("SELECT cluster_id FROM log.meta"))
    ends: dict[UUID, ChainEnd] = {}
    for head in await connection.fetch("SELECT * FROM log.shards ORDER BY shard"):
        records = await connection.fetch(_SHARD, head["shard"])
        rows = [EventRow(*record) for record in records]
        commits = await connection.fetch(_COMMITS, head["shard"])
        _check_positions(head, rows, found)
        _check_epochs(head, rows, commits, found)
        _check_commits(cluster_id, head, rows, commits, log, found)
        _check_chains(rows, ends, log, found)
        log.rows += len(rows)
        log.commits += len(commits)
    for execution, events in log.events.items():
        _check_end(execution, events, log, found)
    await _check_snapshots(connection, log, found)
    return log, found


def _check_positions(head: asyncpg.Record, rows: list[EventRow], found: Violations) -> None:
    """1..n, each once, up to the head."""
    positions = [row.position for row in rows]
    if positions != list(range(1, head["last_position"] + 1)):
        where = next(
            (i for i, position in enumerate(positions, 1) if position != i), len(positions) + 1
        )
        found.broken.append(
            f"shard {head['shard']}: positions are not 1..{head['last_position']};"
            f" the first fault is at {where}"
        )


def _check_epochs(
    head: asyncpg.Record,
    rows: list[EventRow],
    commits: list[asyncpg.Record],
    found: Violations,
) -> None:
    """A row of an earlier epoch behind one of a later: its owner had been fenced."""
    epoch = 0
    for row in rows:
        if row.epoch < epoch:
            found.zombies.append(
                f"shard {row.shard} position {row.position}: epoch {row.epoch} after {epoch}"
            )
        epoch = max(epoch, row.epoch)
    epoch = 0
    for commit in commits:
        if commit["epoch"] < epoch:
            found.zombies.append(f"shard {commit['shard']} commit {commit['number']}")
        epoch = max(epoch, commit["epoch"])
    if epoch > head["epoch"]:
        found.zombies.append(f"shard {head['shard']}: a commit is ahead of the head's epoch")


def _check_commits(
    cluster_id: str,
    head: asyncpg.Record,
    rows: list[EventRow],
    commits: list[asyncpg.Record],
    log: Log,
    found: Violations,
) -> None:
    """The chain of commits leads from the genesis to the head, and covers the events there are."""
    shard = head["shard"]
    chain = [Commit(*(one[name] for name in Commit.__struct_fields__)) for one in commits]
    end = check_commits(CommitEnd(0, 0, genesis(cluster_id, shard)), chain)
    if isinstance(end, Finding):
        found.broken.append(f"shard {shard}: {end.detail}")
    elif (end.number, end.position, end.hash) != (
        head["commit_no"], head["last_position"], head["hash"],
    ):  # fmt: skip
        found.broken.append(f"shard {shard}: the head is not the end of its chain of commits")
    for commit, record in zip(chain, commits, strict=True):
        part = rows[commit.first - 1 : commit.first - 1 + commit.count]
        if parts_of(part) != commit.parts or any(row.epoch != commit.epoch for row in part):
            found.broken.append(f"shard {shard} commit {commit.number}: its events differ")
        for row in part:
            log.committed_at[row.execution_id, row.seq] = record["committed_at"].timestamp()


def _check_chains(
    rows: list[EventRow], ends: dict[UUID, ChainEnd], log: Log, found: Violations
) -> None:
    """seq 1..n without gap and the hashes of every execution."""
    broken: set[UUID] = set()
    for row in rows:
        if row.execution_id in broken:
            continue
        if shard_of(row.execution_id) != row.shard:
            found.broken.append(f"{_name(row.execution_id)} lies in shard {row.shard}")
        end = check_events(ends.get(row.execution_id, ChainEnd()), [row])
        if isinstance(end, Finding):
            broken.add(row.execution_id)
            found.broken.append(f"{_name(row.execution_id)}: {end.detail}")
            continue
        ends[row.execution_id] = end
        log.events[row.execution_id].append(event_of(row))


def _check_end(execution: UUID, events: list[Event], log: Log, found: Violations) -> None:
    """At most one terminal event, the last one; the fold agrees; no timer fired early."""
    kinds = [type(event.body).__name__ for event in events]
    ends = [number for number, kind in enumerate(kinds, 1) if kind in TERMINAL]
    if len(ends) > 1:
        found.doubled.append(f"{_name(execution)} ends {len(ends)} times, at {ends}")
    elif ends and ends[0] != len(events):
        found.broken.append(f"{_name(execution)} goes on after its end at {ends[0]}")
    try:
        state = log.states[execution] = fold(execution, events)
    except Exception as fault:  # noqa: BLE001 - whatever it is, this log does not fold
        found.broken.append(f"{_name(execution)} does not fold: {fault!r}")
        return
    if state.closed != bool(ends):
        found.broken.append(f"{_name(execution)}: fold and terminal event disagree")
    _check_timers(execution, events, log, found)
    if any(later.at < event.at for event, later in pairwise(events)):
        found.broken.append(f"{_name(execution)}: time goes back")


def _check_timers(execution: UUID, events: list[Event], log: Log, found: Violations) -> None:
    due: dict[int, int] = {}
    fired: Counter[int] = Counter()
    for event in events:
        body = event.body
        if isinstance(body, bodies.TimerSet | bodies.RetryScheduled):
            due[event.seq] = body.due
        elif isinstance(body, bodies.TimerFired):
            fired[body.timer] += 1
            committed_ms = log.committed_at.get((execution, event.seq), inf) * 1000
            if min(event.at, committed_ms + 1) < due[body.timer]:
                found.broken.append(f"{_name(execution)}: timer {body.timer} fired early")
    found.doubled.extend(
        f"{_name(execution)}: timer {timer} fired {times} times"
        for timer, times in fired.items()
        if times > 1
    )


async def _check_snapshots(connection: asyncpg.Connection, log: Log, found: Violations) -> None:
    """A snapshot is the fold up to its seq: the newest, and those kept of the past."""
    for row in await connection.fetch(
        "SELECT * FROM log.snapshots UNION ALL SELECT * FROM log.kept_snapshots"
    ):
        log.snapshots += 1
        snapshot = state_of(SnapshotRow(*row))
        events = log.events[row["execution_id"]][: row["seq"]]
        if snapshot is not None and snapshot != fold(row["execution_id"], events):
            found.broken.append(f"the snapshot of {_name(row['execution_id'])} is not its fold")


async def check_takeovers(
    connection: asyncpg.Connection, epochs: dict[tuple[int, int], float], found: Violations
) -> None:
    """No commit of an owner after another one was seen to own the shard. `epochs`: (shard, epoch)
    -> a time at which it had begun. This finds a zombie also where the next owner is idle."""
    begun = defaultdict(list)
    for (shard, epoch), at in epochs.items():
        begun[shard].append((epoch, at))
    for row in await connection.fetch(
        "SELECT shard, commit_no, epoch, committed_at FROM log.commits"
    ):
        at = row["committed_at"].timestamp()
        found.zombies.extend(
            f"shard {row['shard']} commit {row['commit_no']}: epoch {row['epoch']},"
            f" {at - since:.3f} s after epoch {epoch} was seen"
            for epoch, since in begun[row["shard"]]
            if epoch > row["epoch"] and since < at
        )


async def check_settled(connection: asyncpg.Connection, log: Log, found: Violations) -> None:
    """After the quiet period: nothing open, nothing left to do, no index row without its cause."""
    found.stuck.extend(
        f"{_name(execution)} ({state.workflow}) is {state.status} at event {state.seq}"
        for execution, state in log.states.items()
        if not state.closed
    )
    for table in _LEFT_OVERS:
        left = await connection.fetchval(f"SELECT count(*) FROM log.{table}")
        if left:
            found.stuck.append(f"log.{table} still has {left} rows")
    behind = await connection.fetchval("SELECT count(*) FROM log.streams WHERE matched < head")
    if behind:
        found.stuck.append("the matcher is behind the stream of CloudEvents")


async def check_births(connection: asyncpg.Connection, log: Log, found: Violations) -> None:
    """Executions, their births and their start keys belong to each other one to one."""
    births = await connection.fetch("SELECT execution_id, start_key FROM log.executions")
    born = {row["execution_id"] for row in births}
    found.broken.extend(f"{_name(one)} has events and no birth" for one in log.events.keys() - born)
    found.broken.extend(
        f"{_name(one)} has a birth and no events" for one in born - log.events.keys()
    )
    keys = await connection.fetch("SELECT workflow, key, execution_id FROM log.start_keys")
    named = Counter(row["execution_id"] for row in keys)
    found.lost.extend(
        f"start key {row['key']} names {_name(row['execution_id'])}, which has no log"
        for row in keys
        if row["execution_id"] not in log.events
    )
    started = {(s.workflow, s.start_key): e for e, s in log.states.items() if s.start_key}
    for row in keys:
        other = started.get((row["workflow"], row["key"]))
        if other is not None and other != row["execution_id"]:
            found.doubled.append(f"start key {row['key']}: {_name(other)}")
    found.doubled.extend(f"{_name(one)} has {n} start keys" for one, n in named.items() if n > 1)


def functions_begun(lines: Iterable[str]) -> list[tuple[str, float]]:
    """(operation, when) of every call of a function, from the workers' journal."""
    notes = [json.loads(line) for line in lines if line.endswith("}\n")]
    return [(note["op"], note["at"]) for note in notes if note["word"] == "begun"]


def _name(execution: UUID) -> str:
    return format_execution(execution)
