"""What all models of the Serverless Workflow DSL 0.8 share.

Members are named as in the text of the specification (camelCase there, snake_case here). Nothing is
converted: a text is a text, a number a number; known ways of writing it otherwise are evened out
before the shape is checked. An explicit null means "not given".

Alternatives ("a text or an object") are told apart by what the value is, not by trying each: so a
fault is reported once, at its place. The marks of alternatives are written in `< >`, which no
member name uses; whoever reads a location leaves them out.
"""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Discriminator, StringConstraints, Tag
from pydantic.alias_generators import to_camel

MAX_NAME_CHARACTERS = 256


class Part(BaseModel):
    """A part of a document: exactly the members named here."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, alias_generator=to_camel, populate_by_name=True
    )


def kind_of(value: Any) -> str:
    """The mark of the alternative that a value belongs to."""
    if isinstance(value, str):
        return "<text>"
    if isinstance(value, bool):
        return "<flag>"
    if isinstance(value, int | float):
        return "<number>"
    if isinstance(value, list):
        return "<list>"
    return "<object>" if isinstance(value, dict | BaseModel) else "<null>"


BY_KIND = Discriminator(kind_of)

Name = Annotated[
    str, StringConstraints(min_length=1, max_length=MAX_NAME_CHARACTERS, pattern=r"^[^\x00-\x1f]+$")
]
"""A name that an author gives, without control characters."""

Word = Annotated[str, StringConstraints(min_length=1)]
"""Text that is not empty: an expression, a duration, a reference."""

TextOrNumber = Annotated[Annotated[str, Tag("<text>")] | Annotated[float, Tag("<number>")], BY_KIND]
TextOrObject = Annotated[
    Annotated[str, Tag("<text>")] | Annotated[dict[str, Any], Tag("<object>")], BY_KIND
]
Metadata = dict[str, str]
