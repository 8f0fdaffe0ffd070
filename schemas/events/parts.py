"""Parts that several event bodies share: a write, an error, a filter, a CloudEvent's reference."""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

WriteMode = Literal["replace", "merge", "append", "result"]


class Write(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One change of a frame's data: the only way data ever changes, and what blame reads.

    `path` leads from the root of the frame's data; missing objects on the way are made.
    `mode`: `replace` puts the value there; `merge` merges as DSL 0.8 does (objects deep, arrays as
    a concatenation of unique elements, scalars overwrite); `append` adds the elements of the value
    to an array; `result` leaves the data alone: the value is the iteration's result.
    The value is in `value`, or, so that no fact is stored twice, `of` says where it already is:
    `result`, `input`, `data` (a member of this event), `parent` (data of the parent frame), `child`
    (data of the frame that this event closes), `received:REF` (the payload that the wait holds for
    event definition REF), `branches` (what the named branches wrote, in declaration order) or
    `iterations` (the results of the iterations, in input order).
    `source` is the JSON pointer of the part of the definition that asked for the write.
    """

    path: tuple[str | int, ...] = ()
    mode: WriteMode = "merge"
    value: Any | UnsetType = UNSET
    of: str | None = None
    source: str = ""


class Error(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What went wrong, as a fact. `code` is stable; `aliases` are the other codes that an
    `errors` definition may name to mean this (see docs/errors.md, the table of error codes).
    Where it arose: the names of the `state` and of the `action` that failed, `node` the JSON
    pointer of the part of the definition, `expression` the one that has no value. All of it empty
    in logs that were written before these members were."""

    code: str
    message: str
    aliases: tuple[str, ...] = ()
    status: int | None = None
    detail: Any = None
    state: str = ""
    action: str = ""
    node: str = ""
    expression: str = ""


class EventFilter(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What one event definition of a wait accepts.

    `source` may hold the wildcards `+` (one segment) and `#` (the rest); None accepts any.
    `correlation` pairs a context attribute (lower case) with the value it must have; None: the
    value that this execution has, or will have, fixed by the first CloudEvent it takes.
    `after`: only CloudEvents at a position above this one of the stream count.
    """

    ref: str
    type: str
    source: str | None = None
    correlation: tuple[tuple[str, str | None], ...] = ()
    after: int = 0


class CloudEventRef(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Which CloudEvent of the namespace's stream was taken."""

    position: int
    id: str
    source: str
    type: str
