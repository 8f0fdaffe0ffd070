"""The eight states (DSL 0.8, "Workflow States")."""

from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from schemas.dsl.cncf_v08.actions import (
    Action,
    End,
    ErrorHandler,
    EventDataFilter,
    StateDataFilter,
    Transition,
)
from schemas.dsl.cncf_v08.base import Metadata, Name, Part, TextOrNumber, Word
from schemas.dsl.cncf_v08.definitions import Timeouts

Mode = Literal["sequential", "parallel"]


class State(Part):
    """What every state may have."""

    id: str | None = None
    name: Name
    state_data_filter: StateDataFilter | None = None
    timeouts: Timeouts | None = None
    on_errors: list[ErrorHandler] | None = None
    compensated_by: Any = None
    used_for_compensation: bool = False
    metadata: Metadata | None = None


class LeavingState(State):
    """A state with one way out; a switch has one in each condition instead."""

    transition: Transition | None = None
    end: End | None = None


class OnEvents(Part):
    """Events, and what to do when they come."""

    event_refs: Annotated[list[Name], Field(min_length=1)]
    action_mode: Mode = "sequential"
    actions: list[Action] | None = None
    event_data_filter: EventDataFilter | None = None


class EventState(LeavingState):
    """Waits for one (`exclusive`) or all of its events."""

    type: Literal["event"]
    exclusive: bool = True
    on_events: Annotated[list[OnEvents], Field(min_length=1)]


class OperationState(LeavingState):
    """Does actions, one after the other or at once."""

    type: Literal["operation"]
    action_mode: Mode = "sequential"
    actions: list[Action]


class DataCondition(Part):
    """A case of a switch on data."""

    name: Name | None = None
    condition: Word
    transition: Transition | None = None
    end: End | None = None
    metadata: Metadata | None = None


class EventCondition(Part):
    """A case of a switch on events."""

    name: Name | None = None
    event_ref: Name
    event_data_filter: EventDataFilter | None = None
    transition: Transition | None = None
    end: End | None = None
    metadata: Metadata | None = None


class DefaultCondition(Part):
    """What is done when no case of a switch holds."""

    transition: Transition | None = None
    end: End | None = None


class SwitchState(State):
    """Chooses the next state by data or by the first event; exactly one list is given."""

    type: Literal["switch"]
    data_conditions: Annotated[list[DataCondition], Field(min_length=1)] | None = None
    event_conditions: Annotated[list[EventCondition], Field(min_length=1)] | None = None
    default_condition: DefaultCondition | None = None


class SleepState(LeavingState):
    """Waits for a time."""

    type: Literal["sleep"]
    duration: Word


class InjectState(LeavingState):
    """Merges fixed data into the state's data."""

    type: Literal["inject"]
    data: dict[str, Any]


class BranchDefinition(Part):
    """Actions that run beside those of the other branches."""

    name: Name
    actions: list[Action]
    timeouts: Timeouts | None = None


class ParallelState(LeavingState):
    """Runs branches at once until all, or `numCompleted`, are done."""

    type: Literal["parallel"]
    branches: Annotated[list[BranchDefinition], Field(min_length=1)]
    completion_type: Literal["allOf", "atLeast"] = "allOf"
    num_completed: TextOrNumber | None = None


class ForEachState(LeavingState):
    """Does actions for each element of an array."""

    type: Literal["foreach"]
    input_collection: Word
    output_collection: Word | None = None
    iteration_param: Word | None = None
    batch_size: TextOrNumber | None = None
    mode: Mode = "parallel"
    actions: list[Action]


class CallbackState(LeavingState):
    """Does one action, then waits for the event that answers it."""

    type: Literal["callback"]
    action: Action
    event_ref: Name
    event_data_filter: EventDataFilter | None = None


def _type_of(value: Any) -> str | None:
    kind = value.get("type") if isinstance(value, dict) else getattr(value, "type", None)
    return None if kind is None else f"<{kind}>"


AnyState = Annotated[
    Annotated[EventState, Tag("<event>")]
    | Annotated[OperationState, Tag("<operation>")]
    | Annotated[SwitchState, Tag("<switch>")]
    | Annotated[SleepState, Tag("<sleep>")]
    | Annotated[InjectState, Tag("<inject>")]
    | Annotated[ParallelState, Tag("<parallel>")]
    | Annotated[ForEachState, Tag("<foreach>")]
    | Annotated[CallbackState, Tag("<callback>")],
    Discriminator(_type_of),
]
STATE_TYPES = (
    "event", "operation", "switch", "sleep", "inject", "parallel", "foreach", "callback",
)  # fmt: skip
