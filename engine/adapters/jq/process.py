"""One worker process as seen from the engine: started, asked, timed, killed."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_WORKER_FILE: Final = Path(__file__).with_name("worker.py")
_START_TIME_LIMIT_S: Final = 10.0
_LENGTHS: Final = 4


class WorkerLost(Exception):
    """The worker ended, or was killed for taking too long; `timed_out` tells which."""

    def __init__(self, *, timed_out: bool) -> None:
        super().__init__("time limit" if timed_out else "ended")
        self.timed_out = timed_out


@dataclass(frozen=True, slots=True)
class Question:
    """`letter`: E to evaluate, C to check. `names`: the variables the program may use."""

    letter: bytes
    names: tuple[str, ...]
    source: str
    variables: bytes
    input: bytes

    def frame(self) -> bytes:
        texts = (",".join(self.names).encode(), self.source.encode(), self.variables, self.input)
        return b"".join(
            (self.letter, *(len(text).to_bytes(_LENGTHS, "big") for text in texts), *texts)
        )


@dataclass(frozen=True, slots=True)
class Reply:
    """`letter`: V value, F failed, L limit, S syntax."""

    letter: bytes
    text: bytes


class WorkerProcess:
    """A place for a process, which may be started anew after a loss."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int | None:
        """The process id while one is running."""
        process = self._process
        return None if process is None or process.returncode is not None else process.pid

    async def start(self) -> None:
        """Start a process and wait until it answers. Raises `WorkerLost` where it cannot run."""
        await self.kill()
        try:
            await self._spawn()
        except OSError:
            raise WorkerLost(timed_out=False) from None
        self.send([Question(b"C", (), ".", b"", b"")])
        await self.receive(_START_TIME_LIMIT_S)

    async def _spawn(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", str(_WORKER_FILE), _jq_file(), str(os.getpid())),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={"TZ": "UTC", "LC_ALL": "C.UTF-8"},
            cwd="/",
            start_new_session=True,
        )

    def send(self, questions: list[Question]) -> None:
        """Hand over questions; the answers come in their order."""
        process = self._process
        assert process is not None, "only a started worker is asked"
        assert process.stdin is not None, "standard input is a pipe"
        process.stdin.write(b"".join(question.frame() for question in questions))

    async def receive(self, time_limit_s: float) -> Reply:
        """The next answer. Raises `WorkerLost`; the process is dead then."""
        process = self._process
        if process is None:
            raise WorkerLost(timed_out=False)
        assert process.stdout is not None, "standard output is a pipe"
        try:
            async with asyncio.timeout(time_limit_s):
                head = await process.stdout.readexactly(1 + _LENGTHS)
                text = await process.stdout.readexactly(int.from_bytes(head[1:], "big"))
        except TimeoutError:
            await self.kill()
            raise WorkerLost(timed_out=True) from None
        except (asyncio.IncompleteReadError, ConnectionError):
            await self.kill()
            raise WorkerLost(timed_out=False) from None
        return Reply(head[:1], text)

    async def kill(self) -> None:
        """End the process, whatever it is doing, and wait for its end."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        if process.stdin is not None:
            process.stdin.close()
        await asyncio.shield(process.wait())


def _jq_file() -> str:
    """The file of the extension module `jq`, found without loading it into this process."""
    spec = importlib.util.find_spec("jq")
    if spec is None or spec.origin is None:
        raise RuntimeError("the package jq is not installed; run `make install`")
    return spec.origin
