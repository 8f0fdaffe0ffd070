"""One child program: started through the launcher, watched, stopped, killed.

It is a direct child that we wait for. An orphan under a PID 1 that does not reap stays a zombie,
and to a zombie's pid file both Postgres and a naive check say "still running".
"""

import asyncio
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from server.embedded.account import Account

_LAUNCHER = Path(__file__).with_name("launcher.py")
_LOG_LIMIT_BYTES = 16 * 1024 * 1024
_TAIL_BYTES = 4096
_PRIVATE_UMASK = 0o077


@dataclass(frozen=True)
class Launch:
    """What to run. `death_signal` is sent by the kernel when our own process dies, 0: none.

    The kernel counts the end of the *thread* that started the child as the parent's death: start
    children from a thread that lives as long as they should.
    """

    program: Path
    arguments: Sequence[str]
    directory: Path
    log: Path
    account: Account | None = None
    death_signal: int = 0
    environment: Mapping[str, str] = field(default_factory=dict)


class Child:
    """A running program, in a session of its own so that Ctrl-C reaches only us."""

    def __init__(
        self, process: asyncio.subprocess.Process, log: Path | None = None, log_start: int = 0
    ) -> None:
        self._process = process
        self._log = log
        self._log_start = log_start

    @classmethod
    async def start(cls, launch: Launch) -> "Child":
        """Start it. Output goes to the end of the log file, which is turned over at 16 MiB."""
        with _opened(launch.log) as log:
            log_start = log.tell()
            process = await asyncio.create_subprocess_exec(
                *launcher_command(launch.death_signal, launch.account, _PRIVATE_UMASK),
                *(str(launch.program), *launch.arguments),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=launch.directory,
                env={"PATH": os.defpath, "LC_ALL": "C", **launch.environment},
                start_new_session=True,
            )
        return cls(process, launch.log, log_start)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative: the signal that ended it."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait for its end."""
        return await self._process.wait()

    async def stop(self, *steps: tuple[signal.Signals, float]) -> None:
        """Send each signal in turn, wait up to so many seconds after each, then SIGKILL."""
        for number, grace_s in steps:
            self._send(number)
            try:
                await asyncio.wait_for(self.wait(), grace_s)
            except TimeoutError:
                continue
            return
        await self.kill()

    async def kill(self) -> None:
        """SIGKILL, and wait until it is gone."""
        self._send(signal.SIGKILL)
        await self.wait()

    def log_tail(self) -> str:
        """The last lines that it wrote, not a run before it; for error messages."""
        if self._log is None:
            return ""
        with self._log.open("rb") as log:
            log.seek(max(self._log_start, self._log.stat().st_size - _TAIL_BYTES))
            return log.read().decode(errors="replace").strip()

    def _send(self, number: signal.Signals) -> None:
        """By pid: `send_signal` of asyncio may reap the child, and its exit code is then lost."""
        if self._process.returncode is None:
            with suppress(ProcessLookupError):  # ended a moment ago; `wait` will see it
                os.kill(self._process.pid, number)


def launcher_command(
    death_signal: int, account: Account | None = None, umask: int = -1
) -> tuple[str, ...]:
    """What goes before a program and its arguments. `umask` -1: ours."""
    uid, gid = (-1, -1) if account is None else (account.uid, account.gid)
    numbers = (os.getpid(), int(death_signal), uid, gid, umask)
    return (sys.executable, "-I", "-S", str(_LAUNCHER), *(str(number) for number in numbers))


def _opened(log: Path) -> BinaryIO:
    """The log, to write to its end. Logs may tell of data: nobody else may read them."""
    if log.exists() and log.stat().st_size > _LOG_LIMIT_BYTES:
        log.replace(log.with_name(log.name + ".1"))
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    os.fchmod(descriptor, 0o600)  # one of an earlier version may be open to all
    return os.fdopen(descriptor, "ab")
