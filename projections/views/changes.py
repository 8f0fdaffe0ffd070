"""What the events of one batch change in the read tables, gathered row by row.

A row that the batch itself opens holds its later changes too, so each row is written once.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from engine.ports.rows import EventRow
from projections.views.rows import (
    AttemptEnded,
    AttemptRow,
    CommandRow,
    EmittedRow,
    ExecutionChanged,
    ExecutionEnded,
    ExecutionOpened,
    ScopeClosed,
    ScopeRow,
    TakenRow,
    WaitChanged,
    WaitRow,
)
from schemas.events.bodies import EventBody

Key = tuple[UUID, int]
"""An execution, and the seq of the event that opened the row."""

Notes = dict[type[EventBody], Callable[["Changes", EventRow, Any], None]]
"""What a view notes of each type of event."""


class Changes:
    """All changes of one batch, by row. `found`: pairs of (key, execution) that are to be there
    (True) or not (False)."""

    def __init__(self) -> None:
        self.executions_opened: dict[UUID, ExecutionOpened] = {}
        self.executions: dict[UUID, ExecutionChanged] = {}
        self.found: dict[tuple[int, UUID], bool] = {}
        self.scopes_opened: dict[Key, ScopeRow] = {}
        self.scopes: dict[Key, ScopeClosed] = {}
        self.ended: dict[UUID, ExecutionEnded] = {}
        self.attempts_opened: dict[Key, AttemptRow] = {}
        self.attempts: dict[Key, AttemptEnded] = {}
        self.waits_opened: dict[Key, WaitRow] = {}
        self.waits: dict[Key, WaitChanged] = {}
        self.taken: list[TakenRow] = []
        self.emitted: list[EmittedRow] = []
        self.commands: list[CommandRow] = []

    def add(self, other: "Changes") -> None:
        """Add the changes of another shard: its executions are others than ours."""
        self.executions_opened |= other.executions_opened
        self.executions |= other.executions
        self.found |= other.found
        self.scopes_opened |= other.scopes_opened
        self.scopes |= other.scopes
        self.ended |= other.ended
        self.attempts_opened |= other.attempts_opened
        self.attempts |= other.attempts
        self.waits_opened |= other.waits_opened
        self.waits |= other.waits
        self.taken += other.taken
        self.emitted += other.emitted
        self.commands += other.commands

    def execution(self, execution_id: UUID) -> ExecutionChanged:
        """The changes of this execution's row."""
        change = self.executions.get(execution_id)
        if change is None:
            change = self.executions[execution_id] = ExecutionChanged()
        return change

    def scope(self, key: Key) -> ScopeRow | ScopeClosed:
        """Where the end of this scope goes: its new row, or the changes of an old one."""
        return self.scopes_opened.get(key) or self.scopes.setdefault(key, ScopeClosed())

    def attempt(self, key: Key) -> AttemptRow | AttemptEnded:
        """Where the end of this attempt goes."""
        return self.attempts_opened.get(key) or self.attempts.setdefault(key, AttemptEnded())

    def wait(self, key: Key) -> WaitRow | WaitChanged:
        """Where the changes of this wait go."""
        return self.waits_opened.get(key) or self.waits.setdefault(key, WaitChanged())
