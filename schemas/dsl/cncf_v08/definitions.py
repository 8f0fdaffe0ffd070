"""Reusable definitions: functions, events, retries, errors, timeouts (DSL 0.8, Workflow Model)."""

from typing import Annotated, Any, Literal

from pydantic import Field, Tag

from schemas.dsl.cncf_v08.base import BY_KIND, Metadata, Name, Part, TextOrNumber, Word


class Function(Part):
    """Something that actions call. `operation` is the address, its form depends on `type`."""

    name: Name
    operation: Word | None = None
    type: Literal["rest", "expression", "custom", "rpc", "graphql", "asyncapi", "odata"] = "rest"
    auth_ref: Any = None
    metadata: Metadata | None = None


class Correlation(Part):
    """A context attribute by which a CloudEvent belongs to an execution."""

    context_attribute_name: Word
    context_attribute_value: Word | None = None


class EventDefinition(Part):
    """A kind of CloudEvent that is consumed or produced."""

    name: Name
    type: Word
    source: str | None = None
    kind: Literal["consumed", "produced"] | None = None
    correlation: Annotated[list[Correlation], Field(min_length=1)] | None = None
    data_only: bool | None = None
    metadata: Metadata | None = None


class RetryDefinition(Part):
    """How often and after what delays a failed action is repeated."""

    name: Name
    delay: Word | None = None
    max_delay: Word | None = None
    increment: Word | None = None
    multiplier: TextOrNumber | None = None
    max_attempts: TextOrNumber | None = None
    jitter: TextOrNumber | None = None


class ErrorDefinition(Part):
    """A name for an error that can happen; `code` is what it is recognized by."""

    name: Name
    code: Word | None = None
    description: str | None = None


class Timeouts(Part):
    """Limits in time; which of them a part may name is checked later."""

    workflow_exec_timeout: Any = None
    state_exec_timeout: Any = None
    branch_exec_timeout: Any = None
    action_exec_timeout: Word | None = None
    event_timeout: Word | None = None


Functions = list[Function]
Events = list[EventDefinition]
Retries = list[RetryDefinition]
Errors = list[ErrorDefinition]
Secrets = list[Name]
Constants = dict[str, Any]

FunctionsOrUri = Annotated[
    Annotated[str, Tag("<text>")] | Annotated[Functions, Tag("<list>")], BY_KIND
]
EventsOrUri = Annotated[Annotated[str, Tag("<text>")] | Annotated[Events, Tag("<list>")], BY_KIND]
RetriesOrUri = Annotated[Annotated[str, Tag("<text>")] | Annotated[Retries, Tag("<list>")], BY_KIND]
ErrorsOrUri = Annotated[Annotated[str, Tag("<text>")] | Annotated[Errors, Tag("<list>")], BY_KIND]
SecretsOrUri = Annotated[Annotated[str, Tag("<text>")] | Annotated[Secrets, Tag("<list>")], BY_KIND]
ConstantsOrUri = Annotated[
    Annotated[str, Tag("<text>")] | Annotated[Constants, Tag("<object>")], BY_KIND
]
TimeoutsOrUri = Annotated[
    Annotated[str, Tag("<text>")] | Annotated[Timeouts, Tag("<object>")], BY_KIND
]
