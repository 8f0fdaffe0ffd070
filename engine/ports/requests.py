"""Bodies of inbox rows, as JSON."""

from typing import Any, Literal

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


class SuspendRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """Enter nothing from now on."""

    asked: Asked | None = None


class ResumeRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """Enter what is held. `breakpoint`: only if it is this one that holds the execution."""

    mode: Literal["continue", "step"] = "continue"
    breakpoint: str | None = None
    asked: Asked | None = None


class ForkRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """Copy the first `at` events of `source` (`ex_...`), then record `forked` (an ExecutionForked
    as the log stores it). With `at` 0 nothing is copied: it starts anew as `begin` says."""

    source: str
    at: int
    forked: msgspec.Raw
    begin: "Beginning | None" = None


class ImportRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """Copy what is staged, then record `imported` (an ExecutionImported as the log stores it). The
    execution is of the definition with this hash; `start_key`: as its own log has it."""

    definition_hash: str
    imported: msgspec.Raw
    start_key: str | None = None


class Beginning(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a fork starts anew: with an input, or with the CloudEvents at `positions` (in order;
    `gathered`: the start needs all of them)."""

    input: msgspec.Raw = msgspec.Raw(b"null")
    from_position: int = 0
    positions: tuple[int, ...] = ()
    gathered: bool = False
    labels: dict[str, str] = {}


class ForkedNote(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the source notes: the body of a ForkTaken, as the log stores it."""

    taken: msgspec.Raw


def encode(request: Any) -> bytes:
    """The bytes for an inbox row's body."""
    return msgspec.json.encode(request)
