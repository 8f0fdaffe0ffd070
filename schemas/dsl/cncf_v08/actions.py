"""Actions, data filters, and the ways out of a state (DSL 0.8, "Workflow Model")."""

from typing import Annotated, Any, Literal

from pydantic import Field, Tag

from schemas.dsl.cncf_v08.base import BY_KIND, Name, Part, TextOrObject, Word


class FunctionCall(Part):
    """A call of a function with arguments. A text as `arguments` is one expression."""

    ref_name: Name
    arguments: TextOrObject | None = None
    selection_set: Any = None
    invoke: Literal["sync", "async"] = "sync"


class Sleep(Part):
    """Pauses around an action, ISO 8601."""

    before: Word | None = None
    after: Word | None = None


class ActionDataFilter(Part):
    """What an action sees of the data, and what of its result goes where."""

    from_state_data: Word | None = None
    use_results: bool = True
    results: Word | None = None
    to_state_data: Word | None = None


class EventDataFilter(Part):
    """What of a CloudEvent's payload goes where."""

    use_data: bool = True
    data: Word | None = None
    to_state_data: Word | None = None


class StateDataFilter(Part):
    """What a state sees of its input, and what it hands on."""

    input: Word | None = None
    output: Word | None = None


FunctionRef = Annotated[
    Annotated[Name, Tag("<text>")] | Annotated[FunctionCall, Tag("<object>")], BY_KIND
]


class Action(Part):
    """One thing to do. A condition that is not true skips it."""

    id: str | None = None
    name: Name | None = None
    function_ref: FunctionRef | None = None
    event_ref: Any = None
    sub_flow_ref: Any = None
    sleep: Sleep | None = None
    retry_ref: Name | None = None
    retryable_errors: list[Name] | None = None
    non_retryable_errors: list[Name] | None = None
    action_data_filter: ActionDataFilter | None = None
    condition: (
        Annotated[Annotated[Word, Tag("<text>")] | Annotated[bool, Tag("<flag>")], BY_KIND] | None
    ) = None


class ProducedEvent(Part):
    """A CloudEvent to produce. A text as `data` is one expression."""

    event_ref: Name
    data: TextOrObject | None = None
    context_attributes: dict[str, str] | None = None


class TransitionObject(Part):
    """The next state, and what is done on the way."""

    next_state: Name
    produce_events: list[ProducedEvent] | None = None
    compensate: bool = False


class EndObject(Part):
    """The end of the execution, and what is done before."""

    terminate: bool = False
    produce_events: list[ProducedEvent] | None = None
    compensate: bool = False
    continue_as: Any = None


Transition = Annotated[
    Annotated[Name, Tag("<text>")] | Annotated[TransitionObject, Tag("<object>")], BY_KIND
]
End = Annotated[Annotated[bool, Tag("<flag>")] | Annotated[EndObject, Tag("<object>")], BY_KIND]


class ErrorHandler(Part):
    """Where to go when one of these errors happens in the state."""

    error_ref: Name | None = None
    error_refs: Annotated[list[Name], Field(min_length=1)] | None = None
    transition: Transition | None = None
    end: End | None = None
