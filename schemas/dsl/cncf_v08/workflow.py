"""The whole document (DSL 0.8, "Workflow Definition Structure")."""

from typing import Annotated, Any

from pydantic import ConfigDict, Field, Tag
from pydantic.alias_generators import to_camel

from schemas.dsl.cncf_v08.base import BY_KIND, Metadata, Name, Part, Word
from schemas.dsl.cncf_v08.definitions import (
    ConstantsOrUri,
    ErrorsOrUri,
    EventsOrUri,
    FunctionsOrUri,
    RetriesOrUri,
    SecretsOrUri,
    TimeoutsOrUri,
)
from schemas.dsl.cncf_v08.states import AnyState


class StartObject(Part):
    """The first state, and when it is started by itself."""

    state_name: Name
    schedule: Any = None


Start = Annotated[Annotated[Name, Tag("<text>")] | Annotated[StartObject, Tag("<object>")], BY_KIND]


class Workflow(Part):
    """A definition. Members that the specification does not know are allowed here alone."""

    model_config = ConfigDict(
        extra="ignore", strict=True, frozen=True, alias_generator=to_camel, populate_by_name=True
    )

    id: Name | None = None
    key: Name | None = None
    name: str | None = None
    description: str | None = None
    version: Name | None = None
    annotations: list[str] | None = None
    spec_version: Word | None = None
    expression_lang: Word | None = None
    start: Start | None = None
    data_input_schema: Any = None
    constants: ConstantsOrUri | None = None
    secrets: SecretsOrUri | None = None
    timeouts: TimeoutsOrUri | None = None
    errors: ErrorsOrUri | None = None
    functions: FunctionsOrUri | None = None
    events: EventsOrUri | None = None
    retries: RetriesOrUri | None = None
    auth: Any = None
    keep_active: bool = False
    auto_retries: bool = False
    metadata: Metadata | None = None
    states: Annotated[list[AnyState], Field(min_length=1)]
