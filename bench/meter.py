"""Time, processor time and load of one measurement."""

import os
import time
from typing import Any, Self

import psutil


class Meter:
    """`with Meter(postgres=pid) as meter:` then `meter.wall_s`, `meter.cpu_s[name]`; `engine` is
    this process alone, other names are process trees."""

    def __init__(self, **pids: int) -> None:
        self._pids = pids
        self.wall_s = 0.0
        self.cpu_s: dict[str, float] = {}

    def __enter__(self) -> Self:
        self._before = self._cpu()
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.wall_s = time.perf_counter() - self._began
        after = self._cpu()
        self.cpu_s = {name: after[name] - self._before[name] for name in after}

    def _cpu(self) -> dict[str, float]:
        own = psutil.Process()
        used = {"engine": _seconds(own)}
        for name, pid in self._pids.items():
            tree = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
            used[name] = sum(_seconds(one, reaped=True) for one in tree)
        return used


def _seconds(one: psutil.Process, *, reaped: bool = False) -> float:
    try:
        times = one.cpu_times()
    except psutil.Error:
        return 0.0
    total = times.user + times.system
    return float(total + times.children_user + times.children_system if reaped else total)


def percentiles(seconds: list[float]) -> dict[str, float]:
    """p50 and p99 in ms."""
    ordered = sorted(seconds)
    pick = {"p50_ms": 0.50, "p99_ms": 0.99}
    last = len(ordered) - 1
    return {name: round(ordered[round(share * last)] * 1e3, 2) for name, share in pick.items()}


def load() -> float:
    """The load average of the last minute."""
    return round(os.getloadavg()[0], 2)


def rounded(values: dict[str, Any]) -> dict[str, Any]:
    """Floats with two digits."""
    return {k: round(v, 2) if isinstance(v, float) else v for k, v in values.items()}
