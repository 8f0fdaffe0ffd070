"""Hints over core NATS: to other processes, lost without harm."""

import os
from collections.abc import Awaitable, Callable
from contextlib import suppress

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg

from engine.adapters.memory.hints import MemoryHints, family_of
from engine.adapters.nats.connection import NatsConnection
from engine.adapters.nats.subjects import HINT_PREFIX
from engine.ports.world import Hints

Wake = Callable[[str], None]


class NatsHints:
    """Topics are subjects below `refold.hint.`. While NATS is away hints are dropped: who listens
    also polls. A process does not hear its own hints here. It subscribes to a family of topics once
    and sorts out in memory who listens to which: listening costs no message."""

    def __init__(self, connection: NatsConnection) -> None:
        self._connection = connection
        self._own = os.urandom(8)
        self._here = MemoryHints()
        self._families: set[str] = set()

    async def start(self) -> None:
        """Subscribe on every new connection."""
        await self._connection.announce(self._resubscribe)

    async def notify(self, topic: str) -> None:
        """Send the hint if NATS is there."""
        client = self._connection.client
        if client is not None:
            with suppress(nats.errors.Error, OSError):
                await client.publish(f"{HINT_PREFIX}.{topic}", self._own)

    async def listen(self, topic: str, wake: Wake) -> Callable[[], Awaitable[None]]:
        """Call `wake(topic)` for each hint of another process; returns what ends it."""
        end = await self._here.listen(topic, wake)
        family = family_of(topic)
        client = self._connection.client
        if family not in self._families:
            self._families.add(family)
            if client is not None:
                await self._subscribe(client, family)
        return end

    async def _resubscribe(self, client: Client, is_new: bool) -> None:
        if is_new:
            for family in list(self._families):
                await self._subscribe(client, family)
        # What was hinted at during the outage is unknown: look once.
        for topic in self._here.topics():
            if not topic.endswith("*"):
                await self._here.tell(topic)

    async def _subscribe(self, client: Client, family: str) -> None:
        with suppress(nats.errors.Error, OSError):
            await client.subscribe(f"{HINT_PREFIX}.{family}", cb=self._received)

    async def _received(self, message: Msg) -> None:
        if message.data != self._own:
            await self._here.notify(message.subject.removeprefix(f"{HINT_PREFIX}."))


class CombinedHints:
    """Hints within this process first, then to the others."""

    def __init__(self, local: Hints, others: Hints) -> None:
        self._local = local
        self._others = others

    async def notify(self, topic: str) -> None:
        """Wake listeners here at once, others through NATS."""
        await self._local.notify(topic)
        await self._others.notify(topic)

    async def listen(self, topic: str, wake: Wake) -> Callable[[], Awaitable[None]]:
        """Listen to both; returns what ends both."""
        ends = [await self._local.listen(topic, wake), await self._others.listen(topic, wake)]

        async def end() -> None:
            for one in ends:
                await one()

        return end
