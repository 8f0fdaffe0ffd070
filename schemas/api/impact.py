"""Answers about what a new version of a definition would change."""

from typing import Any, Literal

from pydantic import BaseModel, Field

Ended = Literal["completed", "failed", "cancelled", "running", "unknown"]


class ImpactDefinition(BaseModel):
    """The version that was tried."""

    workflow: str
    version: str
    hash: str


class ImpactExample(BaseModel):
    """One execution of a group. `seq`: the event of its log where the difference shows; `was` and
    `now`: the values that the condition read (by path), or that differ at the group's pointer;
    `message`: what the simulation says of an error or of a missing answer."""

    execution: str
    seq: int
    was: Any = None
    now: Any = None
    message: str = ""


class ImpactGroup(BaseModel):
    """Executions that the new version changes in the same way. `told` is all of it in a sentence.
    `pointer`: the first place (RFC 6901) that differs; `ends`: how many of them end how."""

    kind: Literal[
        "branch", "path", "no_answer", "no_event", "fails",
        "call", "emission", "output", "data", "wait",
    ]  # fmt: skip
    told: str
    count: int
    state: str
    name: str
    was: str
    now: str
    condition_was: str | None
    condition_now: str | None
    pointer: str | None
    ends: dict[str, int]
    examples: list[ImpactExample]


class ImpactEnds(BaseModel):
    """So many executions ended like this and would end like that."""

    was: Ended
    now: Ended
    count: int


class ImpactUnknown(BaseModel):
    """So many executions reach this action (or event) without a recorded answer for it."""

    name: str
    count: int


class ImpactUnsafe(BaseModel):
    """A running execution that the new version would not have brought where it is."""

    execution: str
    reason: str


class ImpactRunning(BaseModel):
    """Running executions: `safe` to go on under the new version, or not; each list is cut at
    10,000, the counts are of all."""

    safe_count: int
    unsafe_count: int
    safe: list[str]
    unsafe: list[ImpactUnsafe]


class ImpactSkipped(BaseModel):
    """Executions that could not be compared."""

    reason: str
    count: int
    examples: list[str]


class ImpactReport(BaseModel):
    """What a new version would have made of recorded executions. `impact`: it changes some.
    `same_path`: so many take the same path, whatever else differs; `new_failures`: so many would
    fail that did not."""

    definition: ImpactDefinition
    impact: bool
    executions: int
    same: int
    changed: int
    same_path: int
    new_failures: int
    groups: list[ImpactGroup]
    uncounted: int = Field(description="Differences beyond the 500 groups that are counted.")
    ends: list[ImpactEnds]
    unknown: list[ImpactUnknown]
    running: ImpactRunning
    skipped: list[ImpactSkipped]


class ImpactProgress(BaseModel):
    """How far the report is."""

    done: int
    total: int
    changed: int


class ImpactLine(BaseModel):
    """A line of the answer: progress from time to time; the last line is the report, or the problem
    that ended it (as in RFC 9457: code and detail)."""

    progress: ImpactProgress | None = None
    report: ImpactReport | None = None
    problem: dict[str, str] | None = None
