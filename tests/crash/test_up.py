"""`refold up`, killed with all that it had started, goes on from its data directory."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import asyncpg
import pytest

from engine.model.ids import parse_execution
from server.embedded.ownership import programs_in
from tests.crash import delivery, invariants
from tests.crash.client import Client
from tests.crash.cluster import HERE, free_port
from tests.crash.journal import Journal
from tests.crash.stub import Stub

_REFOLD = Path(sys.executable).with_name("refold")
_LIMIT_S = 120


class Up:
    """The program and the places that it tells when it is ready."""

    def __init__(self, home: Path) -> None:
        self._home = home
        self._port = free_port()
        self._child: asyncio.subprocess.Process | None = None
        self.places: dict[str, str] = {}

    async def start(self) -> None:
        self._child = await asyncio.create_subprocess_exec(
            str(_REFOLD), "up", "--data", str(self._home / "data"), "--http",
            f"127.0.0.1:{self._port}", "--nats", "127.0.0.1:0", "--functions",
            str(HERE / "functions"), "-o", "json",
            stdout=asyncio.subprocess.PIPE,
            env={
                **{k: v for k, v in os.environ.items() if not k.startswith("REFOLD_")},
                "REFOLD_LEASE_TTL_MS": "1500",
                "PYTHONPATH": str(HERE.parents[1]),
                "CRASH_JOURNAL": str(self._home / "work.jsonl"),
            },
        )  # fmt: skip
        assert self._child.stdout is not None
        async with asyncio.timeout(_LIMIT_S):
            self.places = json.loads(await self._child.stdout.readline())

    async def kill(self) -> None:
        """SIGKILL of the program, of Postgres and of NATS."""
        assert self._child is not None
        connection = await asyncpg.connect(self.places["database"])
        cluster = Path(await connection.fetchval("SHOW data_directory"))
        connection.terminate()
        nats = self._home / "data" / "nats"
        victims = [*programs_in(cluster, "postgres"), *programs_in(nats, "nats-server")]
        assert len(victims) > 2
        self._child.kill()
        for pid in victims:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        await self._child.wait()

    async def stop(self) -> int:
        assert self._child is not None
        if self._child.returncode is None:
            self._child.terminate()
        async with asyncio.timeout(_LIMIT_S):
            return await self._child.wait()


@asynccontextmanager
async def running(home: Path) -> AsyncIterator[Up]:
    up = Up(home)
    await up.start()
    try:
        yield up
    finally:
        await up.stop()


@pytest.mark.slow
async def test_refold_up_goes_on_after_everything_was_killed_at_once(service_dir: Path) -> None:
    service_dir.chmod(0o711)
    journal = Journal()
    async with running(service_dir) as up:
        stub = Stub(journal, 0, up.places["database"], _nobody)
        await stub.start()
        client = Client(up.places["http"], up.places["nats"], journal)
        await client.open()
        try:
            source = (HERE / "definitions" / "calls.sw.yaml").read_bytes()
            await client.apply(source.replace(b"STUB", stub.url.encode()))
            for number in range(2):
                ops = [f"u{number}n{n}" for n in range(8)]
                await asyncio.gather(*(_start(client, journal, op) for op in ops))
                await up.kill()
                await up.start()
                await asyncio.gather(*(_start(client, journal, op) for op in ops))
            await _until_closed(up, journal)
            await _check(up, journal, stub)
        finally:
            await client.close()
            await stub.stop()
        assert await up.stop() == 0


async def _nobody(_op: str, _token: str, _how: str) -> None:
    """No callbacks here."""


async def _start(client: Client, journal: Journal, op: str) -> None:
    journal.ops[op] = "chaos-calls"
    await client.start(op, "chaos-calls", op, {"op": op})


async def _until_closed(up: Up, journal: Journal) -> None:
    wanted = {parse_execution(one.execution or "") for one in journal.starts.values()}
    connection = await asyncpg.connect(up.places["database"])
    try:
        async with asyncio.timeout(_LIMIT_S):
            while True:
                rows = await connection.fetch(
                    "SELECT execution_id FROM log.events WHERE type = 'ExecutionCompleted'"
                )
                if wanted <= {row["execution_id"] for row in rows}:
                    return
                await asyncio.sleep(0.1)
    finally:
        await connection.close()


async def _check(up: Up, journal: Journal, stub: Stub) -> None:
    connection = await asyncpg.connect(up.places["database"])
    try:
        log, found = await invariants.check_log(connection)
        await invariants.check_settled(connection, log, found)
        await invariants.check_births(connection, log, found)
    finally:
        await connection.close()
    delivery.check_starts(journal, log, found)
    delivery.check_outcomes(journal, log, found)
    delivery.check_actions(journal, [], log, found)
    delivery.check_answers(journal, stub.effects, log, found)
    assert found.all == []
    assert len(log.events) == len(journal.starts) == 16
