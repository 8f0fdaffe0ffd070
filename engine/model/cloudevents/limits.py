"""How large a CloudEvent may be. The specification sets no upper limits; we must."""

import msgspec

MAX_NAME_CHARS = 64
"""Length of an attribute name. The specification recommends 20 (section "Naming conventions")."""

MAX_CORE_BYTES = 2_048
"""UTF-8 length of id, source, type, subject, dataschema and datacontenttype."""

MAX_EXTENSION_BYTES = 4_096
"""UTF-8 length of an extension's string: room for a signed URL in `dataref`."""

MAX_TIME_CHARS = 64

MAX_NUMBER_DIGITS = 1_000
"""Digits of a number in JSON, and the size of its exponent: longer ones are an attack."""


class CloudEventLimits(msgspec.Struct, frozen=True):
    """The limits that an installation may choose.

    max_data_bytes: the payload as it is kept (after base64 is undone). max_extensions: extension
    attributes of one CloudEvent. max_batch_events, max_batch_bytes: a batch as a whole.
    max_json_depth: nesting of arrays and objects in a JSON payload.
    """

    max_data_bytes: int = 1_048_576
    max_extensions: int = 32
    max_batch_events: int = 1_000
    max_batch_bytes: int = 8_388_608
    max_json_depth: int = 64

    @property
    def max_structured_bytes(self) -> int:
        """Bytes of one CloudEvent in the JSON format: base64 or escapes, and the attributes."""
        return 2 * self.max_data_bytes + 262_144


DEFAULT_LIMITS = CloudEventLimits()
