"""JSON whose numbers keep their text.

A number that nobody computed with leaves Refold as it came: 12345678901234567890, 1.10 and 1e2 are
copied, never rewritten (`schemas.numbers`). These are the fast ways in and out for data that was
checked when it came; what comes from outside is read by `engine.expr.loads`.
"""

import json
import re
from typing import Any

import msgspec

from schemas.numbers import (
    ComputedNumber,
    LiteralNumber,
    literal_from_text,
    number_from_text,
    number_to_text,
)

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


def has_negative_zero(text: bytes) -> bool:
    """Whether a JSON text may hold `-0`, the one literal that the fast decoders do not keep."""
    return b"-0" in text and _negative_zero.search(text) is not None


def load_literally(text: bytes) -> Any:
    """The slow reader, for texts with `-0`. Raises ValueError."""
    return json.loads(text, parse_int=literal_from_text, parse_float=read_float)


_negative_zero = re.compile(rb"-0(?=[\],}\s]|\Z)")
_decoder = msgspec.json.Decoder(float_hook=read_float)
_encoder = msgspec.json.Encoder(enc_hook=write_unknown)

loads = _decoder.decode
"""JSON bytes (or text) -> value. Raises msgspec.DecodeError."""

dumps = _encoder.encode
"""Value -> JSON bytes, members in their order, no blanks."""
