"""CloudEvents of the stream as the core takes them."""

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec

from engine.model.command import Arrived
from engine.model.ids import attribute_key
from engine.ports.rows import StreamEvent
from engine.ports.storage import Streams
from schemas.events.parts import CloudEventRef
from schemas.json_text import loads

logger = logging.getLogger(__name__)

_attributes = msgspec.json.Decoder(dict[str, str])

UNKEYED = frozenset(
    {"id", "source", "specversion", "type", "datacontenttype", "dataschema", "time"}
)
"""Context attributes that a stream has no key rows for: all core ones but the subject."""

_RUN_GAP = 8
_PAGE = 200


def arrived_of(event: StreamEvent) -> Arrived:
    """The CloudEvent with its payload: JSON as it is, text as a string, other bytes as base64."""
    whole: Any = loads(event.body)
    payload = whole["data"] if "data" in whole else whole.get("data_base64")
    return Arrived(
        event=CloudEventRef(event.position, event.id, event.source, event.type),
        at=event.at,
        attributes={name.lower(): text for name, text in attributes_of(event).items()},
        payload=payload,
        whole=whole,
    )


def readable(events: Iterable[StreamEvent]) -> list[Arrived]:
    """The CloudEvents that can be read; one that cannot is passed over, not to stop its stream."""
    arrivals: list[Arrived] = []
    for event in events:
        try:
            arrivals.append(arrived_of(event))
        except (msgspec.MsgspecError, ValueError, TypeError, RecursionError):
            logger.exception("CloudEvent %d of the stream cannot be read", event.position)
    return arrivals


def attributes_of(event: StreamEvent) -> dict[str, str]:
    """The context attributes and extensions, values as text."""
    return _attributes.decode(event.attributes)


def keys_of(attributes: Mapping[str, str]) -> tuple[bytes, ...]:
    """The keys under which subscriptions may wait for a CloudEvent with these attributes."""
    return tuple(
        attribute_key(name, value)
        for name, value in attributes.items()
        if name.lower() not in UNKEYED
    )


async def fetch(
    streams: Streams, namespace: str, positions: Iterable[int]
) -> dict[int, StreamEvent]:
    """The CloudEvents at these positions that are still kept. Raises Unavailable."""
    found: dict[int, StreamEvent] = {}
    for first, last in _runs(sorted(set(positions))):
        rows = await streams.read(namespace, (), first - 1, last, limit=_PAGE)
        found.update((row.position, row) for row in rows)
    return found


def _runs(positions: list[int]) -> Iterator[tuple[int, int]]:
    """Ranges that hold all positions, without large gaps and no longer than a page."""
    start = previous = None
    for position in positions:
        if start is None or previous is None:
            start = previous = position
        elif position - previous > _RUN_GAP or position - start >= _PAGE:
            yield start, previous
            start = position
        previous = position
    if start is not None and previous is not None:
        yield start, previous
