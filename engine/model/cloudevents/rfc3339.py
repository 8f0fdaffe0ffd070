"""Timestamps by RFC 3339 section 5.6, kept as they were written."""

import datetime
import re

from engine.model.cloudevents.limits import MAX_TIME_CHARS

_GRAMMAR = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_EPOCH_DAY = datetime.date(1970, 1, 1).toordinal()
_SECONDS_A_DAY = 86_400
_NS = 1_000_000_000
_FIRST_S = (1 - _EPOCH_DAY) * _SECONDS_A_DAY
_END_S = (datetime.date.max.toordinal() + 1 - _EPOCH_DAY) * _SECONDS_A_DAY


def instant_ns(text: str) -> int | None:
    """Nanoseconds from 1970-01-01T00:00:00Z to `text`, or None if it is no RFC 3339 timestamp.

    Years 0001 to 9999, in UTC too. Digits of the fraction beyond the ninth do not count here
    (the string keeps them). A leap second is taken where one can be, at 23:59:60 UTC of the
    last day of a month, and counts as the second after it, as POSIX time does.
    """
    match = _GRAMMAR.fullmatch(text) if len(text) <= MAX_TIME_CHARS else None
    if match is None:
        return None
    try:
        day = datetime.date(int(match[1]), int(match[2]), int(match[3])).toordinal()
    except ValueError:
        return None
    hour, minute, second = int(match[4]), int(match[5]), int(match[6])
    offset = _offset_s(match)
    if hour > 23 or minute > 59 or second > 60 or offset is None:
        return None
    utc = (day - _EPOCH_DAY) * _SECONDS_A_DAY + hour * 3600 + minute * 60 + second - offset
    if not _FIRST_S <= utc < _END_S or (second == 60 and not _starts_a_month(utc)):
        return None
    return utc * _NS + int((match[7] or "0")[:9].ljust(9, "0"))


def _offset_s(match: re.Match[str]) -> int | None:
    if match[8] is None:
        return 0
    hours, minutes = int(match[9]), int(match[10])
    if hours > 23 or minutes > 59:
        return None
    return (hours * 3600 + minutes * 60) * (-1 if match[8] == "-" else 1)


def _starts_a_month(utc_s: int) -> bool:
    day, into_day = divmod(utc_s, _SECONDS_A_DAY)
    return into_day == 0 and datetime.date.fromordinal(day + _EPOCH_DAY).day == 1
