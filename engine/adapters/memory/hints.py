"""Hints within one process."""

from collections.abc import Awaitable, Callable

Wake = Callable[[str], None]


def family_of(topic: str) -> str:
    """`closed.*` for `closed.ex_1`: all topics with the same beginning."""
    return f"{topic.rpartition('.')[0]}.*"


class MemoryHints:
    """Calls those who listen, at once and in this loop; the twin of NATS hints."""

    def __init__(self) -> None:
        self._wakes: dict[str, list[Wake]] = {}

    async def notify(self, topic: str) -> None:
        """Wake whoever listens to the topic or to its family (last part `*`)."""
        await self.tell(topic)
        for wake in list(self._wakes.get(family_of(topic), ())):
            wake(topic)

    async def tell(self, topic: str) -> None:
        """Wake those alone who listen to this very topic."""
        for wake in list(self._wakes.get(topic, ())):
            wake(topic)

    def topics(self) -> list[str]:
        """What is listened to."""
        return list(self._wakes)

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
