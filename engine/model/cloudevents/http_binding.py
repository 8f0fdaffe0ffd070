"""The HTTP protocol binding 1.0.2: binary, structured and batched content modes.

The content type decides: `application/cloudevents+json` is structured, whatever `ce-` headers
stand beside it (section 3.2.3 allows copies; the body is what counts);
`application/cloudevents-batch+json` is a batch; any other `application/cloudevents*` is refused;
all else is binary. An empty body in binary mode is an event without data.
"""

from collections.abc import Iterable
from typing import Literal

import msgspec

from engine.model.cloudevents.attributes import bad
from engine.model.cloudevents.cloudevent import JSON_MEDIA_TYPE, CloudEvent
from engine.model.cloudevents.fault import CloudEventFault
from engine.model.cloudevents.header_values import (
    Headers,
    attribute_headers,
    lowered,
    read_attributes,
    single_header,
    split_attributes,
)
from engine.model.cloudevents.json_format import (
    BATCH_MEDIA_TYPE,
    FAMILY,
    STRUCTURED_MEDIA_TYPE,
    check_extension_count,
    decode_batch,
    decode_structured,
    encode_structured,
)
from engine.model.cloudevents.limits import DEFAULT_LIMITS, CloudEventLimits
from engine.model.cloudevents.media_type import parse_media_type
from engine.model.cloudevents.payload import checked_payload

ContentMode = Literal["binary", "structured", "batch"]


class HttpDelivery(msgspec.Struct, frozen=True):
    """What one HTTP message carried.

    events: one CloudEvent; for the mode `batch` any number, each a CloudEvent or its fault.
    """

    mode: ContentMode
    events: tuple[CloudEvent | CloudEventFault, ...]


def from_http(
    headers: Iterable[tuple[str, str]], body: bytes, limits: CloudEventLimits = DEFAULT_LIMITS
) -> HttpDelivery:
    """The CloudEvents of a message, given all its headers as (name, value) in any case.

    Raises CloudEventFault if the message as a whole (or its one event) cannot be taken.
    """
    pairs = lowered(headers)
    _refuse_content_encoding(pairs)
    mode = content_mode(single_header(pairs, "content-type"))
    if mode == "structured":
        return HttpDelivery(mode, (decode_structured(body, limits),))
    if mode == "batch":
        return HttpDelivery(mode, tuple(decode_batch(body, limits)))
    return HttpDelivery(mode, (_decode_binary(pairs, body, limits),))


def content_mode(content_type: str | None) -> ContentMode:
    """The mode that a Content-Type chooses. Raises CloudEventFault for formats that we lack."""
    if content_type is None or not content_type.lower().startswith(FAMILY):
        return "binary"
    media = parse_media_type(content_type)
    essence = "" if media is None else f"{media.type}/{media.subtype}"
    if media is not None and media.is_utf8 and essence == STRUCTURED_MEDIA_TYPE:
        return "structured"
    if media is not None and media.is_utf8 and essence == BATCH_MEDIA_TYPE:
        return "batch"
    raise CloudEventFault(
        "cloudevent.unsupported_content_type",
        f"Of the CloudEvents formats only {STRUCTURED_MEDIA_TYPE} and {BATCH_MEDIA_TYPE} in "
        f"UTF-8 are taken; send one of them, or binary mode.",
        attribute="content-type",
    )


def to_http_binary(event: CloudEvent) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body of a binary-mode message; no data is an empty body."""
    headers = attribute_headers(event, omit=frozenset({"datacontenttype"}))
    content_type = event.datacontenttype
    if content_type is None and event.data_kind == "json":
        content_type = JSON_MEDIA_TYPE
    if content_type is not None:
        headers.append(("content-type", content_type))
    return headers, event.data or b""


def to_http_structured(event: CloudEvent) -> tuple[list[tuple[str, str]], bytes]:
    """Headers and body of a structured-mode message."""
    return [("content-type", STRUCTURED_MEDIA_TYPE)], encode_structured(event)


def _decode_binary(headers: Headers, body: bytes, limits: CloudEventLimits) -> CloudEvent:
    attributes = read_attributes(headers, limits)
    if not attributes:
        raise _no_cloudevent()
    if "datacontenttype" in attributes:
        raise bad(
            "datacontenttype",
            "Over HTTP datacontenttype is the header Content-Type; leave ce-datacontenttype out.",
        )
    core, extensions = split_attributes(attributes)
    check_extension_count(len(extensions), limits)
    content_type = single_header(headers, "content-type")
    kind = checked_payload(body, content_type, limits) if body else None
    return CloudEvent(
        **core,
        datacontenttype=content_type,
        extensions=extensions,
        data=body or None,
        data_kind=kind,
    )


def _no_cloudevent() -> CloudEventFault:
    return CloudEventFault(
        "cloudevent.missing_attribute",
        f"This is no CloudEvent: send the content type {STRUCTURED_MEDIA_TYPE} with a JSON "
        f"object, or the attributes as ce-specversion, ce-id, ce-source and ce-type headers.",
        attribute="specversion",
    )


def _refuse_content_encoding(headers: Headers) -> None:
    codings = [value.strip().lower() for name, value in headers if name == _CODING]
    if any(coding not in ("", "identity") for coding in codings):
        raise CloudEventFault(
            "cloudevent.unsupported_content_encoding",
            "Compressed messages are not taken; send the body without Content-Encoding.",
            attribute=_CODING,
        )


_CODING = "content-encoding"
