"""Bodies of requests. Unknown members are refused: a misspelt one must not be ignored."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

NAME_PATTERN = r"^[^\x00-\x1f\x7f-\x9f]+$"

Name = Annotated[str, StringConstraints(min_length=1, max_length=256, pattern=NAME_PATTERN)]
"""A name of the caller's choosing: 1 to 256 characters, none of them a control character."""

LabelValue = Annotated[str, StringConstraints(max_length=256, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")]
"""The value of a label: up to 256 characters, none of them a control character."""


class Request(BaseModel):
    """Base of all request bodies."""

    model_config = ConfigDict(extra="forbid", strict=True)


class StartExecution(Request):
    """Start an execution of `workflow`. `name` is unique for each workflow: the same name again is
    the same execution. `version`: the active one unless given."""

    workflow: Name
    version: Name | None = None
    name: Name | None = None
    input: Any = Field(default=None, description="The workflow's input: any JSON value.")
    labels: dict[Name, LabelValue] = Field(
        default={}, max_length=32, description="Names and values to find the execution by."
    )


class CancelExecution(Request):
    """End an execution; `reason` is kept in its log."""

    reason: str = Field(default="", max_length=1_000)


class ApplyDefinition(Request):
    """A definition with the documents that it names. `resources`: URI -> text."""

    definition: str = Field(min_length=1)
    media_type: str = Field(default="application/yaml", max_length=100)
    resources: dict[str, str] = Field(default={}, max_length=64)
