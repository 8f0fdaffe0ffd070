"""Text of a definition, YAML or JSON, to its value and the place of every part of it."""

from engine.dialects.source.fault import Fault, Severity, Unreadable, unreadable
from engine.dialects.source.json_text import read_json
from engine.dialects.source.tree import Limits, Place, Source, escape
from engine.dialects.source.yaml_text import read_yaml
from engine.model import limits as _limits

__all__ = [
    "DEFINITION",
    "RESOURCE",
    "Fault",
    "Limits",
    "Place",
    "Severity",
    "Source",
    "Unreadable",
    "escape",
    "read_source",
]

DEFINITION = Limits(
    _limits.MAX_DEFINITION_BYTES, _limits.MAX_DEFINITION_DEPTH, _limits.MAX_DEFINITION_NODES
)
"""Limits of a definition."""

RESOURCE = Limits(
    _limits.MAX_RESOURCE_BYTES, _limits.MAX_DEFINITION_DEPTH, _limits.MAX_RESOURCE_NODES
)
"""Limits of a document that a definition names."""


def read_source(text: bytes, media_type: str = "", limits: Limits = DEFINITION) -> Source:
    """Read one document. `media_type` says which language (`application/json`, `.../yaml`, `+json`,
    `+yaml`); any other lets the text decide: JSON if it begins with `{`. Raises Unreadable with a
    code under `definition.source`."""
    if len(text) > limits.max_bytes:
        raise unreadable(
            "size", f"the text has {len(text)} bytes, allowed are {limits.max_bytes}", "", 1, 1
        )
    characters = _decode(text)
    if _is_json(characters, media_type):
        return read_json(characters, limits)
    return read_yaml(characters, limits)


def _decode(text: bytes) -> str:
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = text[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - (before.rfind(b"\n") + 1) + 1
        raise unreadable(
            "encoding", "the text is not UTF-8; save it as UTF-8", "", line, column
        ) from None


def _is_json(text: str, media_type: str) -> bool:
    kind = media_type.partition(";")[0].strip().lower()
    if kind.endswith(("/json", "+json")):
        return True
    if kind.endswith(("yaml", "yml")):
        return False
    return text.lstrip(" \t\r\n").startswith("{")
