"""Impact reports by worker programs: the server only hands out work and adds up."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncGenerator, Iterator

from engine.adapters.postgres.histories import PostgresHistories
from engine.adapters.postgres.pool import Database
from engine.core.timetravel.impact_tally import Tally
from engine.model.errors import Unavailable
from server.api.door.impact_reports import ImpactBusy, Progress, Question
from server.app.impact_messages import (
    ID_BYTES,
    Answer,
    Begin,
    Broken,
    Compare,
    Compared,
    Order,
    framed,
    read_answer,
)
from server.embedded.child import launcher_command

CHUNK = 256
"""Executions of one order."""

MAX_EVENTS = 20_000
"""Events of an execution that is compared; longer ones are named and skipped."""

MAX_WORKERS = 8


class ImpactWorkers:
    """Implements `server.api.door.impact_reports.ImpactReports`. `master_key_file`: where workers
    find what opens sealed data ("": nothing is sealed); `width`: worker programs at once."""

    def __init__(
        self, database: Database, master_key_file: str = "", width: int | None = None
    ) -> None:
        self._database = database
        self._master_key_file = master_key_file
        self._histories = PostgresHistories(database)
        self._width = width or min(MAX_WORKERS, len(os.sched_getaffinity(0)))
        self._busy = False

    async def report(self, question: Question) -> AsyncGenerator[Progress | Tally, None]:
        if self._busy:
            raise ImpactBusy("an impact report is being made; this server makes one at a time")
        self._busy = True
        try:
            ids = await self._histories.born(
                question.namespace, question.workflow, question.versions, question.since_ms,
                question.before_ms, question.limit,
            )  # fmt: skip
            tally = Tally()
            done, total = 0, len(ids) // ID_BYTES
            yield Progress(0, total, 0)
            async with contextlib.aclosing(self._compared(self._begin(question), ids)) as parts:
                async for count, part in parts:
                    done += count
                    tally.merge(part)
                    yield Progress(done, total, tally.executions - tally.same)
            yield tally
        finally:
            self._busy = False

    def _begin(self, question: Question) -> Begin:
        statuses = question.statuses
        return Begin(
            self._database.dsn, self._master_key_file, question.namespace, question.source,
            question.media_type, question.resources,
            None if statuses is None else list(statuses), MAX_EVENTS,
        )  # fmt: skip

    async def _compared(self, begin: Begin, ids: bytes) -> AsyncGenerator[tuple[int, Tally], None]:
        """What was found, piece by piece, with how many executions each piece is about."""
        size = CHUNK * ID_BYTES
        chunks = [ids[first : first + size] for first in range(0, len(ids), size)]
        crew = _Crew(begin, iter(chunks))
        tasks = [asyncio.create_task(crew.work()) for _ in range(min(self._width, len(chunks)))]
        try:
            for _ in chunks:
                piece = await crew.found.get()
                if isinstance(piece, Exception):
                    raise piece
                yield piece
        finally:
            crew.stop()
            await asyncio.gather(*tasks)


class _Crew:
    """The workers of one report. They take pieces until none are left; `found` gets what each piece
    gave, with how many executions it is about, or what went wrong."""

    def __init__(self, begin: Begin, left: Iterator[bytes]) -> None:
        self._begin, self._left = begin, left
        self.found: asyncio.Queue[tuple[int, Tally] | Exception] = asyncio.Queue()
        self._processes: list[asyncio.subprocess.Process] = []
        self._stopped = False

    async def work(self) -> None:
        """One worker, from its start to its end. It is never cancelled, but killed: half a start
        cannot be taken back."""
        try:
            process = await asyncio.create_subprocess_exec(
                *_command(), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL, start_new_session=True,
            )  # fmt: skip
            self._processes.append(process)
            try:
                await self._ask_all(process)
            finally:
                _kill(process)
                await process.communicate()
        except Exception as fault:  # noqa: BLE001 - told to who waits for the pieces
            self.found.put_nowait(fault)

    async def _ask_all(self, process: asyncio.subprocess.Process) -> None:
        if self._stopped:
            return
        await _asked(process, self._begin)
        for chunk in self._left:
            answer = await _asked(process, Compare(chunk))
            assert isinstance(answer, Compared), "that is what was asked for"
            self.found.put_nowait((len(chunk) // ID_BYTES, answer.tally))

    def stop(self) -> None:
        """Kill them, whatever they do."""
        self._stopped = True
        for process in self._processes:
            _kill(process)


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()


async def _asked(process: asyncio.subprocess.Process, order: Order) -> Answer:
    assert process.stdin is not None, "a pipe"
    assert process.stdout is not None, "a pipe"
    try:
        process.stdin.write(framed(order))
        await process.stdin.drain()
        answer = await read_answer(process.stdout)
    except (asyncio.IncompleteReadError, ConnectionError):
        raise Unavailable("a worker of the impact report ended early; ask again") from None
    if isinstance(answer, Broken):
        raise Unavailable(answer.message)
    return answer


def _command() -> tuple[str, ...]:
    """It does not outlive this program, however that ends."""
    launcher = launcher_command(signal.SIGKILL)
    return (*launcher, sys.executable, "-P", "-m", "server.app.impact_worker")
