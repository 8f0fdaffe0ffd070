"""Why a message is not a CloudEvent that we take."""

from typing import Literal

FaultCode = Literal[
    "cloudevent.missing_attribute",
    "cloudevent.bad_attribute",
    "cloudevent.duplicate_attribute",
    "cloudevent.bad_json",
    "cloudevent.bad_data",
    "cloudevent.bad_encoding",
    "cloudevent.too_large",
    "cloudevent.unsupported_version",
    "cloudevent.unsupported_content_type",
    "cloudevent.unsupported_content_encoding",
]

_SHOWN_CHARS = 64
"""How much of hostile input a fault repeats."""


class CloudEventFault(Exception):
    """A message that was refused. Nothing of it has been kept.

    code: stable, for programs. message: a sentence for people, saying what to do.
    attribute: the context attribute, `data`, or the header at fault, where there is one (cut to
      64 characters).
    index: the place in a batch, from 0; None for a message of a single CloudEvent.
    event_id, event_source: those of the item of a batch, where they are texts that can be shown.
    """

    event_id: str | None = None
    event_source: str | None = None

    def __init__(
        self,
        code: FaultCode,
        message: str,
        *,
        attribute: str | None = None,
        index: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code: FaultCode = code
        self.message = message
        self.attribute = None if attribute is None else attribute[:_SHOWN_CHARS]
        self.index = index

    @property
    def pointer(self) -> str:
        """JSON pointer (RFC 6901) of the place, as if the message were in the JSON format."""
        place = "" if self.index is None else f"/{self.index}"
        if self.attribute is None:
            return place
        return place + "/" + self.attribute.replace("~", "~0").replace("/", "~1")

    def at_index(self, index: int) -> "CloudEventFault":
        """The same fault, told of the item `index` of a batch."""
        return CloudEventFault(self.code, self.message, attribute=self.attribute, index=index)

    def __repr__(self) -> str:
        return f"CloudEventFault({self.code!r}, {self.message!r}, at={self.pointer!r})"


def shown(text: str, limit: int = _SHOWN_CHARS) -> str:
    """`text` as it may stand in a message: quoted, escaped and cut, for it is hostile input."""
    cut = text if len(text) <= limit else text[:limit] + "..."
    return ascii(cut)
