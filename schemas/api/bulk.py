"""Forks of many executions at once: asked for, and told line by line."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StringConstraints, model_validator

from schemas.api.forks import Course, GoingOn
from schemas.api.requests import Request

Text = Annotated[str, StringConstraints(min_length=1, max_length=512, pattern=r"^[^\x00-\x1f]*$")]
Status = Literal[
    "running", "waiting", "suspended", "completed", "failed", "cancelled", "timed_out"
]  # fmt: skip
MAX_LIMIT = 1_000_000
DEFAULT_LIMIT = 10_000
MAX_RATE = 1_000


class BulkFilter(Request):
    """Which executions: the filters of `GET /executions`, at least one. Times as RFC 3339;
    `label`: `NAME=VALUE`; `where`: `PATH=VALUE`."""

    workflow: Text | None = None
    version: Text | None = None
    status: Status | None = None
    error: Text | None = None
    forked_from: Text | None = None
    forks: Literal["only", "none"] | None = None
    batch: Text | None = None
    started_after: Text | None = None
    started_before: Text | None = None
    label: list[Text] = Field(default=[], max_length=10)
    where: list[Text] = Field(default=[], max_length=10)

    @model_validator(mode="after")
    def _at_least_one(self) -> "BulkFilter":
        if not self.model_dump(exclude_defaults=True):
            raise ValueError("name at least one filter")
        return self


class Bulk(Request):
    """What every bulk request has. `filter`: of which executions; `dry_run`: count them, and say of
    some of each version what would happen; `reason`: kept in every log and in the audit stream,
    needed unless it is a dry run (the header Refold-Reason will do); `limit`: the newest so many
    at most, without it there must be no more than 10,000; `rate`: so many in a second at most."""

    filter: BulkFilter
    dry_run: bool = False
    reason: str = Field(default="", max_length=1_000)
    limit: int | None = Field(default=None, ge=1, le=MAX_LIMIT)
    rate: int | None = Field(default=None, ge=1, le=MAX_RATE)


class BulkFork(Bulk):
    """Fork every execution that the filter names, each as `fork` says."""

    fork: Course


class BulkRedrive(Bulk):
    """Try every execution that the filter names again from where it failed (without `status`: those
    that failed), each as `redrive` says. One that was redriven before is skipped unless `again`."""

    redrive: GoingOn = GoingOn()
    again: bool = False


class BulkProgress(BaseModel):
    """How many of `total` were looked at."""

    done: int
    total: int


class BulkRefusals(BaseModel):
    """Executions of which there is no fork, for the same reason: `detail` is that of the first;
    some of their ids."""

    code: str
    count: int
    detail: str
    examples: list[str]


class BulkSummary(BaseModel):
    """What became of it. `forked` now; `before`: under the same key, by an earlier request;
    `skipped`: nothing can be forked there; `failed`: by a fault of Refold, the same key tries them
    again."""

    forked: int
    before: int
    skipped: list[BulkRefusals]
    failed: list[BulkRefusals]


class BulkOutcome(BaseModel):
    """What would happen to `count` of the executions that were tried. `outcome`: the status that
    they would have, or `refused`; `stop` and `code` say why they would come no further, or not be
    forked."""

    outcome: str
    stop: str | None = None
    code: str | None = None
    told: str
    count: int
    examples: list[str]


class BulkGroup(BaseModel):
    """Executions of one version: so many the filter names without its limit, `tried` of them were
    followed in memory."""

    workflow: str
    version: str
    count: int
    tried: int
    outcomes: list[BulkOutcome]


class BulkForesight(BaseModel):
    """A dry run: what would happen, for each version, the most frequent ones first. `tried` of all;
    `more`: versions that are not told of."""

    tried: int
    more: int
    groups: list[BulkGroup]


class BulkLine(BaseModel):
    """A line of the answer; one member is there, with the first `batch` and `count`. `count`: so
    many executions the filter named when it began; `batch`: what the forks are found by (null: a
    dry run); `behind`: events that the execution list had not read then. Then `progress`, and at
    last `summary`, `foresight` or `problem`."""

    batch: str | None = None
    count: int | None = None
    behind: int | None = None
    progress: BulkProgress | None = None
    summary: BulkSummary | None = None
    foresight: BulkForesight | None = None
    problem: dict[str, str] | None = None
