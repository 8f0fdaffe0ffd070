"""Hints over core NATS: to other processes, lost without harm."""

import os
from collections.abc import Awaitable, Callable
from contextlib import suppress

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription

from engine.adapters.nats.connection import NatsConnection
from engine.adapters.nats.subjects import HINT_PREFIX
from engine.ports.world import Hints

Wake = Callable[[str], None]


class NatsHints:
    """Topics are subjects below `refold.hint.`. While NATS is away hints are dropped: who listens
    also polls. A process does not hear its own hints here."""

    def __init__(self, connection: NatsConnection) -> None:
        self._connection = connection
        self._own = os.urandom(8)
        self._listeners: dict[object, _Listener] = {}

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
        listener = _Listener(topic, wake, self._own)
        key = object()
        self._listeners[key] = listener
        client = self._connection.client
        if client is not None:
            await listener.subscribe(client)

        async def end() -> None:
            self._listeners.pop(key, None)
            await listener.unsubscribe()

        return end

    async def _resubscribe(self, client: Client, is_new: bool) -> None:
        for listener in list(self._listeners.values()):
            if is_new:
                await listener.subscribe(client)
            # What was hinted at during the outage is unknown: look once.
            listener.wake_once()


class _Listener:
    """One interest in a topic."""

    def __init__(self, topic: str, wake: Wake, own: bytes) -> None:
        self._topic = topic
        self._wake = wake
        self._own = own
        self._client: Client | None = None
        self._subscription: Subscription | None = None

    async def subscribe(self, client: Client) -> None:
        if client is self._client:
            return
        self._client = client
        with suppress(nats.errors.Error, OSError):
            self._subscription = await client.subscribe(
                f"{HINT_PREFIX}.{self._topic}", cb=self._received
            )

    async def unsubscribe(self) -> None:
        if self._subscription is not None:
            with suppress(nats.errors.Error, OSError):
                await self._subscription.unsubscribe()

    def wake_once(self) -> None:
        if not self._topic.endswith("*"):
            self._wake(self._topic)

    async def _received(self, message: Msg) -> None:
        if message.data != self._own:
            self._wake(message.subject.removeprefix(f"{HINT_PREFIX}."))


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
