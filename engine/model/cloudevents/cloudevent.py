"""One CloudEvent as a value."""

import base64
import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Literal

import msgspec

from engine.model.cloudevents.attributes import (
    ExtensionValue,
    canonical_text,
    check_datacontenttype,
    check_dataschema,
    check_extensions,
    check_source,
    check_specversion,
    check_text,
    check_time,
)
from engine.model.cloudevents.fault import CloudEventFault
from engine.model.cloudevents.media_type import MediaType, parse_media_type

DataKind = Literal["json", "text", "binary"]
"""How the payload is told in the JSON format: `data`, `data` as a string, or `data_base64`."""

JSON_MEDIA_TYPE = "application/json"
_DIGEST_FORM = b"refold.cloudevent/1"


class CloudEvent(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """A CloudEvent 1.0: context attributes, checked on construction, and a payload.

    time: the RFC 3339 string as it was sent, with all its digits.
    extensions: by name; a string, a boolean or a 32-bit integer (a header carries strings only).
    data: the payload as a binary-mode message would carry it, byte for byte: JSON text for the
      kind `json`, encoded text for `text`, anything for `binary`. None if there is none, which
      is not the same as the JSON text `null`. U+0000 may stand in it, as an escape too; who
      stores parts of it in a Postgres `text` has to mind that.
    data_kind: `json` if the media type says so (or none is named, and the event came in the JSON
      format as `data`), `text` for other strings, `binary` for the rest; None without data.

    Raises CloudEventFault if an attribute is not as CloudEvents 1.0 has it. The payload itself
    is not read here: the bindings do that as they decode.
    """

    id: str
    source: str
    type: str
    specversion: str = "1.0"
    subject: str | None = None
    time: str | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None
    extensions: Mapping[str, ExtensionValue] = {}
    data: bytes | None = None
    data_kind: DataKind | None = None

    def __post_init__(self) -> None:
        check_specversion(self.specversion)
        check_text("id", self.id)
        check_source(self.source)
        check_text("type", self.type)
        if self.subject is not None:
            check_text("subject", self.subject)
        if self.time is not None:
            check_time(self.time)
        if self.datacontenttype is not None:
            check_datacontenttype(self.datacontenttype)
        if self.dataschema is not None:
            check_dataschema(self.dataschema)
        check_extensions(self.extensions)
        self._check_kind()

    def _check_kind(self) -> None:
        if not _kind_fits(self.data_kind, self.data is not None, self.media_type):
            raise CloudEventFault(
                "cloudevent.bad_data",
                "data, data_kind and datacontenttype do not fit each other: a JSON media type "
                "has JSON data, any other has text or binary data.",
                attribute="data",
            )

    @property
    def media_type(self) -> MediaType | None:
        """`datacontenttype` taken apart, None where the event names none."""
        return None if self.datacontenttype is None else parse_media_type(self.datacontenttype)

    @property
    def json_data(self) -> bytes | None:
        """The payload as JSON text, for workflow data; None where there is no payload.

        JSON stays the bytes it is (numbers keep their digits). Text becomes a JSON string, by
        its charset. Anything else becomes a JSON string of base64 (RFC 4648 section 4).
        """
        if self.data is None or self.data_kind == "json":
            return self.data
        text = self.text_data
        if text is None:
            text = base64.b64encode(self.data).decode("ascii")
        return msgspec.json.encode(text)

    @property
    def text_data(self) -> str | None:
        """The payload of the kind `text` as a string, else None."""
        media = self.media_type
        if self.data is None or self.data_kind != "text" or media is None or media.codec is None:
            return None
        return decoded_text(self.data, media.codec)

    def attribute(self, name: str) -> ExtensionValue | None:
        """The context attribute `name`, core or extension; None if the event has it not."""
        value = _CORE_ATTRIBUTES[name](self) if name in _CORE_ATTRIBUTES else None
        return self.extensions.get(name) if value is None else value

    def attributes(self) -> Iterator[tuple[str, ExtensionValue]]:
        """All attributes that are set: the core ones in a fixed order, then extensions by name."""
        for name, read in _CORE_ATTRIBUTES.items():
            value = read(self)
            if value is not None:
                yield name, value
        yield from sorted(self.extensions.items())

    def digest(self) -> bytes:
        """SHA-256 (32 bytes) of the content, to tell a repeated event from a conflicting one.

        Equal for one event sent in any mode or binding: attributes count by their canonical
        strings, JSON payloads without their white space between tokens, an empty payload as
        none, and a JSON payload without a media type as `application/json`. The form is: for
        each attribute by name, then the payload, the length as 8 bytes and the bytes. Digests
        are stored, so this form never changes.
        """
        told = {name: canonical_text(value) for name, value in self.attributes()}
        if self.data_kind == "json":
            told.setdefault("datacontenttype", JSON_MEDIA_TYPE)
        parts = [_DIGEST_FORM, len(told).to_bytes(8, "big")]
        for name in sorted(told):
            parts += (name.encode(), told[name].encode())
        parts.append(self._payload_for_digest())
        return hashlib.sha256(
            b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        ).digest()

    def _payload_for_digest(self) -> bytes:
        if self.data is None:
            return b""
        return msgspec.json.format(self.data, indent=-1) if self.data_kind == "json" else self.data

    def __eq__(self, other: object) -> bool:
        """By value; an extension `true` is not the extension 1, though Python's values agree."""
        if not isinstance(other, CloudEvent):
            return NotImplemented
        return (
            tuple(self.attributes()) == tuple(other.attributes())
            and all(
                type(value) is type(other.extensions[name])
                for name, value in self.extensions.items()
            )
            and (self.data, self.data_kind) == (other.data, other.data_kind)
        )

    def __hash__(self) -> int:
        return hash((self.source, self.id))


def _kind_fits(kind: DataKind | None, has_data: bool, media: MediaType | None) -> bool:
    if kind is None or not has_data:
        return kind is None and not has_data
    if kind == "json":
        return media is None or media.is_json
    if kind == "text":
        return media is not None and media.takes_text
    return media is None or not media.is_json


def decoded_text(data: bytes, codec: str) -> str:
    """`data` read in a charset (`MediaType.codec`), or a fault if it is not written in it."""
    try:
        return data.decode(codec)
    except UnicodeDecodeError as error:
        raise CloudEventFault(
            "cloudevent.bad_encoding",
            f"The data is not {codec} at byte {error.start}; declare its charset in the content "
            f"type, or send it as application/octet-stream.",
            attribute="data",
        ) from None


_CORE_ATTRIBUTES: dict[str, Callable[[CloudEvent], str | None]] = {
    "specversion": lambda event: event.specversion,
    "id": lambda event: event.id,
    "source": lambda event: event.source,
    "type": lambda event: event.type,
    "subject": lambda event: event.subject,
    "time": lambda event: event.time,
    "datacontenttype": lambda event: event.datacontenttype,
    "dataschema": lambda event: event.dataschema,
}
