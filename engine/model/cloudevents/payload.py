"""The payload: which kind it is, and whether it is what its media type says."""

from engine.model.cloudevents.cloudevent import DataKind, decoded_text
from engine.model.cloudevents.fault import CloudEventFault
from engine.model.cloudevents.json_text import check_json_text
from engine.model.cloudevents.limits import CloudEventLimits
from engine.model.cloudevents.media_type import parse_media_type


def checked_payload(data: bytes, datacontenttype: str | None, limits: CloudEventLimits) -> DataKind:
    """The kind of a payload that came as bytes (binary mode, `data_base64`), after checking it.

    A JSON media type: the bytes must be JSON in UTF-8. `text/*` of a charset that we have: they
    must be written in it. All else, also a missing media type, is binary and not looked at.
    Raises CloudEventFault.
    """
    check_size(data, limits)
    media = None if datacontenttype is None else parse_media_type(datacontenttype)
    if media is None:
        return "binary"
    if media.is_json:
        check_json_charset(datacontenttype)
        check_json_text(data, limits.max_json_depth, "data")
        return "json"
    if media.is_text and media.codec is not None:
        decoded_text(data, media.codec)
        return "text"
    return "binary"


def check_json_charset(content_type: str | None) -> None:
    """JSON is UTF-8 (RFC 8259 section 8.1): a media type that declares other is refused."""
    media = None if content_type is None else parse_media_type(content_type)
    if media is not None and media.is_json and not media.is_utf8:
        raise CloudEventFault(
            "cloudevent.unsupported_content_type",
            "JSON is taken in UTF-8 only; send it so, and leave out the charset.",
            attribute="datacontenttype",
        )


def check_size(data: bytes, limits: CloudEventLimits) -> None:
    """The limit on the payload, in bytes."""
    if len(data) > limits.max_data_bytes:
        raise CloudEventFault(
            "cloudevent.too_large",
            f"The data has {len(data)} bytes; at most {limits.max_data_bytes} are taken. Store "
            f"it elsewhere and send its address (extension dataref).",
            attribute="data",
        )
