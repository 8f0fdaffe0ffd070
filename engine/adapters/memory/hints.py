"""Hints within one process."""

from collections.abc import Awaitable, Callable

Wake = Callable[[str], None]


class MemoryHints:
    """Calls those who listen, at once and in this loop; the twin of NATS hints."""

    def __init__(self) -> None:
        self._wakes: dict[str, list[Wake]] = {}

    async def notify(self, topic: str) -> None:
        """Wake whoever listens to the topic or to its family (last part `*`)."""
        family = f"{topic.rpartition('.')[0]}.*"
        for wake in [*self._wakes.get(topic, ()), *self._wakes.get(family, ())]:
            wake(topic)

    async def listen(self, topic: str, wake: Wake) -> Callable[[], Awaitable[None]]:
        """Call `wake(topic)` on each hint; returns what ends it."""
        self._wakes.setdefault(topic, []).append(wake)

        async def end() -> None:
            wakes = self._wakes.get(topic, [])
            if wake in wakes:
                wakes.remove(wake)
            if not wakes:
                self._wakes.pop(topic, None)

        return end
