"""What was gathered about one execution before the reasons are told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from engine.model.command import Arrived
from engine.model.event import Event
from engine.model.ids import format_execution
from engine.model.program import Exit, Program
from engine.model.state import ExecutionState, Frame
from engine.ports.evidence import Standing
from engine.ports.rows import DeadLetter, InboxRow
from schemas.events.parts import Error


@dataclass(frozen=True)
class Sought:
    """What the stream holds that may have been meant for one filter: CloudEvents in reach, seen
    down to position `back_to`, and dead letters that name the wanted type."""

    candidates: Sequence[Arrived] = ()
    letters: Sequence[DeadLetter] = ()
    back_to: int = 0


@dataclass(frozen=True)
class Case:
    """`origin`: URL of the server as the caller knows it. `state` None: nothing is in its log yet.
    `rows`: of the inbox, for this execution. `sought` goes by wait and event definition, `errors`
    by the timer of a retry, `workers` by operation (None: not known). `end`: the event that ended
    it. `head` and `matched`: last position of the stream, and up to which it is matched."""

    execution_id: UUID
    namespace: str
    origin: str
    secret: bytes
    state: ExecutionState | None
    program: Program | None
    standing: Standing
    rows: Sequence[InboxRow] = ()
    head: int = 0
    matched: int = 0
    sought: Mapping[tuple[int, str], Sought] = field(default_factory=dict)
    errors: Mapping[int, Error] = field(default_factory=dict)
    workers: Mapping[str, bool | None] = field(default_factory=dict)
    end: Event | None = None

    @property
    def name(self) -> str:
        """The execution's id as people see it."""
        return format_execution(self.execution_id)

    @property
    def now(self) -> int:
        """The database's clock when it was asked, ms since 1970."""
        return self.standing.now

    @property
    def is_owned(self) -> bool:
        """Whether an engine holds the lease of the shard."""
        return self.standing.owner is not None and self.standing.expires_at > self.now

    def node(self, node_id: str) -> Any:
        """A node of the program; None where the definition cannot be read."""
        return None if self.program is None else self.program.nodes.get(node_id)

    def target(self, way: Exit) -> str:
        """Where an exit leads, as a clause."""
        if way.target is None:
            return "the execution ends"
        node = self.node(way.target)
        return f"state {way.target if node is None else node.name} is entered"


def place_of(state: ExecutionState, frame_id: int) -> str:
    """The scopes around something, from the outermost: `state Pay, branch Card, iteration 3 of 10`.
    Empty for the execution itself."""
    scopes: list[str] = []
    frame = state.frames.get(frame_id)
    while frame is not None and frame.kind != "execution":
        scopes.append(_scope(state, frame))
        frame = state.frames.get(frame.parent)
    return ", ".join(reversed(scopes))


def _scope(state: ExecutionState, frame: Frame) -> str:
    if frame.kind != "iteration":
        return f"{frame.kind} {frame.name}"
    around = state.frames.get(frame.parent)
    of = f" of {around.total}" if around is not None and around.total else ""
    return f"iteration {(frame.iteration or 0) + 1}{of}"


def state_of(state: ExecutionState, frame_id: int) -> str | None:
    """The name of the innermost state around something."""
    frame = state.frames.get(frame_id)
    while frame is not None:
        if frame.kind == "state":
            return frame.name
        frame = state.frames.get(frame.parent)
    return None
