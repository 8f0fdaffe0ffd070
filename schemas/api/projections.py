"""Bodies of answers from the read tables, a moment behind the log."""

from typing import Any, Literal

from pydantic import BaseModel

from schemas.api.answers import Status


class ExecutionRow(BaseModel):
    """An execution in the list, as far as the projection has read. `error`: the code. Of a fork:
    the execution it was taken from, after which event, and the bulk fork that it is part of."""

    id: str
    workflow: str
    version: str
    name: str | None
    status: Status
    started_at: str
    closed_at: str | None
    last_seq: int
    labels: dict[str, str]
    error: str | None
    forked_from: str | None
    forked_at: int | None
    batch: str | None


class ExecutionPage(BaseModel):
    """Executions, newest first; `next` is the cursor of the next page."""

    items: list[ExecutionRow]
    next: str | None = None


class ExecutionGroup(BaseModel):
    """So many executions have these values; those that were not asked for are null."""

    workflow: str | None = None
    version: str | None = None
    status: Status | None = None
    count: int


class ExecutionCount(BaseModel):
    """How many executions the filters let through; `groups`: the largest 1,000, largest first."""

    count: int
    groups: list[ExecutionGroup]


class HistoryScope(BaseModel):
    """A state, branch or iteration: `frame` is the seq of the event that opened it, `parent` that
    of the scope around it, `left_seq` that of the event that closed it. `left_at`, `outcome`: null
    while it is open. Of a state: `input` is its data when it was entered, `output` what it gave to
    what is around it; `cut` names those of the two that are not shown here (too large, or too far
    behind in the log): `GET .../state?at=frame` and event `left_seq` have them."""

    frame: int
    parent: int
    kind: Literal["state", "branch", "iteration"]
    name: str
    type: str
    branch: int | None
    iteration: int | None
    entered_at: str
    left_at: str | None
    left_seq: int | None
    duration_ms: int | None
    outcome: str | None
    next: str | None
    error_code: str | None
    input: Any = None
    output: Any = None
    cut: list[Literal["input", "output"]] = []


class HistoryAttempt(BaseModel):
    """One attempt of an action in the scope `frame`; `first` is the seq of the first attempt.
    `input`: the arguments as recorded (secrets are not among them), `output`: the result; `cut` as
    in the scopes: events `first` and `ended_seq` have them."""

    seq: int
    frame: int
    name: str
    function: str
    attempt: int
    first: int
    answered_by: Literal["live", "recorded", "mock"]
    scheduled_at: str
    ended_at: str | None
    ended_seq: int | None
    duration_ms: int | None
    outcome: str | None
    error_code: str | None
    error_message: str | None
    input: Any = None
    output: Any = None
    cut: list[Literal["input", "output"]] = []


class History(BaseModel):
    """A page of the history of an execution: what was opened behind the event `after`, in order;
    `next`: the value of `after` for the next page. `last_seq`: how far the projection has read."""

    id: str
    status: Status
    last_seq: int
    scopes: list[HistoryScope]
    attempts: list[HistoryAttempt]
    next: str | None = None


class TimelineBar(BaseModel):
    """Something that took time: a scope, an attempt of an action, a timer, a wait. `seq`: the event
    that opened it; `depth`: how many scopes are around it; `end` is null while it is open.
    `detail`: the function, the CloudEvents' types, the timer's purpose."""

    seq: int
    kind: Literal["state", "branch", "iteration", "action", "timer", "event", "callback"]
    name: str
    detail: str
    depth: int
    start: str
    end: str | None
    duration_ms: int | None
    outcome: str | None


class Timeline(BaseModel):
    """Bars in order of their beginning. `from`, `until`: of the execution, `until` null while it
    runs; `next`: the value of `after` for the next page."""

    id: str
    status: Status
    started_at: str | None
    closed_at: str | None
    last_at: str | None
    last_seq: int
    bars: list[TimelineBar]
    next: str | None = None


class Percentiles(BaseModel):
    """Exact percentiles of durations in milliseconds: each is one that occurred."""

    p50_ms: int
    p95_ms: int
    p99_ms: int


class StateStatistics(BaseModel):
    """One state: how often it was entered, failed (with or without a handler), is open, and how
    often a call of it was made again. `duration`: of those that were left."""

    name: str
    type: str
    count: int
    failures: int
    open: int
    retries: int
    duration: Percentiles | None


