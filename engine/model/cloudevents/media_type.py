"""Media types: what stands in `datacontenttype` and in the header Content-Type."""

import functools
import re

import msgspec

from engine.model.cloudevents.limits import MAX_CORE_BYTES

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]++"
_QUOTED = r'"(?:[\t !#-\[\]-~]|\\[\t -~])*+"'
_HEAD = re.compile(rf"({_TOKEN})/({_TOKEN})")
_PARAMETER = re.compile(rf"[ \t]*+;[ \t]*+({_TOKEN})=({_TOKEN}|{_QUOTED})")

_CODECS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "ascii",
    "ascii": "ascii",
    "iso-8859-1": "latin-1",
    "latin1": "latin-1",
}


class MediaType(msgspec.Struct, frozen=True):
    """`type/subtype; charset=...` taken apart, in lower case. Other parameters are not kept.

    charset: as declared, or None.
    """

    type: str
    subtype: str
    charset: str | None

    @property
    def is_json(self) -> bool:
        """Whether it declares JSON: `*/json` or `*/*+json` (JSON format, section 3.1.1)."""
        return self.subtype == "json" or self.subtype.endswith("+json")

    @property
    def is_text(self) -> bool:
        return self.type == "text" and not self.is_json

    @property
    def codec(self) -> str | None:
        """Python's name of the charset, UTF-8 where none is declared, None if we lack it."""
        return "utf-8" if self.charset is None else _CODECS.get(self.charset)

    @property
    def takes_text(self) -> bool:
        """Whether a string may stand for the data: not JSON, and of a charset that we have."""
        return not self.is_json and self.codec is not None

    @property
    def is_utf8(self) -> bool:
        """Whether the declared charset, if any, is UTF-8 or a subset of it."""
        return self.codec in ("utf-8", "ascii")


@functools.lru_cache(maxsize=256)
def parse_media_type(text: str) -> MediaType | None:
    """`text` as a media type (RFC 2046, with the parameters' syntax of RFC 2045), else None."""
    head = _HEAD.match(text) if len(text) <= MAX_CORE_BYTES else None
    if head is None:
        return None
    charset: str | None = None
    seen: set[str] = set()
    place = head.end()
    while place < len(text):
        parameter = _PARAMETER.match(text, place)
        if parameter is None:
            return None
        name = parameter[1].lower()
        if name in seen:
            return None
        seen.add(name)
        if name == "charset":
            charset = _unquoted(parameter[2]).lower()
        place = parameter.end()
    return MediaType(head[1].lower(), head[2].lower(), charset)


def _unquoted(value: str) -> str:
    return re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
