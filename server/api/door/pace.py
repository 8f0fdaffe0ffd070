"""Long work in the event loop: it lets the others in every few milliseconds."""

import asyncio
import time

SLICE_S = 0.004
"""How long work may keep the loop. An engine may share it: its leases and commits go on."""


class Pace:
    """Told between pieces of work; gives the loop away when a slice is over."""

    def __init__(self) -> None:
        self._since = time.perf_counter()

    async def breathe(self) -> None:
        """Let others run if it is their turn."""
        if time.perf_counter() - self._since > SLICE_S:
            await asyncio.sleep(0)
            self._since = time.perf_counter()
