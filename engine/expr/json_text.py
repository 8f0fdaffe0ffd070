"""JSON text of workflow data to Python values and back, without touching a number.

Objects are dicts in the order of the text, arrays lists, numbers as `schemas.numbers` describes:
`loads` then `dumps` gives every number back byte for byte. Values are immutable by convention:
whoever changes one copies it first.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, Literal, NoReturn, TypeAlias

import msgspec

from schemas.json_text import read_float, write_unknown
from schemas.numbers import Number, literal_from_text

Value: TypeAlias = Any
"""dict[str, Value] | list[Value] | str | bool | int | float | None"""

MAX_DEPTH: Final = 64

JsonFaultCode: TypeAlias = Literal["json.malformed", "json.depth", "json.number"]


class JsonFault(ValueError):
    """Text that is not JSON, or a value that JSON cannot carry."""

    def __init__(self, code: JsonFaultCode, message: str) -> None:
        super().__init__(message)
        self.code: JsonFaultCode = code
        self.message = message


def _decode_integer(text: str) -> Number:
    return literal_from_text(text)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON; send null or a string instead")


_decoder = msgspec.json.Decoder(float_hook=read_float)
_encoder = msgspec.json.Encoder(enc_hook=write_unknown)
_negative_zero = re.compile(rb"-0(?=[\],}\s]|\Z)")


def loads(data: bytes | str, max_depth: int = MAX_DEPTH) -> Value:
    """Decode one JSON document in UTF-8.

    Raises `JsonFault`: `json.malformed`, `json.depth` (more than `max_depth` levels of arrays and
    objects), `json.number` (longer than 1,000 characters with a fraction, 4,300 without).
    """
    text = data.encode("utf-8", "surrogatepass") if isinstance(data, str) else data
    try:
        value = _decoder.decode(text)
        if b"-0" in text and _negative_zero.search(text):
            value = _decode_with_negative_zero(text)
    except RecursionError:
        raise _too_deep(max_depth) from None
    except msgspec.ValidationError as error:
        raise JsonFault("json.number", f"a number cannot be read: {error}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise JsonFault("json.malformed", f"not JSON: {error}") from None
    if text.count(b"[") + text.count(b"{") > max_depth:
        _refuse_deeper(value, max_depth)
    return value


def dumps(value: Value, max_depth: int = MAX_DEPTH) -> bytes:
    """Encode a value as compact JSON in UTF-8, keys in their order.

    Raises `JsonFault`: `json.number` for NaN and infinities, `json.depth`, and `json.malformed`
    for what is not a JSON value or holds half of a surrogate pair.
    """
    try:
        text = _encoder.encode(value)
    except RecursionError:
        raise _too_deep(max_depth) from None
    except (TypeError, UnicodeEncodeError, OverflowError, ValueError) as error:
        raise JsonFault("json.malformed", f"not a JSON value: {error}") from None
    if b"null" in text:
        _refuse_nonfinite(value)
    if text.count(b"[") + text.count(b"{") > max_depth:
        _refuse_deeper(value, max_depth)
    return text


def _decode_with_negative_zero(text: bytes) -> Value:
    """The slow reader, for the one literal the fast reader has no hook for."""
    return json.loads(
        text,
        parse_int=_decode_integer,
        parse_float=read_float,
        parse_constant=_refuse_constant,
    )


def _too_deep(max_depth: int) -> JsonFault:
    return JsonFault("json.depth", f"arrays and objects are nested deeper than {max_depth} levels")


def _children(containers: list[Value]) -> list[Value]:
    return [
        child
        for container in containers
        for child in (container.values() if isinstance(container, dict) else container)
    ]


def _refuse_deeper(value: Value, max_depth: int) -> None:
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(max_depth):
        level = [child for child in _children(level) if isinstance(child, (dict, list))]
        if not level:
            return
    raise _too_deep(max_depth)


def _refuse_nonfinite(value: Value) -> None:
    """The encoder writes NaN and infinities as null; a null in the text is the cue to look."""
    level = [value]
    while level:
        for item in level:
            if type(item) is float and item - item != 0.0:
                raise JsonFault("json.number", f"{item!r} is not a number JSON can write")
        level = _children([item for item in level if isinstance(item, (dict, list, tuple))])
