"""Bodies of inbox rows, as JSON."""

from typing import Any

import msgspec

from schemas.events.parts import Asked


class StartRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """Start `workflow` in the version with this hash. `trigger_position`: the CloudEvent that does
    it, 0 for none. `from_position`: head of the stream when the start was accepted."""

    workflow: str
    version: str
    definition_hash: str
    start_key: str
    input: msgspec.Raw = msgspec.Raw(b"null")
    name: str | None = None
    from_position: int = 0
    trigger_position: int = 0
    labels: dict[str, str] = {}
    asked: Asked | None = None


class OfferRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """Offer the CloudEvent at the row's position to the gathering of this trigger and key (hex)."""

    workflow: str
    version: str
    definition_hash: str
    trigger: str
    key: str


class CallbackRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to the callback state that opened `frame`."""

    frame: int
    data: msgspec.Raw = msgspec.Raw(b"null")
    asked: Asked | None = None


class CancelRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """End the execution. `reason` is what releases before `asked` wrote."""

    reason: str = ""
    asked: Asked | None = None


def encode(request: Any) -> bytes:
    """The bytes for an inbox row's body."""
    return msgspec.json.encode(request)
