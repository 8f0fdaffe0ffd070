"""Whether anybody listens for a function, asked without calling it."""

import nats.errors

from engine.adapters.nats.connection import NatsConnection
from engine.adapters.nats.subjects import work_subject

_PATIENCE_S = 0.25
"""NATS says at once that nobody listens; silence for so long means that somebody does."""


class WorkProbe:
    """Asks with an empty message, which workers ignore (docs/worker-protocol.md)."""

    def __init__(self, connection: NatsConnection) -> None:
        self._connection = connection

    async def listens(self, namespace: str, operation: str) -> bool | None:
        """Whether a worker subscribes to calls of this function; None: NATS is away."""
        client = self._connection.client
        if client is None:
            return None
        try:
            await client.request(work_subject(namespace, operation), b"", timeout=_PATIENCE_S)
        except nats.errors.NoRespondersError:
            return False
        except (nats.errors.TimeoutError, TimeoutError):
            return True
        except (nats.errors.Error, OSError):
            return None
        return True
