"""One `refold serve` program, started again whenever it ends, as an init system would."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from server.embedded.child import Child, Launch

_REFOLD = Path(sys.executable).with_name("refold")
_PAUSE_S = 0.3
_STARTING_S = 45.0
_STOPPING_S = 40.0


class Role:
    """A program of some roles. `outage_since(t)`: whether a service was away at any time since t:
    a program that is only starting then may give up, a running one may not."""

    def __init__(
        self,
        name: str,
        roles: str,
        home: Path,
        environment: Mapping[str, str],
        outage_since: Callable[[float], bool],
    ) -> None:
        self.name = name
        self._roles = roles
        self._home = home
        self._environment = environment
        self._outage_since = outage_since
        self._child: Child | None = None
        self._began = 0.0
        self._expected = False
        self._stopping = False
        self._pause_s = _PAUSE_S
        self._task: asyncio.Task[None] | None = None
        self.frozen = False
        self.kills = 0
        self.ended_alone: list[str] = []

    @property
    def pid(self) -> int | None:
        """None while it does not run."""
        if self._child is None or self._child.exit_code is not None:
            return None
        return self._child.pid

    @property
    def running_since(self) -> float | None:
        """When the present run began, by `time.time`."""
        return None if self.pid is None else self._began

    @property
    def log_path(self) -> Path:
        return self._home / f"{self.name}.log"

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep_running())

    async def stop(self, grace_s: float = 20.0) -> None:
        """End it with SIGTERM. Raises TimeoutError if it does not end: it must."""
        self._stopping = True
        self.thaw()
        child = self._child
        if child is not None and child.exit_code is None:
            with suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGTERM)
            try:
                await asyncio.wait_for(child.wait(), grace_s)
            except TimeoutError:
                await child.kill()
                self.ended_alone.append(f"{self.name} did not stop in {grace_s:g} s of SIGTERM")
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def kill(self, down_s: float) -> int:
        """SIGKILL; started again after `down_s` seconds. The pid that was killed."""
        child = self._child
        assert child is not None
        self._expected, self._pause_s = True, down_s
        self.kills += 1
        await child.kill()
        self.frozen = False
        return child.pid

    async def end(self, down_s: float) -> int:
        """SIGTERM, as for a new release; started again after `down_s` seconds. The exit code, which
        has to be 0."""
        child = self._child
        assert child is not None
        self._expected, self._pause_s = True, down_s
        with suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGTERM)
        try:
            code = await asyncio.wait_for(child.wait(), _STOPPING_S)
        except TimeoutError:
            self.ended_alone.append(f"{self.name} did not stop in {_STOPPING_S:g} s of SIGTERM")
            await child.kill()
            return -signal.SIGKILL
        if code not in (0, -signal.SIGTERM):
            self.ended_alone.append(f"{self.name} stopped with {code}: {child.log_tail()[-600:]}")
        return code

    def freeze(self) -> int:
        """SIGSTOP; the pid."""
        assert self.pid is not None
        os.kill(self.pid, signal.SIGSTOP)
        self.frozen = True
        return self.pid

    def thaw(self) -> None:
        """SIGCONT."""
        if self.frozen and self.pid is not None:
            os.kill(self.pid, signal.SIGCONT)
        self.frozen = False

    async def _keep_running(self) -> None:
        while not self._stopping:
            self._began, self._expected = time.time(), False
            self._child = await Child.start(
                Launch(
                    program=_REFOLD,
                    arguments=("serve", "--role", self._roles),
                    directory=self._home,
                    log=self.log_path,
                    death_signal=signal.SIGKILL,
                    environment=self._environment,
                )
            )
            code = await self._child.wait()
            if not self._expected and not self._stopping:
                self._judge(code)
            await asyncio.sleep(self._pause_s)
            self._pause_s = _PAUSE_S

    def _judge(self, code: int) -> None:
        lived = time.time() - self._began
        if lived < _STARTING_S and self._outage_since(self._began - 1):
            return
        assert self._child is not None
        self.ended_alone.append(
            f"{self.name} ended by itself with {code} after {lived:.1f} s:"
            f" {self._child.log_tail()[-600:]}"
        )
