"""JSON whose numbers keep their text.

A number that nobody computed with leaves Refold as it came: 12345678901234567890, 1.10 and 1e2 are
copied, never rewritten (`schemas.numbers`). These are the fast ways in and out for data that was
checked when it came; what comes from outside is read by `engine.expr.loads`.
"""

from typing import Any

import msgspec

from schemas.numbers import ComputedNumber, LiteralNumber, number_from_text, number_to_text

MAX_NUMBER_LENGTH = 1_000


def read_float(text: str) -> float:
    """Read a JSON number with a fraction or an exponent. Raises ValueError when it is too long."""
    if len(text) > MAX_NUMBER_LENGTH:
        raise ValueError(f"a number has {len(text)} characters, allowed are {MAX_NUMBER_LENGTH}")
    return number_from_text(text)


def write_unknown(value: Any) -> Any:
    """Encode what the JSON encoder does not know by itself: a number that knows its text."""
    if isinstance(value, LiteralNumber):
        return msgspec.Raw(value.text.encode())
    if isinstance(value, ComputedNumber):
        return msgspec.Raw(number_to_text(value).encode())
    raise TypeError(f"{type(value).__name__} is not JSON data")


_decoder = msgspec.json.Decoder(float_hook=read_float)
_encoder = msgspec.json.Encoder(enc_hook=write_unknown)

loads = _decoder.decode
"""JSON bytes (or text) -> value. Raises msgspec.DecodeError."""

dumps = _encoder.encode
"""Value -> JSON bytes, members in their order, no blanks."""
