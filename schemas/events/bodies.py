"""Every event type of the log in its newest version: what happened, with every fact that a fold
needs. Former versions stand in `schemas.events.former`.

The envelope (sequence number, time, frame, node, branch, iteration, attempt) is not repeated here.
"Frame" is the seq of the event that opened a scope: an execution, a state, a branch, an iteration.
A field is added only with a default; any other change is a new version (`VERSION`) and an upcaster
in `engine.core.upcast`.
"""

from typing import Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, UnsetType

from schemas.events.parts import (
    AnsweredBy,
    AnswerPolicy,
    Asked,
    CloudEventRef,
    EditedCloudEvent,
    Error,
    EventFilter,
    FrameEdit,
    HeldStage,
    Write,
)


class EventBody(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Base of all event bodies. They hold JSON, so no cycle: the collector need not look."""

    VERSION: ClassVar[int] = 1


class ExecutionStarted(EventBody, frozen=True, gc=False, omit_defaults=True):
    """An execution begins; opens its root frame. `from_position`: the head of the CloudEvent stream
    when the start was accepted, from which its waits look. `start_key`: the idempotency key."""

    workflow: str
    version: str
    definition_hash: str
    dialect: str
    ir_version: int
    input: Any = None
    name: str | None = None
    start_key: str | None = None
    from_position: int = 0
    trigger: CloudEventRef | None = None
    labels: dict[str, str] = {}
    asked: Asked | None = None


class GatheringOpened(EventBody, frozen=True, gc=False, omit_defaults=True):
    """The first CloudEvent of a start that needs several; it becomes an execution or expires."""

    workflow: str
    version: str
    definition_hash: str
    dialect: str
    ir_version: int
    trigger: str
    filters: tuple[EventFilter, ...]
    from_position: int = 0


class GatheringExpired(EventBody, frozen=True, gc=False, omit_defaults=True):
    """Not all CloudEvents of the start came in time: no execution is made."""

    missing: tuple[str, ...] = ()


class StateEntered(EventBody, frozen=True, gc=False, omit_defaults=True):
    """A state begins; opens its frame. `writes` give the frame its data."""

    type: str
    writes: tuple[Write, ...] = ()


class StateExited(EventBody, frozen=True, gc=False, omit_defaults=True):
    """The state's frame closes with all that is still open in it; `writes` go to its parent."""

    next: str | None = None
    writes: tuple[Write, ...] = ()


class VariablesAssigned(EventBody, frozen=True, gc=False, omit_defaults=True):
    """Data of the frame changed without an action (an inject state)."""

    writes: tuple[Write, ...] = ()


class ChoiceTaken(EventBody, frozen=True, gc=False, omit_defaults=True):
    """A switch decided. `case` is its name or number, `default` for the default; `condition` the
    expression that was true."""

    case: str
    condition: str | None = None
    next: str | None = None


class ActionScheduled(EventBody, frozen=True, gc=False, omit_defaults=True):
    """The intent to call. `handler` names who runs it, `operation` what; `arguments` as sent,
    except that `deferred` lists (path, expression) of those that name a secret: they are evaluated
    when the call is made and never stored. A retry names the first attempt in `retry_of` and
    repeats no arguments. In a fork `answered_by` says who answers, and `path` with `occurrence`
    (from 1, counted since the fork) which answer of the source is meant."""

    function: str
    handler: str
    operation: str
    timeout_ms: int
    arguments: Any = None
    deferred: tuple[tuple[tuple[str | int, ...], str], ...] = ()
    retry_of: int | None = None
    answered_by: AnsweredBy = "live"
    path: str = ""
    occurrence: int = 0


class ActionCompleted(EventBody, frozen=True, gc=False, omit_defaults=True):
    """The call answered. `action` is the seq of its ActionScheduled; `result` as received."""

    action: int
    result: Any | UnsetType = UNSET
    writes: tuple[Write, ...] = ()
    printed: str | None = None
    duration_ms: int | None = None


class ActionFailed(EventBody, frozen=True, gc=False, omit_defaults=True):
    """The call failed. `action` is the seq of its ActionScheduled. `retrying`: it will be made
    again, RetryScheduled says when."""

    action: int
    error: Error
    retrying: bool = False
    printed: str | None = None
    duration_ms: int | None = None


class ActionSkipped(EventBody, frozen=True, gc=False, omit_defaults=True):
    """The action's condition was false."""

    condition: str


class ActionCancelled(EventBody, frozen=True, gc=False, omit_defaults=True):
    """A call in flight is no longer wanted; its answer will be ignored."""

    action: int
    reason: str


class RetryScheduled(EventBody, frozen=True, gc=False, omit_defaults=True):
    """The call is made again at `due` (ms since 1970): opens a timer. `action` is the seq of the
    first attempt's ActionScheduled, `attempt` the number of the coming one; `delay_ms` was chosen
    with jitter and is recorded."""

    action: int
    attempt: int
    delay_ms: int
    due: int


class TimerSet(EventBody, frozen=True, gc=False, omit_defaults=True):
    """A timer runs until `due` (ms since 1970, database clock). `subject`: the wait or frame that a
    timeout is about. `hold`: the execution, held by a breakpoint, is let go then."""

    purpose: Literal["sleep", "event_timeout", "before_action", "after_action", "yield", "hold"]
    due: int
    subject: int = 0


class TimerFired(EventBody, frozen=True, gc=False, omit_defaults=True):
    """The timer with this seq came due."""

    timer: int
    purpose: str


class TimerCancelled(EventBody, frozen=True, gc=False, omit_defaults=True):
    """A sleep or retry is no longer wanted; the time-out of a wait ends with its wait, unsaid."""

    timer: int
    reason: str


class EventAwaited(EventBody, frozen=True, gc=False, omit_defaults=True):
    """The frame waits for CloudEvents: any one of `filters`, or all of them. A callback's wait can
    also be answered with its token; in a fork `path` and `occurrence` name the answer of the source
    that is meant, as in ActionScheduled."""

    mode: Literal["any", "all"]
    filters: tuple[EventFilter, ...]
    callback: bool = False
    path: str = ""
    occurrence: int = 0


class EventReceived(EventBody, frozen=True, gc=False, omit_defaults=True):
    """A CloudEvent (or the answer to a callback, then `event` is None) was taken by wait `wait`
    (0: it started the execution) for event definition `ref`. `correlation`: attribute values that
    it fixed. `done`: the wait is satisfied and closed. `data` is the payload as filters see it (in
    older logs left out where a filter made something else of it): a fork or another version may
    make something else of it again."""

    wait: int
    ref: str
    event: CloudEventRef | None = None
    data: Any | UnsetType = UNSET
    correlation: dict[str, str] = {}
    writes: tuple[Write, ...] = ()
    done: bool = True
    asked: Asked | None = None


class CallbackReceived(EventBody, frozen=True, gc=False, omit_defaults=True):
    """A callback's answer came before its state was waiting; it is kept in the frame."""

    data: Any = None
    asked: Asked | None = None


class EventWaitClosed(EventBody, frozen=True, gc=False, omit_defaults=True):
    """The wait ended without being satisfied."""

    wait: int
    reason: Literal["timeout", "cancelled"]


class EventEmitted(EventBody, frozen=True, gc=False, omit_defaults=True):
    """A CloudEvent to publish; its id is this event's id, its time this event's time."""

    ref: str
    type: str
    source: str
    data: Any | UnsetType = UNSET
    subject: str | None = None
    extensions: dict[str, str] = {}


class BranchStarted(EventBody, frozen=True, gc=False, omit_defaults=True):
    """A branch begins on its own copy of the data; opens its frame. It is one of `total`, of which
    `needed` must complete."""

    total: int
    needed: int


class BranchCompleted(EventBody, frozen=True, gc=False, omit_defaults=True):
    """The branch reached its end; its frame closes, what it wrote is kept for the join."""


class BranchCancelled(EventBody, frozen=True, gc=False, omit_defaults=True):
    """The branch is no longer wanted; its frame closes, what it wrote is dropped."""

    reason: str


class BranchJoined(EventBody, frozen=True, gc=False, omit_defaults=True):
    """Enough branches completed: what `branches` (declaration order) wrote goes into the data."""

    branches: tuple[int, ...]
    writes: tuple[Write, ...] = ()


class IterationsOpened(EventBody, frozen=True, gc=False, omit_defaults=True):
    """A foreach knows what it iterates over."""

    items: list[Any]
    parameter: str | None = None
    mode: Literal["parallel", "sequential"] = "parallel"
    batch: int | None = None


class IterationStarted(EventBody, frozen=True, gc=False, omit_defaults=True):
    """Iteration number `iteration` of the envelope begins; opens its frame."""


class IterationCompleted(EventBody, frozen=True, gc=False, omit_defaults=True):
    """The iteration reached its end; its frame closes, its result is kept in its slot."""


class IterationCancelled(EventBody, frozen=True, gc=False, omit_defaults=True):
    """The iteration is no longer wanted; its frame closes."""

    reason: str


class IterationsJoined(EventBody, frozen=True, gc=False, omit_defaults=True):
    """All iterations completed; `writes` collect their results in input order."""

    writes: tuple[Write, ...] = ()


class ErrorCaught(EventBody, frozen=True, gc=False, omit_defaults=True):
    """An error met a handler of the state: what is open in the state's frame closes."""

    error: Error
    handler: str
    next: str | None = None


class ExecutionCompleted(EventBody, frozen=True, gc=False, omit_defaults=True):
    """Terminal: the output is the root frame's data. `terminated`: an end definition said so."""

    terminated: bool = False


class ExecutionFailed(EventBody, frozen=True, gc=False, omit_defaults=True):
    """Terminal: no handler took the error."""

    error: Error


class ExecutionCancelled(EventBody, frozen=True, gc=False, omit_defaults=True):
    """Terminal: somebody asked for it. Version 1 had the reason alone."""

    VERSION: ClassVar[int] = 2

    asked: Asked = Asked()


class ExecutionSuspended(EventBody, frozen=True, gc=False, omit_defaults=True):
    """From now on no node is entered: what would be is held (NodeHeld). Answers, CloudEvents and
    timers are still taken. `breakpoint` names the breakpoint that did it, `condition` what was
    true. The timer of a hold before is gone, but for a step, which is within that hold."""

    reason: Literal["paused", "breakpoint", "step", "imported", "forked"]
    breakpoint: str | None = None
    condition: str | None = None
    asked: Asked | None = None


class NodeHeld(EventBody, frozen=True, gc=False, omit_defaults=True):
    """The frame was about to enter the node of the envelope (none: to end); it does so when the
    execution is resumed. `stage`: of an action already entered, `call` (the sleep before it is
    over) or `retry` (its delay is over): the call is made when the execution is resumed."""

    stage: HeldStage = "entry"


class ExecutionResumed(EventBody, frozen=True, gc=False, omit_defaults=True):
    """What was held is entered. `step`: the execution is suspended again before the next state or
    action that it would enter; the timer of the hold runs on, else it is gone."""

    mode: Literal["continue", "step"] = "continue"
    asked: Asked | None = None


class ExecutionForked(EventBody, frozen=True, gc=False, omit_defaults=True):
    """Everything before is a copy of the first `at` events of the execution `source`; the last of
    them has the hash `source_hash` (hex) there. With `at` 0 it was started anew. From here on it is
    an execution of its own, under the definition named here, with what was edited: `input`, the
    data of open frames, CloudEvents still to come; `patch` is what was asked for. `redrive`: to try
    again from where it failed; `batch`: the bulk fork it is part of."""

    source: str
    at: int
    source_hash: str
    workflow: str
    version: str
    definition_hash: str
    dialect: str
    ir_version: int
    policy: AnswerPolicy = AnswerPolicy()
    name: str | None = None
    start_key: str | None = None
    input: Any | UnsetType = UNSET
    edits: tuple[FrameEdit, ...] = ()
    events: tuple[EditedCloudEvent, ...] = ()
    patch: Any = None
    redrive: bool = False
    batch: str = ""
    asked: Asked | None = None


class ForkTaken(EventBody, frozen=True, gc=False, omit_defaults=True):
    """Somebody forked this execution after event `at`; `fork` is the id of the new one. This event
    and ExecutionImported alone may follow a terminal one."""

    fork: str
    at: int
    redrive: bool = False
    batch: str = ""
    asked: Asked | None = None


class ExecutionImported(EventBody, frozen=True, gc=False, omit_defaults=True):
    """Everything before is a copy of an execution of another installation (`cluster`), brought here
    in a bundle: `source` its id there, `events` how many, `source_hash` (hex) the hash of the last.
    `redacted`: what the bundle left out (JSON pointers)."""

    source: str
    cluster: str
    events: int
    source_hash: str
    redacted: tuple[str, ...] = ()
    asked: Asked | None = None
