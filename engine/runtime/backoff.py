"""How long to wait before trying again."""

from collections.abc import Callable


class Backoff:
    """Delays in seconds that double up to a maximum, each with full jitter (half to whole)."""

    def __init__(self, start_ms: int, max_ms: int, chance: Callable[[], float]) -> None:
        self._start = start_ms / 1000
        self._max = max_ms / 1000
        self._chance = chance
        self._next = self._start

    def delay(self) -> float:
        """The next delay."""
        delay = self._next * (0.5 + 0.5 * self._chance())
        self._next = min(self._next * 2, self._max)
        return delay

    def reset(self) -> None:
        """It worked: begin from the start again."""
        self._next = self._start
