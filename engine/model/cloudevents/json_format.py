"""The JSON event format 1.0.2: one CloudEvent as an object, a batch as an array.

Choices where the specification leaves room:
- A null attribute is an absent one (section 2.2 demands it); so is a null `data_base64`, which
  the format's JSON Schema allows. A null `data` is the JSON value null (section 3.1.1).
- `data` together with `data_base64` is refused, be `data` null.
- Without `datacontenttype`, `data` is JSON (section 3.1.2) and `data_base64` is binary. The
  attribute stays absent in the event; a binary-mode message made of it names application/json.
- Where the media type is not JSON, `data` must be a string; the payload is its bytes in the
  declared charset (UTF-8 if none).
- `data_base64` is the standard alphabet with padding (RFC 4648 section 4), nothing else in it.
"""

import base64
import binascii
from typing import Any

import msgspec

from engine.model.cloudevents.attributes import (
    OPTIONAL,
    REQUIRED,
    bad,
    check_datacontenttype,
    missing,
)
from engine.model.cloudevents.cloudevent import CloudEvent, DataKind
from engine.model.cloudevents.fault import CloudEventFault, shown
from engine.model.cloudevents.json_text import (
    check_depth,
    check_encoding,
    check_keys,
    check_numbers,
    malformed,
)
from engine.model.cloudevents.limits import DEFAULT_LIMITS, MAX_CORE_BYTES, CloudEventLimits
from engine.model.cloudevents.media_type import parse_media_type
from engine.model.cloudevents.payload import check_json_charset, check_size, checked_payload

FAMILY = "application/cloudevents"
"""What the media types of all event formats begin with."""

STRUCTURED_MEDIA_TYPE = "application/cloudevents+json"
BATCH_MEDIA_TYPE = "application/cloudevents-batch+json"

_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ITEMS = msgspec.json.Decoder(list[msgspec.Raw])
_VALUE = msgspec.json.Decoder()
_STRING = msgspec.json.Decoder(str)
_NULL = b"null"


def decode_structured(body: bytes, limits: CloudEventLimits = DEFAULT_LIMITS) -> CloudEvent:
    """The CloudEvent of one JSON object. Raises CloudEventFault."""
    if len(body) > limits.max_structured_bytes:
        raise _too_large("event", len(body), limits.max_structured_bytes)
    check_encoding(body)
    check_depth(body, limits.max_json_depth + 1)
    members = _decode_members(body)
    check_numbers(body)
    check_keys(body)
    data, data_base64 = members.pop("data", None), members.pop("data_base64", None)
    return _assembled(_attributes(members), data, data_base64, limits)


def decode_batch(
    body: bytes, limits: CloudEventLimits = DEFAULT_LIMITS
) -> list[CloudEvent | CloudEventFault]:
    """The CloudEvents of a JSON array, in order; an item that is none is its fault, with its index.

    Raises CloudEventFault if the array as a whole cannot be taken apart or is too large.
    """
    if len(body) > limits.max_batch_bytes:
        raise _too_large("batch", len(body), limits.max_batch_bytes)
    check_encoding(body)
    check_depth(body, limits.max_json_depth + 2)
    try:
        items = _ITEMS.decode(body)
    except msgspec.ValidationError:
        raise _wrong_shape("A batch is a JSON array of CloudEvents; send [...].") from None
    except msgspec.MsgspecError as error:
        raise malformed(error) from None
    if len(items) > limits.max_batch_events:
        raise CloudEventFault(
            "cloudevent.too_large",
            f"The batch has {len(items)} events; at most {limits.max_batch_events} are taken. "
            f"Send several batches.",
        )
    return [_decode_item(index, bytes(item), limits) for index, item in enumerate(items)]


def encode_structured(event: CloudEvent) -> bytes:
    """One CloudEvent as a JSON object. JSON data keeps its bytes; what is not set is left out."""
    members: dict[str, object] = dict(event.attributes())
    if event.data is not None:
        text = event.text_data
        if event.data_kind == "json":
            members["data"] = msgspec.Raw(event.data)
        elif text is not None:
            members["data"] = text
        else:
            members["data_base64"] = base64.b64encode(event.data).decode("ascii")
    return msgspec.json.encode(members)


def encode_batch(events: list[CloudEvent]) -> bytes:
    """CloudEvents as a JSON array."""
    return msgspec.json.encode([msgspec.Raw(encode_structured(event)) for event in events])


def _decode_item(index: int, item: bytes, limits: CloudEventLimits) -> CloudEvent | CloudEventFault:
    try:
        return decode_structured(item, limits)
    except CloudEventFault as fault:
        told = fault.at_index(index)
        told.event_id, told.event_source = _text_member(item, "id"), _text_member(item, "source")
        return told


