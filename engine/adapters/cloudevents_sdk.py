"""The door between our CloudEvent and the class of the `cloudevents` SDK (2.x).

Users of the SDK hand in and get its class; inside, only the strict one is used. What the SDK's
class cannot hold is told here, so that nothing is lost in silence:

- its time is a `datetime`: digits beyond microseconds go, and a leap second becomes the last
  microsecond before it;
- its JSON data are Python values: numbers become int and float;
- it fills in a missing time as it is constructed; that time is taken out again.
"""

import base64
import datetime
import json
from typing import Any

import msgspec
from cloudevents.core.v1.event import CloudEvent as SdkCloudEvent

from engine.model.cloudevents.attributes import CORE, bad
from engine.model.cloudevents.cloudevent import CloudEvent, DataKind
from engine.model.cloudevents.fault import CloudEventFault
from engine.model.cloudevents.json_format import check_extension_count
from engine.model.cloudevents.limits import DEFAULT_LIMITS, CloudEventLimits
from engine.model.cloudevents.media_type import MediaType, parse_media_type
from engine.model.cloudevents.payload import check_size, checked_payload
from engine.model.cloudevents.rfc3339 import instant_ns


def from_sdk(event: SdkCloudEvent, limits: CloudEventLimits = DEFAULT_LIMITS) -> CloudEvent:
    """Our CloudEvent of an SDK one, which stays as it is. Raises CloudEventFault.

    Bytes are the payload as it is. Under a JSON media type, or none, any other value is a JSON
    value (a `str` is a JSON string, not JSON text); under another one it must be a `str`.
    """
    attributes = {
        name: _attribute(name, value)
        for name, value in event.get_attributes().items()
        if value is not None
    }
    core = {name: value for name, value in attributes.items() if name in CORE}
    extensions = {name: value for name, value in attributes.items() if name not in CORE}
    check_extension_count(len(extensions), limits)
    content_type = core.get("datacontenttype")
    data, kind = _payload(event.get_data(), content_type, limits)
    return CloudEvent(**core, extensions=extensions, data=data, data_kind=kind)


def to_sdk(event: CloudEvent) -> SdkCloudEvent:
    """The SDK's CloudEvent of ours: JSON data parsed, text as `str`, anything else as `bytes`."""
    attributes: dict[str, Any] = dict(event.attributes())
    if event.time is not None:
        attributes["time"] = _datetime(event.time)
    data: Any = event.data
    if event.data_kind == "json":
        data = json.loads(event.data or b"null")
    elif event.data_kind == "text":
        data = event.text_data
    given = SdkCloudEvent(attributes, data)
    if event.time is None:
        given.get_attributes().pop("time", None)
    return given


def _attribute(name: str, value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            raise bad(name, f"{name} is a datetime without a time zone; give it one.")
        text = value.isoformat()
        return text.removesuffix("+00:00") + "Z" if text.endswith("+00:00") else text
    return value


def _payload(
    data: object, content_type: str | None, limits: CloudEventLimits
) -> tuple[bytes | None, DataKind | None]:
    if data is None:
        return None, None
    if isinstance(data, bytes | bytearray):
        payload = bytes(data)
        return payload, checked_payload(payload, content_type, limits)
    media = None if content_type is None else parse_media_type(content_type)
    if media is None or media.is_json:
        payload = _json_text(data)
        checked_payload(payload, content_type or "application/json", limits)
        return payload, "json"
    payload = _text_bytes(data, media)
    check_size(payload, limits)
    return payload, "text"


def _json_text(data: object) -> bytes:
    try:
        return msgspec.json.encode(data)
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError) as error:
        raise _bad_data(f"The data cannot be told as JSON: {error}.") from None


def _text_bytes(data: object, media: MediaType) -> bytes:
    if not isinstance(data, str) or media.codec is None:
        raise _bad_data("Under this datacontenttype give data as str (known charset) or bytes.")
    try:
        return data.encode(media.codec)
    except UnicodeEncodeError:
        raise _bad_data(f"The data cannot be written in {media.codec}.") from None


def _datetime(time: str) -> datetime.datetime:
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    microseconds = (instant_ns(time) or 0) // 1000
    if time[17:19] == "60":
        microseconds = microseconds // 1_000_000 * 1_000_000 - 1
    return epoch + datetime.timedelta(microseconds=microseconds)


def _bad_data(message: str) -> CloudEventFault:
    return CloudEventFault("cloudevent.bad_data", message, attribute="data")
