"""Builds the value of a document from a stream of its parts, and remembers where each part was.

The stream may come from hostile text: depth and number of values are counted as they come, before
anything is built from them. Nothing here recurses.
"""

from typing import Any

import msgspec

from engine.dialects.source.fault import Unreadable, unreadable

Place = tuple[int, int]
"""Line and column, both from 1."""


class Limits(msgspec.Struct, frozen=True):
    """What a text may cost."""

    max_bytes: int
    max_depth: int
    max_nodes: int


class Source(msgspec.Struct, frozen=True):
    """A document that was read. `places` leads from a JSON pointer to a place: of the value for a
    scalar and an array element, of the key for an object or array under a key. `keys`: the place
    of the key."""

    value: Any
    places: dict[str, Place]
    keys: dict[str, Place]

    def place(self, pointer: str) -> Place:
        """Where the part is, or the nearest part around it that exists."""
        while pointer not in self.places and pointer:
            pointer = pointer.rpartition("/")[0]
        return self.places.get(pointer, (1, 1))

    def key_place(self, pointer: str) -> Place:
        """Where the key of the member is."""
        return self.keys.get(pointer) or self.place(pointer)


def escape(segment: str | int) -> str:
    """A member name as a segment of a JSON pointer."""
    return str(segment).replace("~", "~0").replace("/", "~1")


class _Open:
    """An object or array that is not closed yet."""

    __slots__ = ("key", "pointer", "value")

    def __init__(self, value: dict[str, Any] | list[Any], pointer: str) -> None:
        self.value = value
        self.pointer = pointer
        self.key: str | None = None


class TreeBuilder:
    """Takes keys, scalars, opens and closes in the order of the text."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._open: list[_Open] = []
        self._nodes = 0
        self.value: Any = None
        self.places: dict[str, Place] = {}
        self.keys: dict[str, Place] = {}

    @property
    def wants_key(self) -> bool:
        """Whether the next part must be a key (or the end) of an object."""
        return bool(self._open) and self._open[-1].key is None and self.in_object

    @property
    def in_object(self) -> bool:
        return bool(self._open) and isinstance(self._open[-1].value, dict)

    @property
    def depth(self) -> int:
        return len(self._open)

    def pointer(self) -> str:
        """The place that the next part will have in the document."""
        if not self._open:
            return ""
        top = self._open[-1]
        if isinstance(top.value, list):
            return f"{top.pointer}/{len(top.value)}"
        return top.pointer if top.key is None else f"{top.pointer}/{escape(top.key)}"

    def add_key(self, key: str, place: Place) -> None:
        """The name of the next member."""
        self._count(place)
        top = self._open[-1]
        pointer = f"{top.pointer}/{escape(key)}"
        if key in top.value:
            first = self.keys[pointer]
            raise unreadable(
                "duplicate_key",
                f"{key!r} is here already, in line {first[0]}; remove one of the two",
                pointer,
                *place,
            )
        top.key = key
        self.keys[pointer] = place

    def add_scalar(self, value: Any, place: Place) -> None:
        """A text, number, true, false or null."""
        self._count(place)
        self._attach(value, self.pointer(), place)

    def open(self, value: dict[str, Any] | list[Any], place: Place) -> None:
        """An empty object or array that the parts until `close` belong to."""
        self._count(place)
        if len(self._open) >= self._limits.max_depth:
            raise self._refusal(
                "depth",
                f"the document is nested deeper than {self._limits.max_depth} levels; flatten it",
                place,
            )
        pointer = self.pointer()
        self._attach(value, pointer, self.keys.get(pointer, place))
        self._open.append(_Open(value, pointer))

    def close(self) -> None:
        """The innermost object or array is complete."""
        self._open.pop()

    def source(self) -> Source:
        return Source(self.value, self.places, self.keys)

    def _attach(self, value: Any, pointer: str, place: Place) -> None:
        self.places[pointer] = place
        if not self._open:
            self.value = value
            return
        top = self._open[-1]
        if isinstance(top.value, list):
            top.value.append(value)
        elif top.key is not None:
            top.value[top.key] = value
            top.key = None

    def _count(self, place: Place) -> None:
        self._nodes += 1
        if self._nodes > self._limits.max_nodes:
            raise self._refusal(
                "nodes",
                f"the document has more than {self._limits.max_nodes} values; make it smaller",
                place,
            )

    def _refusal(self, code: str, message: str, place: Place) -> Unreadable:
        return unreadable(code, message, self.pointer(), *place)
