"""CloudEvents that come in: a durable pull consumer, acknowledged after our commit."""

from collections.abc import Sequence
from contextlib import suppress

import nats.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js import JetStreamContext
from nats.js.errors import Error as JetStreamError

from engine.adapters.nats.connection import NatsConnection
from engine.adapters.nats.streams import StreamSpec, declare_consumer, declare_stream
from engine.adapters.nats.subjects import IN_PREFIX
from engine.model.errors import Unavailable
from engine.ports.world import BusMessage

IN_STREAM = "REFOLD_IN"
DURABLE = "refold-intake"
_API_SECONDS = 5.0
_WAIT_SECONDS = 2.0
_CONNECT_SECONDS = 2.0
_AGAIN_SECONDS = 1.0
_PENDING_BYTES = 512 * 1024 * 1024
MAX_BATCH = 256
"""Messages of at most 1 MiB each, so that a batch always fits what the client may buffer."""


class NatsSource:
    """Messages on `<prefix>.<namespace>.>`. Several nodes may share the durable consumer: each
    message goes to one of them, and to another if it is not acknowledged in `ack_wait_s`."""

    def __init__(
        self,
        connection: NatsConnection,
        stream: str = IN_STREAM,
        prefix: str = IN_PREFIX,
        durable: str = DURABLE,
        ack_wait_s: float = 10.0,
    ) -> None:
        self._connection = connection
        self._spec = StreamSpec(stream, f"{prefix}.>", is_queue=True)
        self._prefix = prefix
        self._durable = durable
        self._ack_wait_s = ack_wait_s
        self._subscription: JetStreamContext.PullSubscription | None = None

    async def start(self) -> None:
        """Make stream and consumer on every connection."""
        await self._connection.announce(self._declare)

    async def fetch(self, limit: int) -> list[BusMessage]:
        """Up to `limit` messages, at once if there are any, else waiting some seconds for the
        first; may be empty. Raises Unavailable."""
        client = await self._connection.connected(_CONNECT_SECONDS)
        if self._subscription is None:
            await self._redeclare(client)
        if self._subscription is None:
            raise Unavailable("The consumer of incoming CloudEvents is not there yet; try again")
        try:
            found = await self._subscription.fetch(min(limit, MAX_BATCH), timeout=_WAIT_SECONDS)
        except TimeoutError:
            return []
        except (nats.errors.Error, JetStreamError, OSError) as error:
            self._subscription = None
            raise Unavailable(f"NATS does not deliver: {error!r}; try again") from error
        return [self._message(one) for one in found]

    async def acknowledge(self, messages: Sequence[BusMessage]) -> None:
        """Tell NATS to forget them. One that it misses comes again, and is a duplicate then."""
        for message in messages:
            with suppress(nats.errors.Error, OSError):
                await message.handle.ack()

    async def give_back(self, messages: Sequence[BusMessage]) -> None:
        """Have them delivered again in a second, to this node or another."""
        for message in messages:
            with suppress(nats.errors.Error, OSError):
                await message.handle.nak(delay=_AGAIN_SECONDS)

    def _message(self, message: Msg) -> BusMessage:
        namespace = message.subject.removeprefix(f"{self._prefix}.").partition(".")[0]
        metadata = message.metadata
        return BusMessage(
            namespace,
            tuple((message.headers or {}).items()),
            message.data,
            f"nats:{metadata.stream}:{metadata.sequence.stream}",
            metadata.num_delivered or 1,
            message,
        )

    async def _declare(self, client: Client, is_new: bool) -> None:
        js = client.jetstream(timeout=_API_SECONDS)
        stream = await declare_stream(js, self._spec)
        await declare_consumer(js, stream, self._durable, self._spec.subject, self._ack_wait_s)
        if is_new or self._subscription is None:
            self._subscription = await js.pull_subscribe_bind(
                durable=self._durable, stream=stream, pending_bytes_limit=_PENDING_BYTES
            )

    async def _redeclare(self, client: Client) -> None:
        try:
            await self._declare(client, True)
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise Unavailable(f"NATS has no consumer for us: {error!r}; try again") from error
