"""Answers about any point of an execution: what differs between two, who wrote a value."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from schemas.api.answers import Status


class Point(BaseModel):
    """A point of an execution: after the event `seq` (0: before the first)."""

    execution: str
    seq: int
    at: str | None
    status: Status


class ValueChange(BaseModel):
    """One difference. `path` as people write it: what was removed in the first value, all else in
    the second; `pointer`: where the patch finds it. `before` is absent for `add`, `after` for
    `remove`."""

    kind: Literal["add", "remove", "replace"]
    path: str
    pointer: str
    before: Any = None
    after: Any = None


class Difference(BaseModel):
    """What makes the second of the first: `patch` is a JSON Patch (RFC 6902), `changes` says the
    same with both values. Numbers differ where their values do, not their spelling."""

    from_: Point = Field(alias="from")
    to: Point
    of: Literal["data", "state", "input", "output"]
    equal: bool
    changes: list[ValueChange]
    patch: list[dict[str, Any]]


class EventPlace(BaseModel):
    """An event of the log and what it happened in. `name`: of the action, the wait or the state;
    `node`: JSON pointer of the part of the definition."""

    id: str
    seq: int
    at: str
    type: str
    state: str
    name: str
    node: str
    branch: int | None
    iteration: int | None
    attempt: int | None


class MoveHere(BaseModel):
    """An event that brought the value on. `of`: where it was: parent (the frame around), child (the
    frame that closed), result, received, branches, iterations, elements, data."""

    event: EventPlace
    of: str
    source: str


class TakenCloudEvent(BaseModel):
    """The CloudEvent that the value came with."""

    position: int
    id: str
    source: str
    type: str


class PlacedExpression(BaseModel):
    """An expression that made a part of the arguments; the path of all of them is `.`."""

    path: str
    expression: str


class BlamedCall(BaseModel):
    """The call whose result the value is. `event`: the ActionScheduled of its first attempt;
    `attempt`: the one that answered; `reads`: what its arguments were made from."""

    event: EventPlace
    function: str
    handler: str
    operation: str
    attempt: int
    arguments: Any = Field(default=None, description="Absent where they are large.")
    expressions: list[PlacedExpression]
    reads: list["BlamedValue"]


class BlamedValue(BaseModel):
    """Where a value came from. `path` is in `root`: the state's data, an action's result, a
    payload. `kind`: input (of the execution), computed (by `expression`), fixed (by the
    definition), result (of `call`), cloudevent, callback, elements (of a foreach), collected
    (results of iterations), edited (by a fork), made (an empty place). `event` is the one that it
    came into the log with, `pointer` where it stands in its data, `write` which of its writes it
    is, `source` the part of the definition that asked for it. `moves`: events that brought it on
    since, newest first. `reads`: what it was computed from. `cut`: there is more behind it."""

    path: str
    root: str
    kind: str
    value: Any = Field(default=None, description="Absent where it is large, or not in the log.")
    event: EventPlace
    pointer: str
    write: int | None
    source: str
    expression: str | None
    constants: list[str]
    cloudevent: TakenCloudEvent | None
    call: BlamedCall | None
    reads: list["BlamedValue"]
    moves: list[MoveHere]
    cut: bool


class Blame(BaseModel):
    """Who wrote the value at `path` of the data of a frame (0: the output of the execution).
    `items`: one finding; of an object or array that was written in parts the part that came last;
    with `all` one for each scalar in it, without what it was made of, `complete` if that is all."""

    execution: str
    seq: int
    at: str | None
    frame: int
    name: str
    path: str
    value: Any
    items: list[BlamedValue]
    complete: bool = True
