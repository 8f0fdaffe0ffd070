"""`to_entries` and `from_entries`: objects as arrays of keys and values."""

from __future__ import annotations

from engine.expr.access import iterate
from engine.expr.budget import Frame, spend, spend_on_items
from engine.expr.fault import failed
from engine.expr.json_text import Value
from engine.expr.order import kind_name
from engine.expr.text import describe

_KEY_NAMES = ("key", "Key", "name", "Name")


def to_entries(target: Value, frame: Frame) -> list[Value]:
    """`[{key, value}, ...]` of an object in the order of its keys, or of an array."""
    if isinstance(target, dict):
        pairs = list(target.items())
    elif isinstance(target, list):
        pairs = list(enumerate(target))
    else:
        raise failed(f"{describe(target)} has no keys")
    spend_on_items(frame, len(pairs))
    spend(frame, 2 * len(pairs))
    return [{"key": key, "value": value} for key, value in pairs]


def from_entries(entries: Value, frame: Frame) -> dict[str, Value]:
    """The object of such an array; keys may be named key, Key, name or Name."""
    result: dict[str, Value] = {}
    for entry in iterate(entries, frame):
        if entry is not None and not isinstance(entry, dict):
            raise failed(f"cannot take an entry from {kind_name(entry)}")
        members = entry or {}
        named = (members.get(name) for name in _KEY_NAMES)
        key = next((name for name in named if name is not None and name is not False), None)
        if not isinstance(key, str):
            raise failed(f"{describe(key)} cannot be the key of an object")
        result[key] = members["value"] if "value" in members else members.get("Value")
    return result
