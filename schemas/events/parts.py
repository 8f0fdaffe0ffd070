"""Parts that several event bodies share: a write, an error, a filter, a CloudEvent's reference."""

from typing import Any, Literal

import msgspec
from msgspec import UNSET, UnsetType

WriteMode = Literal["replace", "merge", "append", "result"]

HeldStage = Literal["entry", "call", "retry"]
"""What a held node waits to do: see `schemas.events.bodies.NodeHeld`."""


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


class Asked(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Of a command from outside: `origin` is where it came from (the client's address and program
    as the API saw them), `reason` why, in the words of whoever asked. The actor says who."""

    origin: str = ""
    reason: str = ""


UNASKED = Asked()
"""Nobody asked from outside: the program did it by itself."""

AnsweredBy = Literal["live", "recorded", "mock"]


class MockAnswer(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What an action answers instead of being called: a result or an error."""

    result: Any = None
    error: Error | None = None


class AnswerPolicy(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Who answers the actions of a fork: a real call (`live`), the log of the source (`recorded`),
    or `mocks`. `actions` says it by name (`ACTION` or `STATE/ACTION`) where it is not `default`.
    `mocks` gives the answers of an action in the order of its calls; the last one stays.
    `missing`: what follows where the source recorded no answer. `skip_timers`: sleeps and retry
    delays are over at once."""

    default: AnsweredBy = "live"
    actions: dict[str, AnsweredBy] = {}
    mocks: dict[str, tuple[MockAnswer, ...]] = {}
    missing: Literal["fail", "live"] = "fail"
    skip_timers: bool = False


class FrameEdit(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """What a person changed in the data of one open frame."""

    frame: int
    writes: tuple[Write, ...]


class EditedCloudEvent(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """A CloudEvent as this execution is to see it instead of the one at this position of the
    stream: its payload, and the whole of it in its JSON form."""

    position: int
    payload: Any
    whole: Any


class CloudEventRef(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Which CloudEvent of the namespace's stream was taken."""

    position: int
    id: str
    source: str
    type: str
