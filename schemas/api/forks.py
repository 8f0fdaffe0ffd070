"""Asking for forks, and what is answered."""

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    Field,
    StringConstraints,
    ValidationError,
    ValidatorFunctionWrapHandler,
    WrapValidator,
)

from schemas.api.requests import Name, Request

Answered = Literal["recorded", "live", "mock"]
Position = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,17}$")]
Patch = list[Any]


def _one_fault(value: Any, read: ValidatorFunctionWrapHandler) -> Any:
    """Whatever it is not: one fault, not one for each thing that it could be."""
    try:
        return read(value)
    except ValidationError:
        raise ValueError("the seq of an event, `start` or `failed_state`") from None


Place = Annotated[
    Annotated[int, Field(ge=0, le=2_147_483_647)] | Literal["start", "failed_state"],
    WrapValidator(_one_fault),
]
"""Behind which event: its seq, or the name of a place."""

MAX_NAMED = 1_000


class MockError(Request):
    """An error that an action gives instead of being called."""

    code: str = Field(min_length=1, max_length=256)
    message: str = Field(default="", max_length=10_000)
    aliases: list[str] = Field(default=[], max_length=20)
    status: int | None = None
    detail: Any = None


class MockAnswer(Request):
    """What an action answers instead of being called: a result, or an error."""

    result: Any = None
    error: MockError | None = None


class GoingOn(Request):
    """How a new execution goes on. `version` or `definition_hash`: under this version of its
    definition; `patch_data`: a JSON Patch (RFC 6902) of the data that it goes on with (of `frame`,
    the seq of the event that opened it; by default the data that the state there shows);
    `skip_timers`: sleeps and retry delays are over at once."""

    version: Name | None = None
    definition_hash: str | None = Field(default=None, max_length=200)
    patch_data: Patch | None = Field(default=None, max_length=10_000)
    frame: int | None = Field(default=None, ge=1)
    skip_timers: bool = False


class Single(GoingOn):
    """What every fork of one execution has. `name`: of the new execution, unique for each
    workflow; `dry_run`: only say what would happen; `reason`: kept in both logs."""

    name: Name | None = None
    dry_run: bool = False
    reason: str = Field(default="", max_length=1_000)


class Redrive(Single):
    """Try an execution that failed (or was cancelled) again from there: all before is kept, actions
    are called. `version`, `definition_hash`, `patch_data`, `frame`, `skip_timers`: how it goes on.
    `name`: of the new execution, unique for each workflow; `dry_run`: only say what would
    happen. One that was redriven before is refused (`execution.redriven`), unless `again`."""

    again: bool = False


class Course(GoingOn):
    """From where an execution goes on, and with which answers. `at`: behind which event; `start`:
    anew; `failed_state`: behind the entry of the state in which it failed or was cancelled.
    `patch_input` edits the input (then it starts anew), `patch_data` the data it goes on with,
    `patch_events` the `/data` of CloudEvents still to be taken, by position of the stream.
    `answers`: who answers actions: the log of the source, a real call, or `mocks` (the answers of
    an action in the order of its calls); `actions` says it for one `ACTION` or `STATE/ACTION`.
    `missing`: what follows where nothing was recorded."""

    at: Place | None = None
    patch_input: Patch | None = Field(default=None, max_length=10_000)
    patch_events: dict[Position, Patch] = Field(default={}, max_length=MAX_NAMED)
    answers: Answered = "live"
    actions: dict[str, Answered] = Field(default={}, max_length=MAX_NAMED)
    mocks: dict[str, Annotated[list[MockAnswer], Field(min_length=1, max_length=MAX_NAMED)]] = (
        Field(default={}, max_length=MAX_NAMED)
    )
    missing: Literal["fail", "live"] = "fail"


class Fork(Course, Single):
    """Begin a new execution with the first `at` events of this one, or with those before a place
    that has a name (`start`, `failed_state`). What is edited and who answers: `patch_input`,
    `patch_data`, `patch_events`, `answers`, `actions`, `mocks`, `missing`."""


class ForeseenEvent(BaseModel):
    """An event that the fork would record; `told` in words."""

    seq: int
    type: str
    at: str
    frame: int
    node: str
    name: str
    branch: int | None
    iteration: int | None
    attempt: int | None
    told: str
    data: Any


class Foresight(BaseModel):
    """What a dry run comes to: `events` are the first of `count`; `stop` says why it came no
    further (null: it ended), `output` and `error` how it ended. `diverges_at`: the first event of
    the source that it would not have the like of (null: there is none as far as it came)."""

    status: str
    count: int
    events: list[ForeseenEvent]
    stop: str | None
    stop_message: str | None
    output: Any
    error: Any
    diverges_at: int | None


class ForkAnswer(BaseModel):
    """A fork. `execution`: the new one (null after a dry run); `at`: how many events of `source` it
    begins with; `asked_at`: how many were asked for (it is less where nothing goes on from the
    event that was named). `edits`: the writes that the patch of the data came to."""

    execution: str | None
    source: str
    at: int
    asked_at: int
    workflow: str
    version: str
    definition_hash: str
    replayed: bool
    redrive: bool
    edits: list[Any]
    dry_run: Foresight | None
