"""Real Postgres, real NATS, two engines, two workers, an API and a projector, each a program."""

import asyncio
import os
import shutil
import signal
import socket
import time
from contextlib import suppress
from pathlib import Path

import aiohttp
import asyncpg

from server.embedded import EmbeddedNats, EmbeddedPostgres
from server.embedded.ownership import programs_in
from tests.crash.proxy import Proxy
from tests.crash.roles import Role

HERE = Path(__file__).resolve().parent
LEASE_TTL_MS = 1_500
SHARDS = 16


class Cluster:
    """All programs of one run, below one directory."""

    def __init__(self, home: Path, log_level: str = "warning") -> None:
        self.home = home
        self.postgres = EmbeddedPostgres(home / "services")
        self.nats = EmbeddedNats(home / "services")
        self.roles: dict[str, Role] = {}
        self.proxy: Proxy | None = None
        self.api_url = f"http://127.0.0.1:{free_port()}"
        self.work_journal = home / "work.jsonl"
        self._log_level = log_level
        self._data_directory = home
        self._away: set[str] = set()
        self._back_at = 0.0

    @property
    def engines(self) -> list[Role]:
        return [role for name, role in self.roles.items() if name.startswith("engine")]

    @property
    def workers(self) -> list[Role]:
        return [role for name, role in self.roles.items() if name.startswith("worker")]

    async def start(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        await self.postgres.start()
        await self.nats.start()
        connection = await asyncpg.connect(self.postgres.url)
        self._data_directory = Path(await connection.fetchval("SHOW data_directory"))
        await connection.close()
        self.proxy = Proxy(self.home / "proxy", self.postgres.url)
        await self.proxy.start()
        direct, proxied = self._environment(self.postgres.url), self._environment(self.proxy.url)
        # The proxied engine migrates beside the others, as in a rolling start.
        for name, roles, environment in (
            ("api", "api", direct),
            ("engine1", "engine", direct),
            ("engine2", "engine", proxied),
            ("projector", "projector", direct),
            ("worker1", "worker", direct),
            ("worker2", "worker", direct),
        ):
            self.roles[name] = Role(name, roles, self.home, environment, self._outage_since)
            self.roles[name].start()
        await self.until_ready()

    def _environment(self, database: str) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(self.home),
            # The sources that this very test belongs to, wherever refold is installed.
            "PYTHONPATH": str(HERE.parents[1]),
            "REFOLD_DATABASE_URL": database,
            "REFOLD_NATS_URL": self.nats.url,
            "REFOLD_HTTP": self.api_url.removeprefix("http://"),
            "REFOLD_SHARDS": str(SHARDS),
            "REFOLD_LEASE_TTL_MS": str(LEASE_TTL_MS),
            "REFOLD_FUNCTIONS_DIR": str(HERE / "functions"),
            "REFOLD_EGRESS_ALLOW": "127.0.0.1/32",
            "REFOLD_EXPRESSION_WORKERS": "1",
            "REFOLD_DATABASE_CONNECTIONS": "6",
            "REFOLD_LOG_LEVEL": self._log_level,
            "CRASH_JOURNAL": str(self.work_journal),
        }

    async def until_ready(self, limit_s: float = 120.0) -> None:
        """The API answers and every shard has an owner that lives."""
        async with asyncio.timeout(limit_s), aiohttp.ClientSession() as session:
            while not await self._is_ready(session):
                await asyncio.sleep(0.1)

    async def _is_ready(self, session: aiohttp.ClientSession) -> bool:
        try:
            async with session.get(f"{self.api_url}/readyz") as response:
                if response.status != 200:
                    return False
            connection = await asyncpg.connect(self.postgres.url, timeout=5)
            try:
                free = await connection.fetchval(
                    "SELECT count(*) FROM log.shards"
                    " WHERE owner IS NULL OR expires_at < log.now_ms_v1()"
                )
            finally:
                await connection.close()
        except (OSError, aiohttp.ClientError, asyncpg.PostgresError, asyncpg.InterfaceError):
            return False
        return bool(free == 0)

    async def kill_postgres(self, down_s: float) -> None:
        """SIGKILL of the postmaster and all its children, then recovery."""
        self._gone("postgres")
        await self.postgres.kill()
        await asyncio.sleep(down_s)
        await self.postgres.restart()
        self._back("postgres")

    async def recovering(self) -> None:
        """After the kill of one backend: wait until the postmaster has started all anew."""
        self._gone("postgres")
        await asyncio.sleep(0.05)
        async with asyncio.timeout(60):
            while True:
                try:
                    connection = await asyncpg.connect(self.postgres.url, timeout=5)
                    await connection.close()
                    break
                except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    await asyncio.sleep(0.05)
        self._back("postgres")

    async def freeze_postgres(self, seconds: float) -> None:
        """SIGSTOP of the postmaster and all its children: connections stay and nothing answers."""
        self._gone("postgres")
        await _frozen(programs_in(self._data_directory, "postgres"), seconds)
        self._back("postgres")

    async def freeze_nats(self, seconds: float) -> None:
        """SIGSTOP of the server."""
        self._gone("nats")
        await _frozen([self.nats.pid], seconds)
        self._back("nats")

    async def kill_everything(self, down_s: float) -> None:
        """SIGKILL of all programs and services at once, as if the machine had died."""
        self._gone("postgres")
        self._gone("nats")
        running = [role.kill(down_s) for role in self.roles.values() if role.pid is not None]
        await asyncio.gather(self.postgres.kill(), self.nats.kill(), *running)
        await asyncio.sleep(down_s)
        await asyncio.gather(self.postgres.restart(), self.nats.restart())
        self._back("postgres")
        self._back("nats")

    async def kill_nats(self, down_s: float, *, wipe: bool = False) -> None:
        """SIGKILL of the server; with `wipe` it comes back with an empty store."""
        self._gone("nats")
        await self.nats.kill()
        if wipe:
            for store in (self.home / "services" / "nats").glob("jetstream*"):
                shutil.rmtree(store)
        await asyncio.sleep(down_s)
        await self.nats.restart()
        self._back("nats")

    async def stop(self) -> None:
        """End all programs in order; services last."""
        await asyncio.gather(*(role.stop() for role in self.roles.values()))
        await self.close()

    async def close(self) -> None:
        if self.proxy is not None:
            await self.proxy.stop()
        with suppress(OSError):
            await self.nats.stop()
        await self.postgres.stop()

    def disturbed(self) -> None:
        """Connections were cut: who is starting now may give up."""
        self._back_at = time.time()

    def _gone(self, service: str) -> None:
        self._away.add(service)

    def _back(self, service: str) -> None:
        self._away.discard(service)
        self._back_at = time.time()

    def _outage_since(self, since: float) -> bool:
        return bool(self._away) or self._back_at >= since


async def _frozen(pids: list[int], seconds: float) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
    try:
        await asyncio.sleep(seconds)
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def free_port() -> int:
    """A port that nobody listens on now; it stays the same over restarts of the API."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
