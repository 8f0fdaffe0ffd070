"""The wire form of event bodies: JSON bytes, one decoder for each (type, version)."""

from typing import Final

import msgspec

from schemas.events import bodies, former
from schemas.events.bodies import EventBody
from schemas.json_text import dumps, has_negative_zero, load_literally, read_float

EVENT_TYPES: Final[dict[tuple[str, int], type[EventBody]]] = {
    (getattr(cls, "TYPE", cls.__name__), cls.VERSION): cls
    for cls in EventBody.__subclasses__()
    if cls.__module__ in (bodies.__name__, former.__name__)
}
"""Struct of every (type, version) that a log may hold."""

_decoders = {
    key: msgspec.json.Decoder(cls, float_hook=read_float) for key, cls in EVENT_TYPES.items()
}


class UnknownEventType(Exception):
    """The log holds an event type or version that this release does not know: upgrade Refold."""

    def __init__(self, name: str, version: int) -> None:
        super().__init__(f"event type {name} version {version} is not known to this release")


def type_of(body: EventBody) -> str:
    """The name of the event's type in the log."""
    return getattr(body, "TYPE", type(body).__name__)


def version_of(body: EventBody) -> int:
    """The version of the event's type in the log."""
    return body.VERSION


def encode_body(body: EventBody) -> bytes:
    """The bytes that the log stores, members in the order of the Struct's fields."""
    return dumps(body)


def decode_body(name: str, version: int, data: bytes) -> EventBody:
    """Read what the log stored, in the version it was written in (`engine.core.upcast` makes the
    newest of it). Raises UnknownEventType, msgspec.DecodeError."""
    decoder = _decoders.get((name, version))
    if decoder is None:
        raise UnknownEventType(name, version)
    if has_negative_zero(data):
        return msgspec.convert(load_literally(data), EVENT_TYPES[name, version])
    return decoder.decode(data)
