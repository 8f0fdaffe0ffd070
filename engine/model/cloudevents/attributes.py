"""Rules for context attributes: names, types, values (CloudEvents 1.0, "Context Attributes").

Each `check_*` returns nothing and raises a `CloudEventFault` that names the attribute.
"""

import re
from collections.abc import Mapping

from engine.model.cloudevents.fault import CloudEventFault, shown
from engine.model.cloudevents.limits import (
    MAX_CORE_BYTES,
    MAX_EXTENSION_BYTES,
    MAX_NAME_CHARS,
)
from engine.model.cloudevents.media_type import parse_media_type
from engine.model.cloudevents.rfc3339 import instant_ns
from engine.model.cloudevents.uri import is_uri, is_uri_reference

ExtensionValue = str | int | bool
"""What an extension is in memory. Binary, URI and timestamp stay the strings they came as."""

REQUIRED = ("specversion", "id", "source", "type")
OPTIONAL = ("subject", "time", "datacontenttype", "dataschema")
CORE = frozenset(REQUIRED + OPTIONAL)

_NAME = re.compile(r"[a-z0-9]+")
_RESERVED = frozenset({"data", *CORE})
_INT32_MIN, _INT32_MAX = -(2**31), 2**31 - 1
_NONCHARACTERS = "\ufdd0-\ufdef" + "".join(
    chr(plane * 0x10000 + last) for plane in range(17) for last in (0xFFFE, 0xFFFF)
)
_FORBIDDEN = re.compile(f"[\x00-\x1f\x7f-\x9f\ud800-\udfff{_NONCHARACTERS}]")


def missing(name: str) -> CloudEventFault:
    """The fault of a required attribute that is not there."""
    return CloudEventFault(
        "cloudevent.missing_attribute",
        f"The attribute {name} is missing; every CloudEvent carries "
        f"specversion, id, source and type.",
        attribute=name,
    )


def bad(name: str, message: str) -> CloudEventFault:
    """The fault of an attribute whose value (or name) the specification forbids."""
    return CloudEventFault("cloudevent.bad_attribute", message, attribute=name)


def check_specversion(value: object) -> None:
    """Exactly the string "1.0"."""
    if value != "1.0":
        raise CloudEventFault(
            "cloudevent.unsupported_version",
            'Only specversion "1.0" is taken; send the event in that version.',
            attribute="specversion",
        )


def check_text(name: str, value: object, max_bytes: int = MAX_CORE_BYTES) -> None:
    """A non-empty String: no control characters, noncharacters or lone surrogates."""
    if isinstance(value, str) and value.isascii() and value.isprintable():
        if 0 < len(value) <= max_bytes:
            return  # what nearly all are, in one step
    elif not isinstance(value, str):
        raise bad(name, f"The attribute {name} must be a string.")
    if not value:
        raise bad(name, f"The attribute {name} must not be empty; give it a value.")
    _check_characters(name, value, max_bytes)


def check_source(value: object) -> None:
    """A non-empty URI-reference."""
    check_text("source", value)
    if not is_uri_reference(str(value)):
        raise bad(
            "source",
            f"source must be a URI-reference (RFC 3986), which {shown(str(value))} is not; "
            f"percent-encode what the RFC does not allow.",
        )


def check_dataschema(value: object) -> None:
    """A non-empty URI with a scheme."""
    check_text("dataschema", value)
    if not is_uri(str(value)):
        raise bad("dataschema", "dataschema must be an absolute URI, such as https://host/schema.")


def check_time(value: object) -> None:
    """A timestamp by RFC 3339."""
    check_text("time", value)
    if instant_ns(str(value)) is None:
        raise bad(
            "time",
            f"time must be an RFC 3339 timestamp such as 2026-01-31T12:00:00Z, "
            f"which {shown(str(value))} is not.",
        )


def check_datacontenttype(value: object) -> None:
    """A media type by RFC 2046."""
    check_text("datacontenttype", value)
    if parse_media_type(str(value)) is None:
        raise bad(
            "datacontenttype",
            f"datacontenttype must be a media type such as application/json, "
            f"which {shown(str(value))} is not.",
        )


def check_extensions(extensions: Mapping[str, object]) -> None:
    """Names and values of all extension attributes."""
    for name, value in extensions.items():
        check_extension_name(name)
        if isinstance(value, str):
            _check_characters(name, value, MAX_EXTENSION_BYTES)
        elif not isinstance(value, int):
            raise bad(
                name,
                f"The extension {name} must be a string, a boolean or an integer; "
                f"put structured values into data.",
            )
        elif not _INT32_MIN <= value <= _INT32_MAX:
            raise bad(name, f"The extension {name} is beyond 32 bits; send it as a string.")


def check_extension_name(name: str) -> None:
    """Lower-case letters and digits, and not the name of something else."""
    if name in _RESERVED:
        raise bad(name, f"{name} cannot be the name of an extension attribute; rename it.")
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME_CHARS:
        raise bad(
            name,
            f"{shown(name)} is not an attribute name: use 1 to {MAX_NAME_CHARS} of a-z and 0-9.",
        )


def canonical_text(value: ExtensionValue) -> str:
    """The canonical string of a value (CloudEvents 1.0, "Type System"): `true`, `17`, or itself."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _check_characters(name: str, value: str, max_bytes: int) -> None:
    if value.isascii():
        if not value.isprintable():
            raise _bad_character(name)
        size = len(value)
    else:
        if _FORBIDDEN.search(value):
            raise _bad_character(name)
        size = len(value.encode())
    if size > max_bytes:
        raise CloudEventFault(
            "cloudevent.too_large",
            f"The attribute {name} has {size} bytes; at most {max_bytes} are taken.",
            attribute=name,
        )


def _bad_character(name: str) -> CloudEventFault:
    return bad(
        name,
        f"The attribute {name} holds a control character, a noncharacter or half a surrogate "
        f"pair; CloudEvents strings may not.",
    )
