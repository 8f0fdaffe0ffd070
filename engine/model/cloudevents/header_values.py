"""Attributes as message headers: `ce-<name>`, quoting and percent-encoding.

The HTTP binding (section 3.1.3) and the NATS binding have the same rules here; they differ in
where `datacontenttype` goes.
"""

import re
import urllib.parse
from collections.abc import Iterable, Mapping

from engine.model.cloudevents.attributes import (
    OPTIONAL,
    REQUIRED,
    canonical_text,
    missing,
)
from engine.model.cloudevents.cloudevent import CloudEvent
from engine.model.cloudevents.fault import CloudEventFault, shown
from engine.model.cloudevents.limits import MAX_EXTENSION_BYTES, CloudEventLimits

PREFIX = "ce-"
Headers = list[tuple[str, str]]
"""All headers of a message, names in lower case."""

_MAX_ENCODED_CHARS = 3 * MAX_EXTENSION_BYTES + 2
_PRINTABLE = re.compile(r"[\t -~]*")
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*+)"')
_ESCAPED = re.compile(r"\\(.)")
_BAD_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")
_PLAIN = "".join(chr(code) for code in range(0x21, 0x7F) if chr(code) not in '"%')


def lowered(headers: Iterable[tuple[str, str]]) -> Headers:
    """`headers` with their names in lower case, in which the bindings compare them."""
    return [(name.lower(), value) for name, value in headers]


def decode_value(value: str) -> str:
    """The attribute's string in a header value: unquote, then one round of percent-decoding.

    Raises ValueError, saying what is wrong: characters that a header cannot have, an unpaired
    quote, `%` without two hexadecimal digits, bytes that are not UTF-8.
    """
    value = value.strip(" \t")
    if not _PRINTABLE.fullmatch(value):
        raise ValueError("has characters beyond printable ASCII; percent-encode them")
    if '"' in value:
        value = _unquoted(value)
    if "%" not in value:
        return value
    if _BAD_PERCENT.search(value):
        raise ValueError("has a % without two hexadecimal digits; write a percent sign as %25")
    try:
        return urllib.parse.unquote(value, errors="strict")
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8 once its percent-encoding is undone") from None


def encode_value(text: str) -> str:
    """`text` for a header: space, `"`, `%` and all but U+0021-U+007E percent-encoded."""
    return urllib.parse.quote(text, safe=_PLAIN)


def attribute_headers(
    event: CloudEvent, omit: frozenset[str] = frozenset()
) -> list[tuple[str, str]]:
    """`ce-<name>` headers of all attributes but those in `omit`."""
    return [
        (PREFIX + name, encode_value(canonical_text(value)))
        for name, value in event.attributes()
        if name not in omit
    ]


def read_attributes(headers: Headers, limits: CloudEventLimits) -> dict[str, str]:
    """The attributes in the `ce-` headers, by name; other headers are passed over.

    Raises CloudEventFault on a name given twice and on a bad value.
    """
    attributes: dict[str, str] = {}
    for header, value in headers:
        if not header.startswith(PREFIX):
            continue
        name = header[len(PREFIX) :]
        if name in attributes:
            raise CloudEventFault(
                "cloudevent.duplicate_attribute",
                f"The header {shown(header)} stands twice; send it once.",
                attribute=name,
            )
        attributes[name] = _decoded(name, value)
        if len(attributes) > limits.max_extensions + len(REQUIRED) + len(OPTIONAL):
            raise CloudEventFault(
                "cloudevent.too_large",
                f"The message has too many ce- headers; at most {limits.max_extensions} "
                f"extensions are taken. Put the rest into data.",
            )
    return attributes


def split_attributes(
    attributes: Mapping[str, str],
) -> tuple[dict[str, str], dict[str, str]]:
    """The core attributes, then the extensions. A fault if a required one is missing."""
    for name in REQUIRED:
        if name not in attributes:
            raise missing(name)
    core = {name: attributes[name] for name in REQUIRED + OPTIONAL if name in attributes}
    extensions = {name: value for name, value in attributes.items() if name not in core}
    return core, extensions


def single_header(headers: Headers, name: str) -> str | None:
    """The value of the header `name` (lower case), None without it; a fault if it stands twice."""
    values = [value for header, value in headers if header == name]
    if len(values) > 1:
        raise CloudEventFault(
            "cloudevent.duplicate_attribute", f"The header {name} stands twice; send it once."
        )
    return values[0].strip(" \t") if values else None


def _decoded(name: str, value: str) -> str:
    if len(value) > _MAX_ENCODED_CHARS:
        raise CloudEventFault(
            "cloudevent.too_large",
            f"The header {shown(PREFIX + name)} has {len(value)} characters; at most "
            f"{_MAX_ENCODED_CHARS} are taken.",
            attribute=name,
        )
    try:
        return decode_value(value)
    except ValueError as error:
        raise CloudEventFault(
            "cloudevent.bad_encoding",
            f"The header {shown(PREFIX + name)} {error}.",
            attribute=name,
        ) from None


def _unquoted(value: str) -> str:
    outside = _QUOTED.sub("", value)
    if '"' in outside:
        raise ValueError("has an unpaired double quote; percent-encode it as %22")
    return _QUOTED.sub(lambda quoted: _ESCAPED.sub(r"\1", quoted[1]), value)
