"""The state of one execution: what its events fold into. Nothing here is stored as truth."""

from typing import Any, Literal
from uuid import UUID

import msgspec

from schemas.events.bodies import ActionScheduled
from schemas.events.parts import (
    AnswerPolicy,
    Asked,
    EditedCloudEvent,
    Error,
    EventFilter,
    HeldStage,
    Write,
)

Phase = Literal["new", "gathering", "running", "completed", "failed", "cancelled", "expired"]
TERMINAL: frozenset[str] = frozenset({"completed", "failed", "cancelled", "expired"})


class Frame(msgspec.Struct, frozen=True, gc=False):
    """A live scope. `id` is the seq of the event that opened it, `parent` the frame around it (0:
    none). `kind` says what it is a frame of, `node` and `name` which one. `data` is its own data.

    `variables` are expression variables (a foreach parameter). `journal` holds the writes made in a
    branch or iteration, for the join. For a frame whose node runs children: `total` of them,
    `needed` to go on, `started` so far, `done` (number -> journal, in order of completion);
    `items`, `parameter`, `batch` and `mode` of a foreach. `answer` is a callback's answer that came
    early."""

    id: int
    parent: int
    kind: Literal["execution", "state", "branch", "iteration"]
    node: str
    name: str
    data: Any = None
    at: int = 0
    branch: int | None = None
    iteration: int | None = None
    variables: dict[str, Any] = {}
    journal: tuple[Write, ...] = ()
    total: int = 0
    needed: int = 0
    started: int = 0
    done: dict[int, tuple[Write, ...]] = {}
    items: tuple[Any, ...] | None = None
    parameter: str | None = None
    batch: int | None = None
    mode: Literal["parallel", "sequential"] = "parallel"
    answer: tuple[Any, ...] = ()


class Action(msgspec.Struct, frozen=True, gc=False):
    """A call that was asked for and has not answered, or failed and will be retried. `id` is the
    seq of its ActionScheduled; `first` that of the first attempt; `call` is the first attempt's
    body."""

    id: int
    first: int
    frame: int
    node: str
    name: str
    attempt: int
    at: int
    call: ActionScheduled


class Wait(msgspec.Struct, frozen=True, gc=False):
    """An open wait. `received`: payloads taken so far, by event definition; `taken`: positions of
    their CloudEvents."""

    id: int
    frame: int
    node: str
    name: str
    at: int
    mode: Literal["any", "all"]
    filters: tuple[EventFilter, ...]
    callback: bool = False
    received: dict[str, Any] = {}
    taken: tuple[int, ...] = ()


class RunningTimer(msgspec.Struct, frozen=True, gc=False):
    """A timer that has not fired. `due` in ms since 1970. `action` is what a retry repeats."""

    id: int
    frame: int
    node: str
    name: str
    purpose: str
    due: int
    subject: int = 0
    action: Action | None = None


class Suspension(msgspec.Struct, frozen=True, gc=False):
    """Why nothing is entered: see `schemas.events.ExecutionSuspended`, whose seq is `id`; since
    `at`, by `actor`."""

    id: int
    reason: str
    at: int
    actor: str
    breakpoint: str | None = None
    condition: str | None = None
    asked: Asked = Asked()


class Held(msgspec.Struct, frozen=True, gc=False):
    """A node that its frame enters when the execution is resumed; "" for the end of the body.
    `stage`: see `schemas.events.NodeHeld`."""

    id: int
    frame: int
    node: str
    name: str
    stage: HeldStage = "entry"


class Fork(msgspec.Struct, frozen=True, gc=False):
    """Where a fork comes from, and who answers its calls: `source` is the id of the execution it
    was taken from after event `at`; `seq` that of ExecutionForked. `events`: CloudEvents as this
    execution is to see them, by position. `counts`: calls since the fork, by path."""

    source: str
    at: int
    seq: int
    policy: AnswerPolicy = AnswerPolicy()
    events: dict[int, EditedCloudEvent] = {}
    counts: dict[str, int] = {}


class ExecutionState(msgspec.Struct, frozen=True, gc=False):
    """The fold of an execution's events up to `seq`.

    `failed`: calls between a failed attempt and the next, by their first attempt.
    `consumed`: for each event definition the highest position taken, so that a loop takes each
    CloudEvent once. `correlation`: attribute values fixed so far. `suspended`: nothing is entered,
    `held` waits; `stepping`: it will be suspended before the next state or action. `fork`: of a
    fork, where it comes from."""

    id: UUID
    seq: int = 0
    at: int = 0
    phase: Phase = "new"
    workflow: str = ""
    version: str = ""
    definition_hash: str = ""
    name: str | None = None
    start_key: str | None = None
    started_at: int = 0
    closed_at: int | None = None
    from_position: int = 0
    root: int = 0
    frames: dict[int, Frame] = {}
    actions: dict[int, Action] = {}
    timers: dict[int, RunningTimer] = {}
    waits: dict[int, Wait] = {}
    failed: dict[int, Action] = {}
    consumed: dict[str, int] = {}
    correlation: dict[str, str] = {}
    input: Any = None
    output: Any = None
    error: Error | None = None
    terminated: bool = False
    suspended: Suspension | None = None
    held: dict[int, Held] = {}
    stepping: bool = False
    fork: Fork | None = None

    @property
    def closed(self) -> bool:
        """Whether a terminal event was folded."""
        return self.phase in TERMINAL

    @property
    def is_imported(self) -> bool:
        """Whether it was brought here from another installation, where it had not ended: nothing of
        it ever goes on."""
        return self.suspended is not None and self.suspended.reason == "imported"

    @property
    def status(self) -> str:
        """The status shown to people: `waiting` when only timers and waits are open."""
        if self.phase == "running" and self.suspended is not None:
            return "suspended"
        if self.phase == "running" and not self.actions and (self.timers or self.waits):
            return "waiting"
        return self.phase
