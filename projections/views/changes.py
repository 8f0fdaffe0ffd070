"""What the events of one batch change in the read tables, gathered row by row.

A row that the batch itself opens holds its later changes too, so each row is written once.
"""

from uuid import UUID

import msgspec

_MAX_MESSAGE = 1_000


def shown(message: str) -> str:
    """An error's message as the read tables hold it: cut, and without the character U+0000, which
    Postgres's text cannot hold (the log's own bytes can)."""
    return message[:_MAX_MESSAGE].replace("\0", "\N{REPLACEMENT CHARACTER}")


class ExecutionOpened(msgspec.Struct):
    """A new row of `executions`."""

    execution_id: UUID
    shard: int
    namespace: str
    workflow: str
    version: str
    definition_hash: str
    name: str | None
    start_key: str | None
    trigger_source: str | None
    trigger_id: str | None
    started_at: int
    waits: int


class ExecutionChanged(msgspec.Struct):
    """Changes of a row of `executions`: differences of the counts of pending actions and of open
    waits and timers, the last event, how it ended (`phase` None: it goes on)."""

    actions: int = 0
    waits: int = 0
    last_seq: int = 0
    last_at: int = 0
    phase: str | None = None
    closed_at: int | None = None
    error_code: str | None = None
    error_message: str | None = None


class ScopeOpened(msgspec.Struct):
    """A new row of `scopes`."""

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


class ScopeClosed(msgspec.Struct):
    """How a row of `scopes` ended."""

    left_at: int | None = None
    outcome: str | None = None
    next: str | None = None
    error_code: str | None = None


class AttemptOpened(msgspec.Struct):
    """A new row of `attempts`."""

    execution_id: UUID
    seq: int
    frame: int
    name: str
    function: str
    attempt: int
    scheduled_at: int


class AttemptEnded(msgspec.Struct):
    """How a row of `attempts` ended."""

    ended_at: int
    outcome: str
    error_code: str | None = None
    error_message: str | None = None


class Changes:
    """All changes of one batch, by row."""

    def __init__(self) -> None:
        self.executions_opened: dict[UUID, ExecutionOpened] = {}
        self.executions: dict[UUID, ExecutionChanged] = {}
        self.scopes_opened: dict[tuple[UUID, int], ScopeOpened] = {}
        self.scopes: dict[tuple[UUID, int], ScopeClosed] = {}
        self.attempts_opened: dict[tuple[UUID, int], AttemptOpened] = {}
        self.attempts: dict[tuple[UUID, int], AttemptEnded] = {}

    def add(self, other: "Changes") -> None:
        """Add the changes of another shard: its executions are others than ours."""
        self.executions_opened |= other.executions_opened
        self.executions |= other.executions
        self.scopes_opened |= other.scopes_opened
        self.scopes |= other.scopes
        self.attempts_opened |= other.attempts_opened
        self.attempts |= other.attempts

    def execution(self, execution_id: UUID) -> ExecutionChanged:
        """The changes of this execution's row."""
        return self.executions.setdefault(execution_id, ExecutionChanged())

    def scope(self, execution_id: UUID, frame: int) -> ScopeClosed:
        """The changes of this scope's row."""
        return self.scopes.setdefault((execution_id, frame), ScopeClosed())
