"""One turn of deciding: what was known at its start, the events recorded so far, the state after
each of them. Live state and folded state are the same thing here: both come from evolve."""

from collections import deque
from typing import Any, NoReturn

from engine.core.evolve import evolve
from engine.core.values import Pending, Values
from engine.expr import single
from engine.model.breakpoint import BreakpointRemark
from engine.model.command import Circumstance
from engine.model.event import Event
from engine.model.ids import format_execution
from engine.model.program import Program, Template, Text
from engine.model.state import ExecutionState, Frame, Held
from schemas.events.bodies import EventBody
from schemas.events.parts import Error


class Raised(Exception):
    """An error of the workflow, on its way to a handler."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.message)
        self.error = error


def raise_error(code: str, message: str, *aliases: str, expression: str = "") -> NoReturn:
    """Raise an error that the state's onErrors can catch."""
    raise Raised(Error(code=code, message=message, aliases=aliases, expression=expression))


class Turn:
    """Mutable only while one command is decided. `todo`: (frame, node) pairs still to enter, in
    order, `released` what was held and goes first; `pending`: expressions that need a worker;
    `place`: the JSON pointer of the part of the definition that is at work, for errors to name;
    `remarks`: conditions of breakpoints that have no boolean value."""

    __slots__ = (
        "cause", "circumstance", "events", "pending", "place", "program", "released", "remarks",
        "state", "todo", "values", "workflow",
    )  # fmt: skip

    def __init__(
        self, program: Program, state: ExecutionState, circumstance: Circumstance, values: Values
    ) -> None:
        self.program = program
        self.state = state
        self.circumstance = circumstance
        self.values = values
        self.events: list[Event] = []
        self.todo: deque[tuple[int, str]] = deque()
        self.released: deque[Held] = deque()
        self.remarks: list[BreakpointRemark] = []
        self.pending: list[Pending] = []
        self.cause = 0
        self.place = ""
        self.workflow: dict[str, Any] | None = None

    @property
    def at(self) -> int:
        """The time of this turn, never below that of the execution's last event."""
        return max(self.circumstance.at, self.state.at)

    def record(
        self,
        body: EventBody,
        *,
        frame: int = 0,
        node: str = "",
        name: str = "",
        branch: int | None = None,
        iteration: int | None = None,
        attempt: int | None = None,
    ) -> int:
        """Record an event and fold it; returns its seq. Branch and iteration come from the frame
        unless given."""
        scope = self.state.frames.get(frame)
        if scope is not None:
            branch = scope.branch if branch is None else branch
            iteration = scope.iteration if iteration is None else iteration
        event = Event(
            seq=self.state.seq + 1, at=self.at, body=body, frame=frame, node=node, name=name,
            branch=branch, iteration=iteration, attempt=attempt, actor=self.circumstance.actor,
            causation=self.cause, traceparent=self.circumstance.traceparent,
        )  # fmt: skip
        self.state = evolve(self.state, event)  # first: a write that does not fit is no event
        if not self.events:
            self.cause = event.seq
        self.events.append(event)
        return event.seq

    def frame(self, frame_id: int) -> Frame:
        """An open frame."""
        return self.state.frames[frame_id]

    def go(self, frame_id: int, node_id: str) -> None:
        """Enter this node in this frame, after what is already to be done."""
        self.todo.append((frame_id, node_id))

    def variables(self, frame: Frame) -> dict[str, Any]:
        """What expressions of the frame may name with a dollar sign."""
        if self.workflow is None:
            self.workflow = workflow_variable(self.program, self.state)
        return {"CONST": self.program.constants, "WORKFLOW": self.workflow, **frame.variables}

    def evaluate(self, text: Text, frame: Frame, data: Any) -> Any:
        """The value of an expression. Raises ExpressionFault, Pending."""
        return single(self.values.outputs(text.source, data, self.variables(frame)))

    def fill(self, template: Template, frame: Frame, data: Any) -> Any:
        """A template with its expressions evaluated. Raises ExpressionFault, Pending."""
        if not template.expressions:
            return template.base
        return self.values.fill(template, data, self.variables(frame))

    def condition(self, text: Text, frame: Frame) -> bool:
        """A condition, which must be strictly boolean (decision 14)."""
        value = self.evaluate(text, frame, frame.data)
        if not isinstance(value, bool):
            raise_error(
                "condition.not_boolean",
                f"the condition {text.source!r} gave {type(value).__name__}, not true or false",
                "expression",
                expression=text.source,
            )
        return value


def workflow_variable(program: Program, state: ExecutionState) -> dict[str, Any]:
    """The value of $WORKFLOW: what an execution may know of itself."""
    return {
        "id": program.workflow,
        "name": program.name,
        "version": program.version,
        "instanceId": format_execution(state.id),
        "startedAt": state.started_at,
    }
