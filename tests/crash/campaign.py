"""One run: start everything, work, strike, be quiet, and then read the log."""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import nats

from engine.model.ids import format_event
from engine.ports.rows import EVENT_COLUMNS, EventRow, ShardHead
from projections.runner import Projector
from projections.store import ReadStore
from schemas.events.bodies import EventEmitted
from tests.crash import delivery, invariants
from tests.crash.client import Client
from tests.crash.cluster import Cluster
from tests.crash.faults import Blow, Faults
from tests.crash.invariants import Log, Violations
from tests.crash.journal import Journal
from tests.crash.stub import Stub
from tests.crash.watch import Watch
from tests.crash.workload import Workload

_CALM_LOOKS = 8
_OUTBOX_LIMIT_S = 60.0


@dataclass
class Outcome:
    """What a run gave. `seconds`: of the faults, of the quiet period, of the check."""

    seed: int
    blows: list[Blow]
    takeovers: list[float]
    planned: int
    journal: Journal
    violations: Violations
    rows: int
    commits: int
    executions: int
    snapshots: int
    calls: int
    postgres: str
    seconds: tuple[float, float, float]
    notes: list[str] = field(default_factory=list)

    @property
    def hits(self) -> int:
        return sum(blow.hit for blow in self.blows)

    @property
    def faults(self) -> list[str]:
        """Why the run failed; empty: it holds. A run that hit nothing has shown nothing."""
        found = list(self.violations.all)
        if self.hits < 0.9 * self.planned:
            found.append(f"only {self.hits} of {self.planned} faults hit anything: not a run")
        if self.journal.succeeded < 0.8 * self.journal.offered:
            found.append(
                f"only {self.journal.succeeded} of {self.journal.offered} operations succeeded"
            )
        return found


