"""Held executions and breakpoints: what is asked, what is answered."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, StringConstraints

from schemas.api.answers import Status
from schemas.api.requests import Name, Request
from schemas.api.suspension import SuspensionFact

Condition = Annotated[
    str, StringConstraints(min_length=1, max_length=16_384, pattern=r"^[^\x00]+$")
]
Reason = Annotated[str, StringConstraints(max_length=1_000, pattern=r"^[^\x00]*$")]


class HoldExecution(Request):
    """Pause, resume or step an execution; `reason` is kept in its log."""

    reason: Reason = ""


class SetBreakpoint(Request):
    """Hold executions of `workflow` that are about to enter `state`. `version`: only of this one;
    `execution`: only this one. `condition`: a jq expression on the data that the state would get;
    it holds where that is true. `once`: the first alone. `sample`: of this share of the executions,
    the same ones every time. It ends after `expires_s` seconds; with `release_on_expiry` what it
    holds is let go then."""

    workflow: Name
    state: Name
    version: Name | None = None
    execution: str | None = Field(default=None, max_length=64)
    condition: Condition | None = None
    once: bool = False
    sample: float = Field(default=1.0, gt=0, le=1)
    expires_s: int = Field(default=3_600, ge=1, le=30 * 24 * 3_600)
    release_on_expiry: bool = True
    reason: Reason = ""


class Standing(BaseModel):
    """Where an execution stands: the states that are open, the data of the one in the main flow,
    and, if it is held, why and before what."""

    execution: str
    status: Status
    seq: int
    states: list[str]
    data: Any
    suspension: SuspensionFact | None


class Breakpoint(BaseModel):
    """A breakpoint. `status`: `armed`, `spent` (it holds once, and did), `expired` or `removed`;
    `last_error`: why its condition held nothing. Every engine looks at it from `effective_at`."""

    id: str
    workflow: str
    version: str | None
    state: str
    execution: str | None
    condition: str | None
    once: bool
    sample: float
    status: Literal["armed", "spent", "expired", "removed"]
    created_at: str
    effective_at: str
    expires_at: str
    release_on_expiry: bool
    actor: str
    origin: str
    reason: str
    hits: int
    last_hit_at: str | None
    last_hit: str | None
    last_error_at: str | None
    last_error: str | None
    removed_at: str | None


class BreakpointPage(BaseModel):
    """Breakpoints, the newest first."""

    items: list[Breakpoint]
    next: str | None = Field(description="Send it as `cursor` for the next page; null: the last.")


class RemovedBreakpoint(Breakpoint):
    """The breakpoint, removed; `released`: how many executions that it held are let go."""

    released: int