class VersionStatistics(BaseModel):
    """One version of a workflow. `duration`: of executions that were completed."""

    version: str
    started: int
    completed: int
    failed: int
    cancelled: int
    running: int
    duration: Percentiles | None
    states: list[StateStatistics]


class WorkflowStatistics(BaseModel):
    """Statistics of a workflow, the version that was started last first. Forks count from where
    they left their source; those with recorded or mocked answers do not count."""

    workflow: str
    versions: list[VersionStatistics]


class Taker(BaseModel):
    """An execution that took a CloudEvent by its event `seq`. `role`: it was started or resumed by
    it, or keeps it until the others of its wait have come. Of a start that gathers its CloudEvents
    and is none yet, `workflow` is null. `state`: that waited; null where the CloudEvent was the
    start."""

    execution: str
    workflow: str | None
    version: str | None
    status: Status | None
    seq: int
    role: Literal["started", "resumed", "kept"]
    state: str | None
    at: str


class Emitter(BaseModel):
    """The execution that emitted a CloudEvent: by its event `seq`, in `state`."""

    execution: str
    workflow: str | None
    version: str | None
    status: Status | None
    seq: int
    state: str | None
    at: str


class EventLineage(BaseModel):
    """Where a CloudEvent came from (`emitted_by` null: from outside) and what it did."""

    position: int
    id: str
    source: str
    type: str
    at: str
    emitted_by: Emitter | None
    taken_by: list[Taker]
    next: str | None = None


class TakenEvent(BaseModel):
    """A CloudEvent that an execution took; `emitted_by`: the execution that its id names."""

    seq: int
    position: int
    id: str
    source: str
    type: str
    role: Literal["started", "resumed", "kept"]
    state: str | None
    at: str
    emitted_by: str | None


class EmittedEvent(BaseModel):
    """A CloudEvent that an execution emitted."""

    seq: int
    id: str
    source: str
    type: str
    state: str | None
    at: str


class Descendant(Taker):
    """An execution that took a CloudEvent which another one of the lineage emitted by its event
    `emitter_seq`; `depth` 1: the execution asked for."""

    depth: int
    emitter: str
    emitter_seq: int
    position: int
    type: str


class Ancestor(BaseModel):
    """What started an execution: the CloudEvent at `position`, emitted by `execution`; `depth` 1:
    that started the execution asked for."""

    depth: int
    position: int
    type: str
    execution: str
    workflow: str | None
    status: Status | None
    seq: int


class ExecutionLineage(BaseModel):
    """Where an execution came from and what came of it. `started_by`: who asked, where neither a
    CloudEvent nor another execution is its origin. `taken`, `emitted`: its own, not those of what a
    fork begins with. `cut`: there is more than is told (200 CloudEvents taken, 200 emitted, 1,000
    descendants)."""

    id: str
    workflow: str | None
    status: Status
    started_by: str | None
    forked_from: str | None
    forked_at: int | None
    taken: list[TakenEvent]
    emitted: list[EmittedEvent]
    ancestors: list[Ancestor]
    descendants: list[Descendant]
    cut: bool


class AwaitedEvent(BaseModel):
    """A CloudEvent that a wait accepts; a correlation value that is null is fixed by the first
    CloudEvent that the execution takes."""

    ref: str
    type: str
    source: str | None
    correlation: dict[str, str | None]


class OpenWaitRow(BaseModel):
    """A wait that is open. `seq`: the event that opened it. `purpose`: of a timer `sleep`, `retry`,
    `before_action` or `after_action`; of the others how many of `events` are needed. `due`: when
    the timer fires or the wait times out."""

    execution: str
    workflow: str | None
    version: str | None
    status: Status
    seq: int
    kind: Literal["timer", "event", "callback"]
    purpose: str
    state: str
    since: str
    due: str | None
    types: list[str]
    events: list[AwaitedEvent]


class OpenWaitPage(BaseModel):
    """Open waits, in order of execution and event; `next` is the cursor of the next page."""

    items: list[OpenWaitRow]
    next: str | None = None


class ProjectionState(BaseModel):
    """How far the read tables are: `behind` so many events of the log, the first of which is
    `lag_s` seconds old. `generation` rises with every rebuild, `version` with every change of the
    views. `rows`: by view."""

    generation: int
    version: int
    behind: int
    lag_s: float
    rows: dict[str, int]