class Campaign:
    """A run below `home`. `kinds`: the faults in their order; `pause_s`: the longest time between
    two of them; `quiet_s`: the watchdog of the quiet period; `told`: of every blow as it fell."""

    def __init__(
        self,
        home: Path,
        seed: int,
        kinds: list[str],
        *,
        width: int = 16,
        late: float = 0.0,
        pause_s: float = 1.0,
        quiet_s: float = 180.0,
        told: Callable[[Blow], None] | None = None,
    ) -> None:
        self._seed = seed
        self._kinds = kinds
        self._pause_s = pause_s
        self._quiet_s = quiet_s
        self._told = told
        self._chance = random.Random(f"faults {seed}")
        self.journal = Journal()
        self.cluster = Cluster(home)
        self._width, self._late = width, late
        self._notes: list[str] = []
        self._postgres = ""

    async def run(self) -> Outcome:
        """Everything; the programs have ended when it returns or raises."""
        try:
            await self.cluster.start()
            return await self._run()
        finally:
            await self.cluster.stop()

    async def _run(self) -> Outcome:
        database = self.cluster.postgres.url
        client = Client(self.cluster.api_url, self.cluster.nats.url, self.journal)
        watch = Watch(database)
        workload = Workload(
            client, watch, self.journal, seed=self._seed, width=self._width, late=self._late
        )
        stub = Stub(self.journal, self._seed, database, workload.answer)
        await client.open()
        await stub.start()
        try:
            await workload.apply(stub.url)
            watch.start()
            began = time.monotonic()
            faults = await self._strike(workload, watch, stub)
            struck = time.monotonic()
            await self._be_quiet(workload, watch)
            calm = time.monotonic()
            log, found = await self._check(stub, watch)
            found.stuck.extend(faults.not_taken)
            times = (struck - began, calm - struck, time.monotonic() - calm)
            return self._outcome(faults, log, found, times)
        finally:
            await watch.stop()
            await stub.stop()
            await client.close()

    async def _strike(self, workload: Workload, watch: Watch, stub: Stub) -> Faults:
        faults = Faults(self.cluster, watch, self.journal, stub, self._chance)
        working = asyncio.create_task(workload.run())
        await asyncio.sleep(1.0)
        try:
            for kind in self._kinds:
                await asyncio.sleep(self._chance.uniform(0.0, self._pause_s))
                await faults.strike(kind)
                if self._told is not None:
                    self._told(faults.blows[-1])
                if working.done():
                    working.result()
        finally:
            workload.stop()
        await working
        await faults.settle()
        return faults

    async def _be_quiet(self, workload: Workload, watch: Watch) -> None:
        """No more faults: everything owed is sent, then all must come to rest by itself."""
        try:
            async with asyncio.timeout(self._quiet_s):
                await self.cluster.until_ready()
                await workload.finish()
                calm = 0
                while calm < _CALM_LOOKS:
                    await asyncio.sleep(0.15)
                    calm = calm + 1 if self._is_calm(watch) else 0
        except TimeoutError:
            self._notes.append(f"not everything came to rest within {self._quiet_s:g} s")

    def _is_calm(self, watch: Watch) -> bool:
        told = {event.id for event in self.journal.events.values() if event.acked}
        return not (watch.open or watch.inbox or watch.unmatched or told - watch.stored)

    async def _check(self, stub: Stub, watch: Watch) -> tuple[Log, Violations]:
        connection = await asyncpg.connect(self.cluster.postgres.url)
        try:
            self._postgres = f"PostgreSQL {await connection.fetchval('SHOW server_version')}"
            log, found = await invariants.check_log(connection)
            await invariants.check_takeovers(connection, watch.epochs, found)
            await invariants.check_settled(connection, log, found)
            await invariants.check_births(connection, log, found)
            await delivery.check_cloudevents(connection, self.journal, found)
            await self._check_projection(connection, log, found)
        finally:
            await connection.close()
        delivery.check_starts(self.journal, log, found)
        delivery.check_consumption(self.journal, log, found)
        delivery.check_outcomes(self.journal, log, found)
        delivery.check_actions(self.journal, self._work(), log, found)
        delivery.check_answers(self.journal, stub.effects, log, found)
        await self._check_published(log, found)
        found.broken.extend(one for role in self.cluster.roles.values() for one in role.ended_alone)
        return log, found

    def _work(self) -> list[tuple[str, float]]:
        if not self.cluster.work_journal.exists():
            return []
        with self.cluster.work_journal.open() as file:
            return invariants.functions_begun(file)

    async def _check_published(self, log: Log, found: Violations) -> None:
        """What executions produced went out, once, unless NATS lost its store afterwards."""
        wiped_at = max(self.journal.wipes, default=0.0)
        due = {
            format_event(execution, event.seq)
            for execution, events in log.events.items()
            for event in events
            if isinstance(event.body, EventEmitted)
            and log.committed_at[execution, event.seq] > wiped_at
        }
        until = time.monotonic() + _OUTBOX_LIMIT_S
        while due - (counts := await self._went_out()).keys() and time.monotonic() < until:
            await asyncio.sleep(0.5)
        for execution, events in log.events.items():
            for event in events:
                if not isinstance(event.body, EventEmitted):
                    continue
                times = counts.pop(format_event(execution, event.seq), 0)
                if times > 1:
                    found.doubled.append(f"produced CloudEvent {event.body.ref} of {execution}")
                elif not times and format_event(execution, event.seq) in due:
                    found.lost.append(f"produced CloudEvent {event.body.ref} of {execution}")
        found.broken.extend(f"{one} went out and is not in the log" for one in counts)

    async def _went_out(self) -> Counter[str]:
        """Ids of the CloudEvents in the outgoing stream."""
        connection = await nats.connect(self.cluster.nats.url)
        try:
            stream = connection.jetstream()
            left = (await stream.stream_info("REFOLD_OUT")).state.messages
            reader = await stream.subscribe("cloudevents.out.>", ordered_consumer=True)
            ids: Counter[str] = Counter()
            for _ in range(left):
                message = await reader.next_msg(timeout=30)
                ids[json.loads(message.data)["id"]] += 1
            return ids
        finally:
            await connection.close()

    async def _check_projection(
        self, connection: asyncpg.Connection, log: Log, found: Violations
    ) -> None:
        """The read tables, kept under fire, equal those that are built anew from the log."""
        pool = await asyncpg.create_pool(self.cluster.postgres.url, min_size=0, max_size=2)
        try:
            live, anew = ReadStore(pool), ReadStore(pool, generation=99)
            await live.open()
            await anew.open()
            async with asyncio.timeout(60):
                while await self._lag(connection, live):
                    await asyncio.sleep(0.1)
            projector = Projector(_Tail(connection), anew)
            while await projector.catch_up():
                continue
            if await live.fingerprint() != await anew.fingerprint():
                found.broken.append("the read tables differ from what the log projects to")
        except TimeoutError:
            found.stuck.append("the projector did not catch up")
        finally:
            pool.terminate()

    async def _lag(self, connection: asyncpg.Connection, store: ReadStore) -> bool:
        positions = await store.positions()
        heads = await connection.fetch("SELECT shard, last_position FROM log.shards")
        return any(positions.get(shard, 0) < last for shard, last in heads)

    def _outcome(
        self, faults: Faults, log: Log, found: Violations, times: tuple[float, float, float]
    ) -> Outcome:
        return Outcome(
            seed=self._seed,
            blows=faults.blows,
            takeovers=faults.takeovers,
            planned=faults.planned,
            journal=self.journal,
            violations=found,
            rows=log.rows,
            commits=log.commits,
            executions=len(log.events),
            snapshots=log.snapshots,
            calls=len(self.journal.arrivals),
            postgres=self._postgres,
            seconds=times,
            notes=self._notes,
        )


class _Tail:
    """The log as the projector reads it, over a plain connection."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    async def heads(self) -> list[ShardHead]:
        rows = await self._connection.fetch(
            "SELECT shard, owner, epoch, expires_at, last_position, commit_no, hash FROM log.shards"
        )
        return [ShardHead(*row) for row in rows]

    async def read_shard(
        self, shard: int, after: int, upto: int, limit: int = 5_000
    ) -> list[EventRow]:
        return await self._rows(
            "shard = $1 AND position > $2 AND position <= $3 ORDER BY position LIMIT $4",
            shard, after, upto, limit,
        )  # fmt: skip

    async def read_execution(
        self, execution_id: UUID, after: int = 0, limit: int = 10_000, upto: int | None = None
    ) -> list[EventRow]:
        return await self._rows(
            "execution_id = $1 AND seq > $2 AND seq <= COALESCE($4, seq) ORDER BY seq LIMIT $3",
            execution_id, after, limit, upto,
        )  # fmt: skip

    async def kept_snapshot(
        self, execution_id: UUID, after: int, upto: int | None, evolve_version: int
    ) -> None:
        """None is used: what is built here rests on events alone."""

    async def _rows(self, clause: str, *arguments: Any) -> list[EventRow]:
        columns = ", ".join(EventRow.__struct_fields__[:EVENT_COLUMNS])
        rows = await self._connection.fetch(
            f"SELECT {columns} FROM log.events WHERE {clause}", *arguments
        )
        return [EventRow(*row) for row in rows]
