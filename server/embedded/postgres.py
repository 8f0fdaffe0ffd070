"""A Postgres server of our own: one cluster in a data directory, reached by a unix socket only."""

import asyncio
import contextlib
import os
import re
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import asyncpg

from server.embedded.account import (
    Account,
    closed_directory,
    make_data_directory,
    service_account,
)
from server.embedded.binaries import PostgresBinaries, copy_wheel, find_postgres
from server.embedded.child import Child, Launch
from server.embedded.errors import PlaceUnusable, ServiceFailed
from server.embedded.ownership import DirectoryLock, end_leftovers, kill_programs, programs_in
from server.embedded.placement import SOCKET_NAME, cluster_home, socket_directory

_PROGRAM = "postgres"
# fsync, full_page_writes and synchronous_commit stay as they are: on.
_SETTINGS = {
    "listen_addresses": "",
    "port": "5432",
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    "logging_collector": "off",
}
_INITDB = (
    *("--username=postgres", "--auth-local=trust", "--auth-host=reject"),
    *("--encoding=UTF8", "--locale=C", "--data-checksums", "--no-instructions"),
)
_POLL_S = 0.03


class EmbeddedPostgres:
    """One server. `start_timeout_s` bounds recovery after a crash too, so it is generous.

    The socket needs no password: its directory is private (0700) to the account of the server.
    With `die_with_parent` the server shuts down when the thread that called `start` ends, however
    it ends; without, it lives on, and the next start of the same directory ends it first.
    """

    def __init__(
        self, data_dir: Path, *, die_with_parent: bool = True, start_timeout_s: float = 600.0
    ) -> None:
        self._data_dir = data_dir
        self._death_signal = signal.SIGINT if die_with_parent else 0
        self._start_timeout_s = start_timeout_s
        self._lock = DirectoryLock(data_dir / "postgres.lock")
        self._cluster: Path | None = None
        self._sockets: Path | None = None
        self._url: str | None = None
        self._child: Child | None = None

    @property
    def url(self) -> str:
        """The address, as asyncpg and libpq take it. Known from the first start on."""
        if self._url is None:
            raise ServiceFailed("Postgres has not been started; call start() first")
        return self._url

    @property
    def pid(self) -> int:
        """The postmaster's pid."""
        if self._child is None:
            raise ServiceFailed("Postgres is not running; call start() first")
        return self._child.pid

    @property
    def log_path(self) -> Path:
        return self._data_dir / "postgres.log"

    async def start(self) -> str:
        """Make the cluster if there is none, recover it if need be; the URL, once it answers.

        Raises ProgramMissing, AlreadyRunning, PlaceUnusable or ServiceFailed.
        """
        if self._child is not None and self._child.exit_code is None:
            return self.url
        make_data_directory(self._data_dir)
        self._lock.acquire()
        try:
            return await self._start_owned()
        except BaseException:
            await self._abandon()
            raise

    async def _start_owned(self) -> str:
        home = cluster_home(self._data_dir, service_account(_newest_cluster(self._data_dir)))
        existing = _newest_cluster(home)
        account = service_account(existing)
        binaries = await find_postgres(None if existing is None else _major_of(existing))
        cluster = existing or home / f"postgres-{binaries.major}"
        executables = _readable(binaries, home, account)
        if existing is None:
            await self._make_cluster(executables, cluster, account)
        self._cluster = cluster
        self._sockets = socket_directory(cluster, account)
        await self._clear(cluster, self._sockets)
        host = quote(str(self._sockets))
        self._url = f"postgresql://postgres@/postgres?host={host}&port=5432"
        settings = {**_SETTINGS, "unix_socket_directories": str(self._sockets)}
        arguments = [part for item in settings.items() for part in ("-c", "=".join(item))]
        self._child = await self._launch(
            executables / "postgres", ("-D", str(cluster), *arguments), cluster, account
        )
        await self._ready(self._child)
        return self._url

    async def _launch(
        self, program: Path, arguments: Sequence[str], directory: Path, account: Account | None
    ) -> Child:
        return await Child.start(
            Launch(
                program=program,
                arguments=arguments,
                directory=directory,
                log=self.log_path,
                account=account,
                death_signal=self._death_signal,
            )
        )

    async def _make_cluster(
        self, executables: Path, cluster: Path, account: Account | None
    ) -> None:
        """Made under another name and renamed: an interrupted initdb leaves no half cluster."""
        unfinished = cluster.with_name(cluster.name + ".unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if account is not None:
            os.chown(unfinished, account.uid, account.gid)
        arguments = (*_INITDB, "--pgdata", str(unfinished))
        child = await self._launch(executables / "initdb", arguments, unfinished, account)
        try:
            exit_code = await child.wait()
        except asyncio.CancelledError:
            await child.kill()
            raise
        if exit_code != 0:
            raise ServiceFailed(f"initdb failed; {self.log_path} ends with:\n{child.log_tail()}")
        unfinished.rename(cluster)

    async def _clear(self, cluster: Path, sockets: Path) -> None:
        """Leave nothing of an earlier owner: no program, and then no pid file or lock either.

        Postgres finds its own stale files, except where the pid is a zombie's or has gone to
        another program. They are removed only when no server or backend runs in the cluster.
        """
        if not os.access(cluster / "PG_VERSION", os.R_OK):
            raise PlaceUnusable(
                f"{cluster} is not readable for this user or is no Postgres cluster;"
                " start Refold as the user it belongs to, or give another data directory"
            )
        await end_leftovers(cluster, _PROGRAM, signal.SIGINT)
        for stale in (cluster / "postmaster.pid", sockets / f"{SOCKET_NAME}.lock"):
            stale.unlink(missing_ok=True)

    async def _ready(self, child: Child) -> None:
        """Poll until a connection is answered; recovery may take long, so only death is fatal."""
        try:
            async with asyncio.timeout(self._start_timeout_s):
                while not await _answers(self.url):
                    if child.exit_code is not None:
                        raise ServiceFailed(
                            f"Postgres ended with {child.exit_code} before it was ready;"
                            f" {self.log_path} ends with:\n{child.log_tail()}"
                        )
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise ServiceFailed(
                f"Postgres was not ready after {self._start_timeout_s:g} s;"
                f" {self.log_path} ends with:\n{child.log_tail()}"
            ) from None

    async def _abandon(self) -> None:
        if self._child is not None:
            await self.kill()
        self._lock.release()

    async def wait(self) -> int:
        """Wait until the server ends, by itself or by `stop` or `kill`; its exit code."""
        if self._child is None:
            raise ServiceFailed("Postgres is not running; call start() first")
        return await self._child.wait()

    async def stop(self) -> None:
        """Shut down in order: open transactions are rolled back. Safe to call twice."""
        if self._child is not None:
            await self._child.stop((signal.SIGINT, 30.0), (signal.SIGQUIT, 10.0))
            self._child = None
        if self._cluster is not None:
            await kill_programs(self._cluster, _PROGRAM)
        if self._sockets is not None:
            shutil.rmtree(self._sockets, ignore_errors=True)
        self._lock.release()

    async def kill(self) -> None:
        """SIGKILL the postmaster and all its children at once: a crash, for demo and tests.

        The directory stays ours; `restart` recovers it.
        """
        if self._child is None or self._cluster is None:
            return
        for pid in programs_in(self._cluster, _PROGRAM):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await self._child.kill()
        await kill_programs(self._cluster, _PROGRAM)
        self._child = None

    async def restart(self) -> str:
        """Start again, after a stop if it still runs. The URL stays the same."""
        await self.stop()
        return await self.start()

    async def __aenter__(self) -> "EmbeddedPostgres":
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()


def _newest_cluster(home: Path) -> Path | None:
    """The cluster that is there; the newest, if an upgrade left two."""
    clusters = [path for path in home.glob("postgres-*") if re.fullmatch(r"\d+", path.name[9:])]
    return max(clusters, key=_major_of, default=None)


def _major_of(cluster: Path) -> int:
    return int(cluster.name.removeprefix("postgres-"))


def _readable(binaries: PostgresBinaries, home: Path, account: Account | None) -> Path:
    """The directory of the executables, where the account can read them."""
    closed = closed_directory(binaries.directory, account)
    if closed is None:
        return binaries.directory
    if binaries.from_wheel:
        return copy_wheel(home / f"binaries-{binaries.major}")
    raise PlaceUnusable(
        f"Postgres runs as `nobody`, who may not enter {closed}; set REFOLD_POSTGRES_BIN to"
        " binaries in a directory that every user may enter"
    )


async def _answers(url: str) -> bool:
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False  # not up yet, or still recovering; TimeoutError is an OSError
    await connection.close(timeout=5)
    return True
