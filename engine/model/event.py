"""An event of the log as the core sees it: the envelope around a body of `schemas.events`."""

import msgspec

from schemas.events.bodies import EventBody


class Event(msgspec.Struct, frozen=True, gc=False):
    """One fact of one execution.

    `seq` counts 1..n without gap. `at` is in milliseconds since 1970, derived from the database's
    clock, never below that of the event before. `frame` is the seq of the event that opened the
    scope this event happened in (0: none). `node` is the JSON pointer of the part of the
    definition, `name` what its author calls it. `branch`, `iteration`: numbers from 0; `attempt`:
    from 1.
    `actor` asked for it (`engine` when nobody did); `causation` is the seq of the event of this
    execution that led to it, 0 for a command from outside; `traceparent` as in W3C Trace Context.
    """

    seq: int
    at: int
    body: EventBody
    frame: int = 0
    node: str = ""
    name: str = ""
    branch: int | None = None
    iteration: int | None = None
    attempt: int | None = None
    actor: str = "engine"
    causation: int = 0
    traceparent: str | None = None
