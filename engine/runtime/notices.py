"""Hints to whoever listens: the work they tell of never waits for them; too many are dropped."""

from engine.runtime.context import EngineContext
from engine.runtime.round import Round


class Notices:
    """Topics waiting to be told, each once."""

    def __init__(self, context: EngineContext) -> None:
        self._context = context
        self._waiting: dict[str, None] = {}
        self.round = Round(
            "notices", self._work, interval=3600.0, backoff=context.backoff(), tally=context.tally
        )

    def tell(self, topic: str) -> None:
        """Tell soon."""
        if len(self._waiting) < self._context.settings.max_notices:
            self._waiting[topic] = None
            self.round.wake()

    async def _work(self) -> float | None:
        waiting, self._waiting = self._waiting, {}
        for topic in waiting:
            await self._context.ports.hints.notify(topic)
        return self._context.settings.notice_interval_ms / 1000 if waiting else None
