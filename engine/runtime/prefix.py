"""The beginning of a fork: another execution's events, copied into its own log."""

from dataclasses import dataclass
from uuid import UUID

from engine.model.event import Event
from engine.model.state import ExecutionState
from engine.ports.rows import EventRow


@dataclass(frozen=True, slots=True)
class Origin:
    """Of a fork or import that is not complete: its source (None: another installation's), how many
    events of it are copied, its own key."""

    source: UUID | None
    at: int
    start_key: str | None


@dataclass(frozen=True, slots=True)
class CopyPrefix:
    """Some more rows of the source, with their events and the state after them."""

    rows: tuple[EventRow, ...]
    events: tuple[Event, ...]
    after: ExecutionState
