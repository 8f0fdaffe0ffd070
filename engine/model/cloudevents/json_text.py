"""What JSON must satisfy beyond its grammar before we keep it (RFC 8259, I-JSON, our limits).

msgspec checks the grammar (also of what it leaves as `Raw`), and with it refuses NaN, Infinity
and lone surrogates; it does not look at the UTF-8 of raw parts, at duplicate keys, at depth or at
the length of numbers. Those checks are here. Each has a test that clears nearly all honest
input in a microsecond and an exact one behind it for what is left.
"""

import itertools
import json
import re

import msgspec

from engine.model.cloudevents.fault import CloudEventFault, shown
from engine.model.cloudevents.limits import MAX_NUMBER_DIGITS

_RAW = msgspec.json.Decoder(msgspec.Raw)
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"', re.DOTALL)
_ALL_BYTES = bytes(range(256))
_NOT_BRACKETS = bytes(byte for byte in _ALL_BYTES if byte not in b"[]{}")
_TO_SHAPE = bytes.maketrans(b"123456789E-", b"000000000e+")
_LONG_SHAPE = b"0" * (MAX_NUMBER_DIGITS // 2)
_STEP = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}


def check_json_text(text: bytes, max_depth: int, place: str | None = None) -> None:
    """Raise a `CloudEventFault` unless `text` is one JSON value that every reader understands.

    place: the attribute to name in the fault (`data` for a payload), None for a whole message.
    """
    check_encoding(text, place)
    check_depth(text, max_depth, place)
    check_grammar(text, place)
    check_numbers(text, place)
    check_keys(text, place)


def check_grammar(text: bytes, place: str | None = None) -> None:
    """One JSON value by RFC 8259 and nothing after it."""
    try:
        _RAW.decode(text)
    except msgspec.MsgspecError as error:
        raise malformed(error, place) from None


def malformed(error: Exception, place: str | None = None) -> CloudEventFault:
    """The fault that tells of a parser's `error`."""
    said = str(error).removeprefix("JSON is malformed: ")
    return CloudEventFault(
        "cloudevent.bad_json", f"This is not JSON by RFC 8259: {said}.", attribute=place
    )


def check_encoding(text: bytes, place: str | None = None) -> None:
    """UTF-8 without a byte order mark (RFC 8259 section 8.1)."""
    if text.startswith(b"\xef\xbb\xbf"):
        raise CloudEventFault(
            "cloudevent.bad_encoding",
            "JSON must not begin with a byte order mark; leave it out.",
            attribute=place,
        )
    try:
        text.decode()
    except UnicodeDecodeError as error:
        raise CloudEventFault(
            "cloudevent.bad_encoding",
            f"JSON must be UTF-8; byte {error.start} is not.",
            attribute=place,
        ) from None


def check_depth(text: bytes, max_depth: int, place: str | None = None) -> None:
    """Run before any parser, for a parser's stack is what deep nesting is aimed at."""
    if text.count(b"[") + text.count(b"{") <= max_depth:
        return
    brackets = _STRING.sub(b"", text).translate(None, _NOT_BRACKETS)
    deepest = max(itertools.accumulate(map(_STEP.__getitem__, brackets)), default=0)
    if deepest > max_depth:
        raise CloudEventFault(
            "cloudevent.bad_json",
            f"The JSON nests {deepest} deep; at most {max_depth} is taken.",
            attribute=place,
        )


def check_numbers(text: bytes, place: str | None = None) -> None:
    """No number of more digits, or with a larger exponent, than `MAX_NUMBER_DIGITS`."""
    shape = text.translate(_TO_SHAPE)
    if not (b"e0000" in shape or b"e+0000" in shape or _LONG_SHAPE in shape):
        return
    try:
        _NUMBERS.decode(text.decode())
    except _LongNumberError:
        raise CloudEventFault(
            "cloudevent.bad_json",
            f"A number has more than {MAX_NUMBER_DIGITS} digits or a larger exponent than that; "
            f"send it as a string.",
            attribute=place,
        ) from None


def check_keys(text: bytes, place: str | None = None) -> None:
    """No object has two members of one name, whatever way the names are escaped."""
    if b"\\" not in text:
        strings = text.split(b'"')[1::2]
        if len(set(strings)) == len(strings):
            return
    try:
        _KEYS.decode(text.decode())
    except _DuplicateKeyError as error:
        raise CloudEventFault(
            "cloudevent.bad_json",
            f"The member {shown(error.key)} stands twice in one object; send it once.",
            attribute=place,
        ) from None


class _LongNumberError(Exception):
    pass


class _DuplicateKeyError(Exception):
    def __init__(self, key: str) -> None:
        self.key = key


def _check_number(text: str) -> None:
    mantissa, _, exponent = text.lower().partition("e")
    digits = len(mantissa.replace(".", "").lstrip("-"))
    size = exponent.lstrip("+-").lstrip("0")
    too_far = len(size) > 4 or int(size or "0") > MAX_NUMBER_DIGITS
    if digits > MAX_NUMBER_DIGITS or too_far:
        raise _LongNumberError


def _check_members(pairs: list[tuple[str, object]]) -> None:
    if len(dict(pairs)) == len(pairs):
        return
    seen: set[str] = set()
    for name, _ in pairs:
        if name in seen:
            raise _DuplicateKeyError(name)
        seen.add(name)


# `str` as the reader of numbers leaves them unread: int() of long digits takes quadratic time.
_KEYS = json.JSONDecoder(object_pairs_hook=_check_members, parse_int=str, parse_float=str)
_NUMBERS = json.JSONDecoder(parse_int=_check_number, parse_float=_check_number)
