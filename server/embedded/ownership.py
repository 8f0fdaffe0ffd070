"""One owner for a data directory, and nothing left over from the owner before."""

import asyncio
import fcntl
import os
import signal
from pathlib import Path

from server.embedded.errors import AlreadyRunning

_LEFTOVER_GRACE_S = 10.0
_POLL_S = 0.05


class DirectoryLock:
    """An exclusive flock on a file of the data directory; the kernel drops it when we die."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> None:
        """Take it, or raise AlreadyRunning with the pid of the owner. Taking it twice is fine."""
        if self._descriptor is not None:
            return
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
            os.close(descriptor)
            raise AlreadyRunning(
                f"{self._path.parent} is in use by another Refold (pid {owner});"
                " stop that one, or give another data directory"
            ) from None
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        self._descriptor = descriptor

    def release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def programs_in(directory: Path, name: str) -> list[int]:
    """Pids of the living programs called `name` whose working directory is `directory`.

    Both services run inside their directory, so this finds them, their children included, without
    trusting a pid file. A zombie has no working directory and is not found.
    """
    wanted = str(directory.resolve())
    return [
        int(entry.name)
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and _runs_in(entry, wanted, name)
    ]


def _runs_in(entry: Path, directory: str, name: str) -> bool:
    try:
        return (
            str((entry / "cwd").readlink()) == directory
            and (entry / "comm").read_text().strip() == name
        )
    except OSError:
        return False  # it ended meanwhile, or belongs to somebody else


async def end_leftovers(directory: Path, name: str, gently: signal.Signals) -> None:
    """End what a dead owner left running in `directory`. Call it holding the lock.

    First the gentle signal and some seconds, then SIGKILL, until none is left.
    """
    _signal_all(directory, name, gently)
    if not await _gone_within(directory, name, _LEFTOVER_GRACE_S):
        await kill_programs(directory, name)


async def kill_programs(directory: Path, name: str) -> None:
    """SIGKILL until none is left; asked again because a parent may fork meanwhile."""
    while programs_in(directory, name):
        _signal_all(directory, name, signal.SIGKILL)
        await asyncio.sleep(_POLL_S)


def _signal_all(directory: Path, name: str, number: signal.Signals) -> None:
    for pid in programs_in(directory, name):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


async def _gone_within(directory: Path, name: str, grace_s: float) -> bool:
    for _ in range(round(grace_s / _POLL_S)):
        if not programs_in(directory, name):
            return True
        await asyncio.sleep(_POLL_S)
    return False
