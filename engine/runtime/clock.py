"""The database's clock, read without asking the database each time."""

import time
from collections.abc import Callable

from engine.ports.storage import Leases


class DatabaseClock:
    """Samples the database's clock and goes on by the monotonic clock.

    A sample counts from the moment its answer is here, so the clock runs behind the database's by
    up to one round trip and never ahead of it: no timer fires early. It never goes back; after the
    database's clock was set back it stands still until that one has caught up.
    """

    def __init__(self, leases: Leases, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._leases = leases
        self._monotonic = monotonic
        self._sampled_ms = 0
        self._sampled_at = 0.0
        self._last = 0

    async def sample(self) -> None:
        """Ask the database. Raises Unavailable."""
        now = await self._leases.now_ms()
        self._sampled_at = self._monotonic()
        self._sampled_ms = now

    def now_ms(self) -> int:
        """Milliseconds since 1970, never going back."""
        passed = int((self._monotonic() - self._sampled_at) * 1000)
        self._last = max(self._last, self._sampled_ms + passed)
        return self._last