def _text_member(item: bytes, name: str) -> str | None:
    """A member of a refused item, so that its sender knows which one it was."""
    try:
        value = _VALUE.decode(_MEMBERS.decode(item)[name])
    except (msgspec.MsgspecError, KeyError, UnicodeDecodeError):
        return None
    return value if isinstance(value, str) and len(value) <= MAX_CORE_BYTES else None


def _decode_members(body: bytes) -> dict[str, msgspec.Raw]:
    try:
        return _MEMBERS.decode(body)
    except msgspec.ValidationError:
        raise _wrong_shape("A CloudEvent is a JSON object; send {...}.") from None
    except msgspec.MsgspecError as error:
        raise malformed(error) from None


def _attributes(members: dict[str, msgspec.Raw]) -> dict[str, Any]:
    """The attributes that are set, read but not yet checked."""
    attributes: dict[str, Any] = {}
    name = ""
    try:
        for name, raw in members.items():
            value = _VALUE.decode(raw)
            if value is not None:
                attributes[name] = value
    except msgspec.MsgspecError:
        raise bad(name, f"The value of {shown(name)} is no string, boolean or integer.") from None
    return attributes


def _assembled(
    attributes: dict[str, Any],
    data: msgspec.Raw | None,
    data_base64: msgspec.Raw | None,
    limits: CloudEventLimits,
) -> CloudEvent:
    core = _taken_core(attributes)
    check_extension_count(len(attributes), limits)
    content_type = core.get("datacontenttype")
    if content_type is not None:
        check_datacontenttype(content_type)
    payload, kind = _payload(data, data_base64, content_type, limits)
    return CloudEvent(**core, extensions=attributes, data=payload, data_kind=kind)


def _payload(
    data: msgspec.Raw | None,
    data_base64: msgspec.Raw | None,
    content_type: str | None,
    limits: CloudEventLimits,
) -> tuple[bytes | None, DataKind | None]:
    if data_base64 is not None and bytes(data_base64) != _NULL:
        if data is not None:
            raise _bad_data("An event has data or data_base64, not both; send one of them.")
        payload = _undone_base64(data_base64)
        return payload, checked_payload(payload, content_type, limits)
    if data is None:
        return None, None
    media = None if content_type is None else parse_media_type(content_type)
    if media is None or media.is_json:
        check_json_charset(content_type)
        payload = bytes(data)
        check_size(payload, limits)
        return payload, "json"
    if media.codec is None:
        raise _bad_data(f"The charset of {shown(str(content_type))} is not known; use data_base64.")
    payload = _text_bytes(data, media.codec)
    check_size(payload, limits)
    return payload, "text"


def _text_bytes(data: msgspec.Raw, codec: str) -> bytes:
    try:
        return _STRING.decode(data).encode(codec)
    except msgspec.ValidationError:
        raise _bad_data(
            "data must be a string where datacontenttype is not JSON; send a string, or bytes "
            "in data_base64."
        ) from None
    except UnicodeEncodeError:
        raise _bad_data(f"data cannot be written in {codec}, its declared charset.") from None


def _undone_base64(raw: msgspec.Raw) -> bytes:
    try:
        return base64.b64decode(_STRING.decode(raw), validate=True)
    except (msgspec.ValidationError, binascii.Error, ValueError):
        raise CloudEventFault(
            "cloudevent.bad_data",
            "data_base64 must be a string in base64 with padding (RFC 4648 section 4).",
            attribute="data_base64",
        ) from None


def _taken_core(attributes: dict[str, Any]) -> dict[str, Any]:
    """The core attributes, taken out of `attributes`, which leaves the extensions."""
    core: dict[str, Any] = {}
    for name in REQUIRED:
        if name not in attributes:
            raise missing(name)
        core[name] = attributes.pop(name)
    for name in OPTIONAL:
        if name in attributes:
            core[name] = attributes.pop(name)
    return core


def check_extension_count(count: int, limits: CloudEventLimits) -> None:
    """The limit on extension attributes, in every binding."""
    if count > limits.max_extensions:
        raise CloudEventFault(
            "cloudevent.too_large",
            f"The event has {count} extensions; at most {limits.max_extensions} are taken. "
            f"Put the rest into data.",
        )


def _too_large(noun: str, size: int, limit: int) -> CloudEventFault:
    return CloudEventFault(
        "cloudevent.too_large",
        f"The {noun} has {size} bytes; at most {limit} are taken. Send less at once.",
    )


def _wrong_shape(message: str) -> CloudEventFault:
    return CloudEventFault("cloudevent.bad_json", message)


def _bad_data(message: str) -> CloudEventFault:
    return CloudEventFault("cloudevent.bad_data", message, attribute="data")
