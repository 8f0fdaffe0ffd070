"""Why an execution is held, and before what."""

from typing import Literal

from pydantic import BaseModel


class HeldNode(BaseModel):
    """What is done next when the execution is resumed: `enter` a state or a part of one, `leave`
    the scope of that name, `call` an action whose sleep before it is over, `retry` it. `state`: the
    state it lies in, if one is open."""

    next: Literal["enter", "leave", "call", "retry"]
    name: str
    state: str | None
    branch: int | None
    iteration: int | None
    node: str
    seq: int


class SuspensionFact(BaseModel):
    """Why nothing is entered, since when and by whom. `cause`: `paused` by a person, at a
    `breakpoint`, after a `step`, `imported` or `forked` to stand still; `until`: when it is let go
    by itself (null: when somebody resumes it)."""

    cause: Literal["paused", "breakpoint", "step", "imported", "forked"]
    since: str
    actor: str
    origin: str
    reason: str
    breakpoint: str | None
    condition: str | None
    until: str | None
    held: list[HeldNode]
