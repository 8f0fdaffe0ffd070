"""Bodies of answers. Times are RFC 3339 in UTC with milliseconds; ids are typed and prefixed."""

from typing import Any, Literal

from pydantic import BaseModel, Field

from schemas.api.suspension import SuspensionFact

Status = Literal["running", "waiting", "suspended", "completed", "failed", "cancelled", "timed_out"]


class FaultPlace(BaseModel):
    """One fault and its place: a JSON pointer into the body, or line and column (from 1)."""

    detail: str
    code: str | None = None
    pointer: str | None = None
    line: int | None = None
    column: int | None = None


class Problem(BaseModel):
    """RFC 9457 problem details. `code` is stable; `type` is a page that explains it. `retryable`:
    the very same request may succeed later."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    retryable: bool
    errors: list[FaultPlace] = []


class Definition(BaseModel):
    """One version of a workflow definition."""

    id: str = Field(description="`def_` and the hash of its content.")
    workflow: str
    version: str
    dialect: str
    hash: str
    active: bool
    created_at: str
    actor: str


class AppliedDefinition(Definition):
    """What became of an applied definition. `changed`: this version was not active before."""

    changed: bool
    warnings: list[FaultPlace] = []


class DefinitionSource(Definition):
    """A version with its text as applied."""

    media_type: str
    source: str
    resources: list[str] = []


class DefinitionPage(BaseModel):
    """Definition versions; `next` is the cursor of the next page."""

    items: list[Definition]
    next: str | None = None


class Validation(BaseModel):
    """What checking a definition found. `valid`: no fault (warnings do not count)."""

    valid: bool
    workflow: str | None = None
    version: str | None = None
    faults: list[FaultPlace] = []
    warnings: list[FaultPlace] = []


class Receipt(BaseModel):
    """What became of one CloudEvent. `stored`; `duplicate` (it came before, at `position`);
    `conflict` (same source and id, other content); `refused` (malformed: `error` says why)."""

    outcome: Literal["stored", "duplicate", "conflict", "refused"]
    position: int | None = None
    id: str | None = None
    source: str | None = None
    error: FaultPlace | None = None


class Receipts(BaseModel):
    """One receipt for each CloudEvent of the request, in order."""

    receipts: list[Receipt]


class StoredEvent(BaseModel):
    """A CloudEvent at its position of the namespace's stream; `event` is its JSON form."""

    position: int
    at: str
    event: dict[str, Any]


class StoredEventPage(BaseModel):
    """CloudEvents in order of position; `next` is the cursor of the next page."""

    items: list[StoredEvent]
    next: str | None = None


class DeadLetter(BaseModel):
    """A message that could not be read as a CloudEvent. `body` is base64 of its bytes."""

    id: int
    at: str
    origin: str
    code: str
    reason: str
    headers: Any
    body: str


class DeadLetterPage(BaseModel):
    """Dead letters, oldest first."""

    items: list[DeadLetter]
    next: str | None = None


class ErrorFact(BaseModel):
    """What went wrong in an execution, and where: the names of the state and of the action that
    failed, the JSON pointer of that part of the definition, the expression without a value."""

    code: str
    message: str
    aliases: list[str] = []
    status: int | None = None
    detail: Any = None
    state: str | None = None
    action: str | None = None
    node: str | None = None
    expression: str | None = None


class OpenWait(BaseModel):
    """A wait that is open. `callback_token`: answers it, by POST /callbacks/{token}."""

    state: str
    since: str
    types: list[str]
    callback_token: str | None = None


class Execution(BaseModel):
    """An execution as it is now. Before the engine took it, `last_seq` is 0."""

    id: str
    workflow: str | None
    version: str | None
    name: str | None
    status: Status
    started_at: str | None
    closed_at: str | None
    last_seq: int
    input: Any
    output: Any
    error: ErrorFact | None
    reason: str | None = Field(default=None, description="Why it was cancelled, if somebody said.")
    waits: list[OpenWait] = []
    suspension: SuspensionFact | None = None


class LogEvent(BaseModel):
    """One event of an execution's log. `frame` is the seq of the event that opened the scope.
    `erased`: its data was erased and is null; null without that: it was changed, and `verify` says
    so."""

    id: str
    seq: int
    type: str
    version: int
    at: str
    actor: str
    causation: int
    frame: int
    node: str
    name: str
    branch: int | None
    iteration: int | None
    attempt: int | None
    traceparent: str | None
    data: dict[str, Any] | None
    erased: bool = False


class LogPage(BaseModel):
    """Events in order of seq; `next` is the value of `after` for the next page."""

    items: list[LogEvent]
    next: str | None = None


class PastState(BaseModel):
    """What the events up to `seq` fold into. `data` is that of the state that is open in the main
    flow, between states the workflow's, at last its output; `states` the names of the states that
    are open; `frames` all open scopes with data of their own."""

    execution: str
    seq: int
    at: str | None
    status: Status
    workflow: str | None
    version: str | None
    name: str | None
    input: Any
    output: Any
    error: ErrorFact | None
    data: Any
    states: list[str]
    frames: list[dict[str, Any]]
    actions: list[dict[str, Any]]
    timers: list[dict[str, Any]]
    waits: list[dict[str, Any]]
    suspension: SuspensionFact | None


class ReplayStep(BaseModel):
    """One event folded, and the digest (SHA-256, hex) of the state after it."""

    seq: int
    type: str
    at: str
    name: str
    status: Status
    digest: str


class Replay(BaseModel):
    """A fold from the first event, compared with the state that the engine works with."""

    execution: str
    equal: bool
    events: int
    replayed_digest: str
    live_digest: str
    live_from_seq: int = Field(
        description="The live state is a snapshot here and the events after it."
    )
    steps: list[ReplayStep]


class VerificationFault(BaseModel):
    """The first thing that does not fit. `kind`: changed, missing, reordered, cut_off, removed,
    commit_changed, commit_missing, head_differs."""

    kind: str
    seq: int | None = None
    detail: str


class AnchoredHead(BaseModel):
    """A shard's head, to be kept elsewhere: with it, even a cut-off tail of commits shows."""

    shard: int
    commit_no: int
    hash: str
    execution: str | None = None
    seq: int | None = None
    event_hash: str | None = None


class Verification(BaseModel):
    """What recomputing the chain found."""

    execution: str
    intact: bool
    events: int
    commits: int
    fault: VerificationFault | None = None
    head: AnchoredHead


class Accepted(BaseModel):
    """The request is committed and will be carried out."""

    execution: str
    accepted: bool = True


class Health(BaseModel):
    """Whether it works. `checks`: name -> `ok` or what is wrong."""

    status: Literal["ok", "unavailable"]
    checks: dict[str, str] = {}
