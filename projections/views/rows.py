"""Rows of the read tables, and the changes of rows; fields in the order of the statements."""

from uuid import UUID

import msgspec


class ExecutionOpened(msgspec.Struct):
    """A new row of `executions`. `labels`: JSON."""

    execution_id: UUID
    shard: int
    namespace: str
    workflow: str
    version: str
    definition_hash: str
    name: str | None
    start_key: str | None
    actor: str
    trigger_position: int | None
    labels: str
    started_at: int
    gathered: int


class ExecutionChanged(msgspec.Struct):
    """Changes of a row of `executions`: differences of the counts of pending actions and of open
    waits and timers, the last event, how it ended (`phase` None: it goes on). None leaves a column
    as it is. Of a fork: what it takes the place of."""

    actions: int = 0
    waits: int = 0
    last_seq: int = 0
    last_at: int = 0
    phase: str | None = None
    suspended: bool | None = None
    closed_at: int | None = None
    error_code: str | None = None
    error_message: str | None = None
    workflow: str | None = None
    version: str | None = None
    definition_hash: str | None = None
    name: str | None = None
    start_key: str | None = None
    forked_from: UUID | None = None
    forked_at: int | None = None
    copied_upto: int | None = None
    rehearsed: bool | None = None
    batch: str | None = None


class ScopeClosed(msgspec.Struct):
    """How a row of `scopes` ended."""

    left_at: int | None = None
    left_seq: int | None = None
    outcome: str | None = None
    next: str | None = None
    error_code: str | None = None


class ScopeRow(msgspec.Struct):
    """A new row of `scopes`, with its end where that is known."""

    execution_id: UUID
    frame: int
    parent: int
    kind: str
    name: str
    type: str
    node: str
    branch: int | None
    iteration: int | None
    entered_at: int
    left_at: int | None = None
    left_seq: int | None = None
    outcome: str | None = None
    next: str | None = None
    error_code: str | None = None


class ExecutionEnded(msgspec.Struct):
    """What an execution's end does to the scopes that are open in it."""

    at: int
    seq: int
    outcome: str
    error_code: str | None = None


class AttemptEnded(msgspec.Struct):
    """How a row of `attempts` ended."""

    ended_at: int | None = None
    ended_seq: int | None = None
    outcome: str | None = None
    error_code: str | None = None
    error_message: str | None = None


class AttemptRow(msgspec.Struct):
    """A new row of `attempts`, with its end where that is known."""

    execution_id: UUID
    seq: int
    frame: int
    name: str
    function: str
    attempt: int
    first: int
    answered_by: str
    scheduled_at: int
    ended_at: int | None = None
    ended_seq: int | None = None
    outcome: str | None = None
    error_code: str | None = None
    error_message: str | None = None


class WaitChanged(msgspec.Struct):
    """Its time-out, and how a row of `waits` ended."""

    due: int | None = None
    closed_at: int | None = None
    closed_seq: int | None = None
    outcome: str | None = None


class WaitRow(msgspec.Struct):
    """A new row of `waits`, with its end where that is known. `types`, `filters`: JSON."""

    execution_id: UUID
    seq: int
    namespace: str
    workflow: str | None
    kind: str
    purpose: str
    frame: int
    name: str
    types: str
    filters: str
    opened_at: int
    due: int | None = None
    closed_at: int | None = None
    closed_seq: int | None = None
    outcome: str | None = None


class TakenRow(msgspec.Struct):
    """A row of `taken`."""

    execution_id: UUID
    seq: int
    namespace: str
    position: int
    event_id: str
    source: str
    type: str
    ref: str
    role: str
    name: str
    at: int
    emitter: UUID | None
    emitter_seq: int | None


class EmittedRow(msgspec.Struct):
    """A row of `emitted`."""

    execution_id: UUID
    seq: int
    namespace: str
    source: str
    type: str
    ref: str
    frame: int
    at: int


class CommandRow(msgspec.Struct):
    """A row of `commands`."""

    execution_id: UUID
    seq: int
    namespace: str
    at: int
    actor: str
    action: str
    origin: str
    reason: str
