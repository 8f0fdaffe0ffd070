"""What can break, one function each: strike at a random instant, say whether anything was hit."""

import asyncio
import os
import random
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field

import asyncpg

from tests.crash.cluster import LEASE_TTL_MS, Cluster
from tests.crash.journal import Journal
from tests.crash.proxy import Proxy
from tests.crash.roles import Role
from tests.crash.stub import Stub
from tests.crash.watch import Watch

_POLL_S = 0.02
_TAKEOVER_LIMIT_S = 120.0
_FROZEN_LIMIT_S = 30.0
"""A watchdog: however an owner is stuck, another engine has its shards long before."""


@dataclass
class Blow:
    """One fault as it went. `hit`: work was in flight in what was struck."""

    kind: str
    at: float
    hit: bool
    detail: str = ""


@dataclass
class Faults:
    """Strikes the cluster. `takeovers`: seconds from the loss of an engine until all its shards
    had another owner, measured only where another engine lived all the while."""

    cluster: Cluster
    watch: Watch
    journal: Journal
    stub: Stub
    chance: random.Random
    blows: list[Blow] = field(default_factory=list)
    takeovers: list[float] = field(default_factory=list)
    planned: int = 0
    not_taken: list[str] = field(default_factory=list)
    _begun: list[tuple[str, float]] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def kinds(self) -> dict[str, Callable[[], Awaitable[Blow]]]:
        return {
            "engine kill": self.kill_engine,
            "both engines kill": self.kill_both_engines,
            "engine freeze": self.freeze_engine,
            "freeze in a commit": self.freeze_in_commit,
            "requests delayed": self.delay_requests,
            "role stop": self.stop_role,
            "postgres kill": self.kill_postgres,
            "backend kill": self.kill_backend,
            "nats kill": self.kill_nats,
            "nats wipe": self.wipe_nats,
            "postgres freeze": self.freeze_postgres,
            "nats freeze": self.freeze_nats,
            "everything kill": self.kill_everything,
            "worker kill": self.kill_worker,
            "projector kill": self.kill_projector,
            "api kill": self.kill_api,
            "replies swallowed": self.swallow_replies,
        }

    async def strike(self, kind: str) -> None:
        """One fault of this kind, noted."""
        self.planned += 1
        self._begun.append((kind, time.time()))
        self.blows.append(await self.kinds[kind]())

    async def settle(self) -> None:
        """Wait for measurements under way."""
        await asyncio.gather(*self._tasks)

    @property
    def busy(self) -> bool:
        """Whether anything at all is in flight."""
        return bool(self.watch.open or self.watch.inbox or self.watch.unmatched)

    def _down_s(self) -> float:
        return self.chance.choice((0.0, 0.2, 1.0))

    async def _victim(self, roles: list[Role]) -> Role:
        """One that runs, chosen at random; waits for one to be up."""
        async with asyncio.timeout(60):
            while True:
                running = [one for one in roles if one.pid is not None and not one.frozen]
                if running:
                    return self.chance.choice(running)
                await asyncio.sleep(_POLL_S)

    async def _owner(self) -> tuple[Role, set[int]]:
        """An engine that owns shards with open executions, and those shards."""
        try:
            async with asyncio.timeout(30):
                while True:
                    victim = await self._victim(self.cluster.engines)
                    owned = await self._owned(victim.pid)
                    if owned and self.watch.open_in(owned):
                        return victim, owned
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            victim = await self._victim(self.cluster.engines)
            return victim, set()

    async def _owned(self, pid: int | None) -> set[int]:
        """Shards that the engine with this pid owns now."""
        rows = await self._query("SELECT shard, owner FROM log.shards WHERE owner IS NOT NULL")
        return {row["shard"] for row in rows if f"-{pid}-" in row["owner"]}

    async def _query(self, statement: str) -> list[asyncpg.Record]:
        try:
            connection = await asyncpg.connect(self.cluster.postgres.url, timeout=5)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return []
        try:
            return await connection.fetch(statement, timeout=5)
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return []
        finally:
            connection.terminate()

    async def kill_engine(self) -> Blow:
        victim, owned = await self._owner()
        hit = self.watch.open_in(owned) > 0
        began = time.time()
        pid = await victim.kill(self._down_s())
        self._measure(pid, victim, owned, began)
        return Blow("engine kill", began, hit, victim.name)

    async def stop_role(self) -> Blow:
        """SIGTERM of any program, as in a rolling upgrade: it ends by itself and in order."""
        victim = await self._victim(list(self.cluster.roles.values()))
        hit, began = self.busy, time.time()
        code = await victim.end(self._down_s())
        return Blow("role stop", began, hit, f"{victim.name} ended with {code}")

    async def kill_both_engines(self) -> Blow:
        first, owned = await self._owner()
        hit = self.watch.open_in(owned) > 0
        began = time.time()
        await asyncio.gather(
            *(one.kill(self._down_s()) for one in self.cluster.engines if one.pid is not None)
        )
        return Blow("both engines kill", began, hit, first.name)

    async def freeze_engine(self) -> Blow:
        """Stopped until another engine has its shards, then woken: it must not write."""
        victim, owned = await self._owner()
        hit = self.watch.open_in(owned) > 0
        began = time.time()
        pid = victim.freeze()
        took = self._measure(pid, victim, owned, began)
        await self._taken(took, victim)
        await asyncio.sleep(self.chance.uniform(0, 0.3))
        victim.thaw()
        return Blow("engine freeze", began, hit, victim.name)

    async def freeze_in_commit(self) -> Blow:
        """Stopped while its statements have run, hold the head rows and have not committed: the
        next owner has to end its sessions, and what was in them must never commit."""
        proxy, victim, owned = await self._proxied_owner()
        proxy.withhold(tails_only=True)
        try:
            await self._until(lambda: proxy.withheld > 0)
            await asyncio.sleep(self.chance.choice((0, 0.02, 0.2)))
            hit, began = proxy.withheld > 0 and self.watch.open_in(owned) > 0, time.time()
            pid = victim.freeze()
            took = self._measure(pid, victim, owned, began)
            await self._taken(took, victim)
        finally:
            proxy.release()
            self.cluster.disturbed()
        await asyncio.sleep(self.chance.uniform(0, 0.1))
        victim.thaw()
        return Blow("freeze in a commit", began, hit, f"{proxy.withheld} requests")

    async def delay_requests(self) -> Blow:
        """An append is under way so long that the shards have gone to another engine, which writes,
        before it arrives: it must be refused."""
        proxy, victim, owned = await self._proxied_owner()
        proxy.withhold(tails_only=False)
        try:
            await self._until(lambda: proxy.withheld_appends > 0)
            hit, began, pid = proxy.withheld_appends > 0, time.time(), victim.pid
            assert pid is not None
            took = self._measure(pid, victim, owned, began)
            await self._taken(took, victim)
            await asyncio.sleep(self.chance.choice((0, 0.1, 0.5)))
        finally:
            proxy.release()
            self.cluster.disturbed()
        return Blow("requests delayed", began, hit, f"{proxy.withheld_appends} appends")

    async def _proxied_owner(self) -> tuple[Proxy, Role, set[int]]:
        """The engine behind the proxy, once it owns shards with open executions."""
        proxy, victim = self.cluster.proxy, self.cluster.roles["engine2"]
        assert proxy is not None
        async with asyncio.timeout(60):
            while victim.pid is None or not self.watch.open_in(await self._owned(victim.pid)):
                await asyncio.sleep(_POLL_S)
        return proxy, victim, await self._owned(victim.pid)

    async def _until(self, holds: Callable[[], bool], limit_s: float = 5.0) -> None:
        """Wait until it holds, or some seconds: then the fault will have hit nothing."""
        until = time.monotonic() + limit_s
        while not holds() and time.monotonic() < until:
            await asyncio.sleep(0.001)

    async def _taken(self, took: asyncio.Task[None], victim: Role) -> None:
        """Wait until others have the shards of an engine that is stuck, not dead."""
        await asyncio.wait([took], timeout=_FROZEN_LIMIT_S)
        if not took.done():
            self.not_taken.append(f"nobody took over from {victim.name} while it was stuck")

    def _measure(self, pid: int, victim: Role, owned: set[int], began: float) -> asyncio.Task[None]:
        task = asyncio.create_task(self._until_taken(pid, victim, owned, began))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _until_taken(self, pid: int, victim: Role, owned: set[int], began: float) -> None:
        others = {
            one.name: one.running_since
            for one in self.cluster.engines
            if one is not victim and not one.frozen
        }
        with suppress(TimeoutError):
            async with asyncio.timeout(_TAKEOVER_LIMIT_S):
                while await self._still_of(pid, owned):
                    await asyncio.sleep(_POLL_S)
        took = time.time() - began
        lived = [
            one
            for one in self.cluster.engines
            if others.get(one.name) is not None and one.running_since == others[one.name]
        ]
        quiet = not any(
            at >= began - 5 and kind.split()[0] in ("postgres", "backend", "everything")
            for kind, at in self._begun
        )
        if owned and lived and quiet:
            self.takeovers.append(took)

    async def _still_of(self, pid: int, owned: set[int]) -> bool:
        rows = await self._query("SELECT shard, owner FROM log.shards")
        if not rows:
            return True
        mine = f"-{pid}-"
        return any(
            row["shard"] in owned and (row["owner"] is None or mine in row["owner"]) for row in rows
        )

    async def kill_postgres(self) -> Blow:
        hit, began = self.busy, time.time()
        await self.cluster.kill_postgres(self._down_s())
        return Blow("postgres kill", began, hit)

    async def kill_backend(self) -> Blow:
        """SIGKILL of one session of an engine: the postmaster ends all and recovers."""
        rows = await self._query(
            "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'refold/%'"
        )
        hit, began = self.busy and bool(rows), time.time()
        if rows:
            with suppress(ProcessLookupError):
                os.kill(self.chance.choice(rows)["pid"], signal.SIGKILL)
        await self.cluster.recovering()
        return Blow("backend kill", began, hit)

    async def kill_nats(self) -> Blow:
        hit, began = self.busy, time.time()
        await self.cluster.kill_nats(self._down_s())
        return Blow("nats kill", began, hit)

    async def wipe_nats(self) -> Blow:
        hit, began = self.busy, time.time()
        await self.cluster.kill_nats(self._down_s(), wipe=True)
        self.journal.wipes.append(time.time())
        return Blow("nats wipe", began, hit)

    async def freeze_postgres(self) -> Blow:
        """Stopped for about as long as a lease lives."""
        hit, began = self.busy, time.time()
        await self.cluster.freeze_postgres(self.chance.uniform(0.1, 2 * LEASE_TTL_MS / 1000))
        return Blow("postgres freeze", began, hit)

    async def freeze_nats(self) -> Blow:
        hit, began = self.busy, time.time()
        await self.cluster.freeze_nats(self.chance.uniform(0.1, 3.0))
        return Blow("nats freeze", began, hit)

    async def kill_everything(self) -> Blow:
        hit, began = self.busy, time.time()
        await self.cluster.kill_everything(self._down_s())
        return Blow("everything kill", began, hit)

    async def kill_worker(self) -> Blow:
        """In the middle of a call, if one comes within a few seconds."""
        victim = await self._victim(self.cluster.workers)
        async with asyncio.timeout(60):
            until = time.monotonic() + 5
            while not self._calls_running() and time.monotonic() < until:
                await asyncio.sleep(_POLL_S)
        victim = await self._victim(self.cluster.workers)
        hit, began = self._calls_running() > 0, time.time()
        await victim.kill(self._down_s())
        return Blow("worker kill", began, hit, victim.name)

    def _calls_running(self) -> int:
        """Calls of functions that were begun in the last seconds and have not ended."""
        try:
            with self.cluster.work_journal.open("rb") as file:
                file.seek(max(0, self.cluster.work_journal.stat().st_size - 6_000))
                lines = file.read().splitlines()[1:]
        except OSError:
            return 0
        ended = {line.split(b'"op": ')[1].split(b",")[0] for line in lines if b'"ended"' in line}
        recent = time.time() - 1
        return sum(
            1
            for line in lines
            if b'"begun"' in line
            and line.split(b'"op": ')[1].split(b",")[0] not in ended
            and float(line.rsplit(b" ", 1)[1].rstrip(b"}")) > recent
        )

    async def kill_projector(self) -> Blow:
        victim = await self._victim([self.cluster.roles["projector"]])
        hit, began = self.busy, time.time()
        await victim.kill(self._down_s())
        return Blow("projector kill", began, hit)

    async def kill_api(self) -> Blow:
        victim = await self._victim([self.cluster.roles["api"]])
        hit, began = self.busy, time.time()
        await victim.kill(self._down_s())
        return Blow("api kill", began, hit)

    async def swallow_replies(self) -> Blow:
        """The second engine's statements reach Postgres, the replies do not reach the engine."""
        assert self.cluster.proxy is not None
        began, lost = time.time(), 0
        while not lost and time.time() < began + 10:
            lost = await self.cluster.proxy.swallow(self.chance.uniform(0.02, 0.3))
            self.cluster.disturbed()
        return Blow("replies swallowed", began, lost > 0 and self.busy, f"{lost} bytes")
