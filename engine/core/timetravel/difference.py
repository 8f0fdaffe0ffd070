"""What an impact report says of one execution: the nouns of it."""

from typing import Any, Literal

import msgspec

Kind = Literal[
    "branch", "path", "no_answer", "no_event", "fails",
    "call", "emission", "output", "data", "wait",
]  # fmt: skip
"""`branch`: a switch decides otherwise. `path`: the way is another one without a decision.
`no_answer`: an action is called that has no recorded result; `no_event`: a wait takes none of the
recorded CloudEvents. `fails`: an error where there was none. On the same way: `call`, `emission`:
an action is called, a CloudEvent emitted with other data; `output`: the output is another one;
`data`, `wait`: the data of a running execution is, or what it waits for."""

Ended = Literal["completed", "failed", "cancelled", "running", "unknown"]
"""How an execution ended; `unknown`: the simulation needs an answer that was not recorded."""


class Difference(msgspec.Struct, frozen=True):
    """What differs, the same for all executions of a group. `state`: the name of the state, `name`
    of the action or event; `was` and `now` in words, or of a `branch` the state that follows;
    `pointer`: the first place (RFC 6901) where arguments, payload, output or data differ."""

    kind: Kind
    state: str = ""
    name: str = ""
    was: str = ""
    now: str = ""
    condition_was: str | None = None
    condition_now: str | None = None
    pointer: str | None = None


class Sample(msgspec.Struct, frozen=True):
    """The difference in one execution: `seq` of the event of the source where it shows, the values
    that were read or that differ, and what the simulation says of an error or missing answer."""

    seq: int
    was: Any = None
    now: Any = None
    message: str = ""


class Finding(msgspec.Struct, frozen=True):
    """What became of one execution. `was` and `now`: how it ended; `differences` are none where the
    new version changes nothing; `unknown`: the action or event without which the simulation could
    not go on."""

    was: Ended
    now: Ended
    differences: tuple[tuple[Difference, Sample], ...] = ()
    unknown: str = ""
