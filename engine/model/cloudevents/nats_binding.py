"""The NATS protocol binding (1.0.3 working draft): binary and structured modes, no batches.

Structured if the header Content-Type begins with `application/cloudevents`; the payload is then
the JSON format, the only one. Binary otherwise: every attribute, `datacontenttype` too, is a
header `ce-<name>`; where that one is missing, a Content-Type says it, as clients that come from
HTTP write it. A message with neither a Content-Type nor any `ce-` header is read as
structured, for so the binding 1.0.2 has it, written before NATS had headers; by the later one
such a message could be no event at all. An empty payload in binary mode is an event without data.
"""

import hashlib
from collections.abc import Iterable

from engine.model.cloudevents.cloudevent import JSON_MEDIA_TYPE, CloudEvent
from engine.model.cloudevents.fault import CloudEventFault
from engine.model.cloudevents.header_values import (
    PREFIX,
    attribute_headers,
    encode_value,
    lowered,
    read_attributes,
    single_header,
    split_attributes,
)
from engine.model.cloudevents.json_format import (
    FAMILY,
    STRUCTURED_MEDIA_TYPE,
    check_extension_count,
    decode_structured,
    encode_structured,
)
from engine.model.cloudevents.limits import DEFAULT_LIMITS, CloudEventLimits
from engine.model.cloudevents.media_type import parse_media_type
from engine.model.cloudevents.payload import checked_payload

_STRUCTURED = (FAMILY, STRUCTURED_MEDIA_TYPE)


def from_nats(
    headers: Iterable[tuple[str, str]], payload: bytes, limits: CloudEventLimits = DEFAULT_LIMITS
) -> CloudEvent:
    """The CloudEvent of a message, given its headers as (name, value). Raises CloudEventFault.

    Header names are compared in lower case: a client that keeps their case may hand on two of
    one name, which is refused.
    """
    pairs = lowered(headers)
    content_type = single_header(pairs, "content-type")
    if content_type is not None and content_type.lower().startswith(FAMILY):
        _check_format(content_type)
        return decode_structured(payload, limits)
    attributes = read_attributes(pairs, limits)
    if content_type is None and not attributes:
        return decode_structured(payload, limits)
    if content_type is not None and parse_media_type(content_type) is not None:
        attributes.setdefault("datacontenttype", content_type)
    return _decode_binary(attributes, payload, limits)


def to_nats_binary(event: CloudEvent) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and payload of a binary-mode message; no data is an empty payload."""
    headers = attribute_headers(event)
    if event.datacontenttype is None and event.data_kind == "json":
        headers.append((f"{PREFIX}datacontenttype", encode_value(JSON_MEDIA_TYPE)))
    return headers, event.data or b""


def to_nats_structured(event: CloudEvent) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and payload of a structured-mode message."""
    return [("content-type", STRUCTURED_MEDIA_TYPE)], encode_structured(event)


def message_id(event: CloudEvent) -> str:
    """For the header Nats-Msg-Id: 64 hexadecimal digits that tell (source, id) apart.

    A hash, for both may hold what a header cannot; the length before the source keeps
    ("ab", "c") from being ("a", "bc").
    """
    source = event.source.encode()
    told = len(source).to_bytes(8, "big") + source + event.id.encode()
    return hashlib.sha256(told).hexdigest()


def _decode_binary(
    attributes: dict[str, str], payload: bytes, limits: CloudEventLimits
) -> CloudEvent:
    core, extensions = split_attributes(attributes)
    check_extension_count(len(extensions), limits)
    kind = checked_payload(payload, core.get("datacontenttype"), limits) if payload else None
    return CloudEvent(**core, extensions=extensions, data=payload or None, data_kind=kind)


def _check_format(content_type: str) -> None:
    media = parse_media_type(content_type)
    if media is None or not media.is_utf8 or f"{media.type}/{media.subtype}" not in _STRUCTURED:
        raise CloudEventFault(
            "cloudevent.unsupported_content_type",
            f"Over NATS one event a message is taken, as {STRUCTURED_MEDIA_TYPE} in UTF-8 or in "
            f"binary mode; batches go over HTTP.",
            attribute="content-type",
        )
