"""JSON whose numbers keep their text.

A number that nobody computed with leaves Refold as it came: 12345678901234567890, 1.10 and 1e2 are
copied, never rewritten. Integers are Python's own; a float whose shortest form is not its text is a
`NumberText`, a float that remembers the text.
"""

from typing import Any

import msgspec


class NumberText(float):
    """A float that is written back with the text it was read from."""

    __slots__ = ("text",)
    text: str

    def __reduce__(self) -> tuple[Any, ...]:
        return (read_float, (self.text,))


def read_float(text: str) -> float:
    """Read a JSON number with a fraction or an exponent."""
    value = float(text)
    if repr(value) == text:
        return value
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text[:40]} is outside the range of numbers")
    number = NumberText(value)
    number.text = text
    return number


def write_unknown(value: Any) -> Any:
    """Encode what the JSON encoder does not know by itself: a number that knows its text."""
    if isinstance(value, float):
        return msgspec.Raw(getattr(value, "text", repr(float(value))).encode())
    raise TypeError(f"{type(value).__name__} is not JSON data")


_decoder = msgspec.json.Decoder(float_hook=read_float)
_encoder = msgspec.json.Encoder(enc_hook=write_unknown)

loads = _decoder.decode
"""JSON bytes (or text) -> value. Raises msgspec.DecodeError."""

dumps = _encoder.encode
"""Value -> JSON bytes, members in their order, no blanks."""
