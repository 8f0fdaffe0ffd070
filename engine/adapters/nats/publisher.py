"""CloudEvents that executions produce, to JetStream."""

import nats.errors
from nats.aio.client import Client
from nats.js.errors import Error as JetStreamError
from nats.js.errors import NoStreamResponseError

from engine.adapters.nats.connection import NatsConnection
from engine.adapters.nats.streams import StreamSpec, declare_stream
from engine.adapters.nats.subjects import OUT_PREFIX, out_subject
from engine.model.errors import TooLarge, Unavailable

OUT_STREAM = "REFOLD_OUT"
_WEEK_S = 7 * 86_400
_ACK_SECONDS = 2.0
_CONNECT_SECONDS = 5.0
_HEADER_BYTES = 512
_CONTENT_TYPE = "application/cloudevents+json"


class NatsPublisher:
    """Publishes to `<prefix>.<namespace>.<type>` and waits until JetStream has stored it."""

    def __init__(
        self, connection: NatsConnection, stream: str = OUT_STREAM, prefix: str = OUT_PREFIX
    ) -> None:
        self._connection = connection
        self._prefix = prefix
        self._spec = StreamSpec(
            stream, f"{prefix}.>", is_queue=False, max_age_s=_WEEK_S, duplicate_s=600
        )

    async def start(self) -> None:
        """Make the stream on every connection."""
        await self._connection.announce(self._declare)

    async def publish(self, namespace: str, event_type: str, message_id: str, body: bytes) -> None:
        """Publish; returns once it is stored. The same message id twice within ten minutes is one
        message. Raises Unavailable (try again), TooLarge (never succeeds)."""
        client = await self._connection.connected(_CONNECT_SECONDS)
        limit = client.max_payload - _HEADER_BYTES
        if len(body) > limit:
            raise TooLarge(
                f"The CloudEvent has {len(body)} bytes and NATS takes {limit}; produce less data, "
                f"or raise max_payload of the server"
            )
        try:
            await client.jetstream(timeout=_ACK_SECONDS).publish(
                out_subject(namespace, event_type, self._prefix),
                body,
                headers={"Nats-Msg-Id": message_id, "Content-Type": _CONTENT_TYPE},
            )
        except NoStreamResponseError:
            await self._redeclare(client)
            raise Unavailable("The stream of outgoing CloudEvents was gone; try again") from None
        except (nats.errors.Error, JetStreamError, TimeoutError, OSError) as error:
            raise Unavailable(f"NATS did not store the CloudEvent: {error!r}; try again") from error

    async def _declare(self, client: Client, is_new: bool) -> None:  # noqa: ARG002  each connect
        await declare_stream(client.jetstream(timeout=_ACK_SECONDS), self._spec)

    async def _redeclare(self, client: Client) -> None:
        try:
            await self._declare(client, False)
        except (nats.errors.Error, TimeoutError, OSError) as error:
            raise Unavailable(f"The stream of outgoing CloudEvents is gone: {error!r}") from error
