"""Answers to "why": what an execution waits for, and what became of a CloudEvent.

Texts are sentences for people and may change; everything in them also stands in a member of its
own."""

from typing import Literal

from pydantic import BaseModel

from schemas.api.answers import DeadLetter, ErrorFact, Status, StoredEvent

ReasonKind = Literal[
    "closed",
    "not_begun",
    "no_engine",
    "not_taken",
    "overdue",
    "suspended",
    "event",
    "callback",
    "timer",
    "retry",
    "action",
    "join",
    "under_way",
]


class FailedPredicate(BaseModel):
    """What a CloudEvent failed, with both values. `name`: of the attribute. `wanted` of the
    position is the one that it must be above; of an attribute null where any value will do."""

    kind: Literal["type", "position", "source", "attribute", "version"]
    name: str | None
    wanted: str | int | None
    given: str | int | None


class Near(BaseModel):
    """A CloudEvent that was refused: `passed` of `asked` predicates hold, `failed` is the first
    that does not."""

    position: int
    at: str
    id: str
    source: str
    type: str
    passed: int
    asked: int
    failed: FailedPredicate
    text: str


class RefusedMessage(BaseModel):
    """A message that could not be read as a CloudEvent and names the wanted type."""

    dead_letter: int
    at: str
    origin: str
    code: str
    reason: str


class WantedAttribute(BaseModel):
    """A correlation attribute. `wanted` null: any value, which then is fixed."""

    name: str
    wanted: str | None


class WantedEvent(BaseModel):
    """A CloudEvent that a wait lacks, or has. `after`: only positions above it count. `received`:
    it came already. `arriving`: positions of CloudEvents that match and that the engine has yet to
    take. `publish`: a command that sends a CloudEvent which matches. `looked_back_to`: near misses
    of the type were sought from the head of the stream down to this position; null where none were
    sought, because the execution has very many waits."""

    ref: str
    type: str
    source: str | None
    correlation: list[WantedAttribute]
    after: int
    received: bool
    publish: str | None = None
    arriving: list[int] = []
    near: list[Near] = []
    refused: list[RefusedMessage] = []
    looked_back_to: int | None = None


class Deadline(BaseModel):
    """When a timer fires, and what happens then. `remaining_ms` is below 0 once it is overdue."""

    purpose: str
    due: str
    remaining_ms: int
    then: str


class PendingAction(BaseModel):
    """A call that was asked for. `timeout_at`: when this attempt is given up at the latest, were it
    begun at once. `worker`: whether somebody listens for this Python function."""

    function: str
    handler: str
    operation: str
    attempt: int
    scheduled_at: str
    timeout_at: str | None
    worker: Literal["listening", "none", "unknown"] | None = None
    last_error: ErrorFact | None = None


class CallbackDue(BaseModel):
    """How the callback is answered: its token, and lines that do it."""

    token: str
    curl: str
    command: str


class OpenJoin(BaseModel):
    """Branches or iterations: `needed` of `total` must complete, `completed` did; `open` names
    those that run."""

    of: Literal["branches", "iterations"]
    total: int
    needed: int
    started: int
    completed: int
    open: list[str]


class Hold(BaseModel):
    """Who suspended the execution, and what is entered when it is resumed."""

    reason: str
    actor: str
    at: str
    words: str | None
    breakpoint: str | None
    condition: str | None
    held: list[str]


class Reason(BaseModel):
    """One thing that the execution waits for, or that keeps it. `text` says it in a sentence or
    two; `unblock`: what would let it go on. `frame`: the seq of the event that opened the scope."""

    kind: ReasonKind
    state: str | None = None
    place: str | None = None
    frame: int | None = None
    since: str | None = None
    text: str
    unblock: list[str] = []
    mode: Literal["any", "all"] | None = None
    events: list[WantedEvent] = []
    deadline: Deadline | None = None
    action: PendingAction | None = None
    callback: CallbackDue | None = None
    join: OpenJoin | None = None
    hold: Hold | None = None
    error: ErrorFact | None = None


class EngineStanding(BaseModel):
    """Who runs this execution's shard. `living`: engines that live; `inbox_rows` of the shard wait
    to be taken, the oldest since `oldest_row_at`; `rows_for_it` of them are for this execution."""

    shard: int
    owner: str | None
    lease_until: str | None
    lease_valid: bool
    living: list[str]
    inbox_rows: int
    oldest_row_at: str | None
    rows_for_it: list[str]


class Why(BaseModel):
    """Why an execution does not move. `at`: the database's clock when it was asked; `more`: further
    reasons that were left out."""

    execution: str
    workflow: str | None
    version: str | None
    status: Status
    at: str
    last_seq: int
    last_event_at: str | None
    summary: str
    reasons: list[Reason]
    more: int = 0
    engine: EngineStanding


class StoredEventDetail(StoredEvent):
    """A CloudEvent with who sent it. `emitted_by`: the execution that emitted it, where one did."""

    actor: str
    emitted_by: str | None = None


class TriggerVerdict(BaseModel):
    """What a definition version that CloudEvents start made of this one. `accepted`: it satisfies
    the trigger, which started `execution` by it (null: not yet); `gathers`: the trigger wants
    several CloudEvents, of which this is one. Else `failed` is the first thing that it failed."""

    workflow: str
    version: str
    ref: str | None
    accepted: bool
    gathers: bool = False
    execution: str | None = None
    failed: FailedPredicate | None = None
    text: str


class Delivery(BaseModel):
    """An execution that took the CloudEvent: it was started by it, a wait was satisfied by it
    (`resumed`), or a wait keeps it until others have come (`kept`). `seq`: the event that says so;
    null where the read tables do not have it yet."""

    execution: str
    workflow: str | None
    role: Literal["started", "resumed", "kept"]
    ref: str | None
    state: str | None
    seq: int | None
    at: str | None


class NearWait(BaseModel):
    """An open wait that nearly takes the CloudEvent, or is about to (`failed` null)."""

    execution: str
    workflow: str
    state: str
    ref: str
    passed: int
    asked: int
    failed: FailedPredicate | None
    text: str


class Explanation(BaseModel):
    """What became of a CloudEvent. `matched`: the matcher has passed its position. `triggers`: the
    definition versions that may start something by it; `other_triggers` were active at its position
    and want types that are not like this one. `pending` hints and offers of it no engine has taken
    yet; `behind`: events of the log that the read tables, from which `deliveries` come, lack;
    `dead_letters` name its id and source: copies with other content, or a trigger that could not be
    asked."""

    summary: str
    event: StoredEventDetail
    matched: bool
    matcher_position: int
    head: int
    deliveries: list[Delivery]
    triggers: list[TriggerVerdict]
    other_triggers: int
    near_waits: list[NearWait]
    pending: int
    behind: int
    dead_letters: list[RefusedMessage]


class LetterExplanation(BaseModel):
    """Why a message became a dead letter, and what to do about it."""

    summary: str
    advice: str
    letter: DeadLetter
