"""Protocols of what is not storage: calls, expression workers, clock, hints, publishing."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

import msgspec

from engine.model.evaluation import EvalAnswer, EvalRequest
from schemas.events.parts import Error


class Call(msgspec.Struct, frozen=True):
    """An action to run. `arguments` are complete (secrets filled in). `key` is the idempotency key,
    the same for every attempt. `callback_token`: set in a callback state. `resources`: documents
    that the definition names, by URI."""

    namespace: str
    execution_id: UUID
    workflow: str
    state: str
    function: str
    handler: str
    operation: str
    arguments: Any
    key: str
    attempt: int
    timeout_ms: int
    callback_token: str | None = None
    traceparent: str | None = None
    resources: Mapping[str, bytes] = {}


class Answered(msgspec.Struct, frozen=True):
    """The call returned a JSON value. `printed`: what the function wrote to standard output."""

    result: Any
    printed: str | None = None


class Failed(msgspec.Struct, frozen=True):
    """The call failed."""

    error: Error
    printed: str | None = None


class Handler(Protocol):
    """Runs the calls of one kind. Never raises for what a service does; cancelled when the answer
    is no longer wanted. The caller enforces `timeout_ms`."""

    async def run(self, call: Call) -> Answered | Failed:
        """Make the call."""


class Evaluator(Protocol):
    """Evaluates expressions outside the engine's loop."""

    async def evaluate(self, requests: Sequence[EvalRequest]) -> list[EvalAnswer]:
        """One answer a request, in order; a death or time-out of the worker is an answer too."""


class Hints(Protocol):
    """Wake-ups, never carriers: losing one costs latency, nothing else."""

    async def notify(self, topic: str) -> None:
        """Tell whoever listens to look. Topics: `inbox.SHARD`, `stream.NAMESPACE`,
        `closed.EXECUTION`, `log.SHARD`."""

    async def listen(
        self, topic: str, wake: Callable[[str], None]
    ) -> Callable[[], Awaitable[None]]:
        """Call `wake(topic)` on each hint for the topic (a last part `*` stands for any); returns
        what ends it."""


class BusMessage(msgspec.Struct, frozen=True):
    """A message that may be a CloudEvent for `namespace` (not yet checked). `origin` says where it
    lies, for dead letters; `deliveries` counts from 1; `handle` is the source's own."""

    namespace: str
    headers: tuple[tuple[str, str], ...]
    payload: bytes
    origin: str
    deliveries: int
    handle: Any = None


class BusSource(Protocol):
    """Where CloudEvents come from: each message again and again until it is acknowledged."""

    async def fetch(self, limit: int) -> list[BusMessage]:
        """Up to `limit` messages, waiting some seconds for the first; may be empty. Raises
        Unavailable."""

    async def acknowledge(self, messages: Sequence[BusMessage]) -> None:
        """These are committed: never deliver them again (one may come again nevertheless)."""

    async def give_back(self, messages: Sequence[BusMessage]) -> None:
        """These could not be committed now: deliver them again soon."""


class Publisher(Protocol):
    """Where produced CloudEvents go."""

    async def publish(self, namespace: str, event_type: str, message_id: str, body: bytes) -> None:
        """Publish a structured CloudEvent; the same message id twice is one message. Raises
        Unavailable (try again), TooLarge (it never succeeds)."""


class Secrets(Protocol):
    """Secret values by name."""

    def get(self, namespace: str, names: Sequence[str]) -> dict[str, str]:
        """Values of those that exist."""
