"""ISO 8601 durations, read strictly: `P3W`, `P1DT2H`, `PT0.5S`.

Years and months are refused: their length depends on the day they are counted from, and where
`P1M` was written for `PT1M`, an execution would sleep a month. A fraction is allowed in the last
part alone. Weeks stand alone.
"""

import re
from typing import Final

from engine.model.limits import MAX_DURATION_MS

_DURATION: Final = re.compile(
    r"P(?:(?P<W>\d+)W"
    r"|(?:(?P<Y>\d+)Y)?(?:(?P<M>\d+)M)?(?:(?P<D>\d+(?:[.,]\d+(?=D$))?)D)?"
    r"(?P<time>T(?:(?P<h>\d+(?:[.,]\d+(?=H$))?)H)?(?:(?P<m>\d+(?:[.,]\d+(?=M$))?)M)?"
    r"(?:(?P<s>\d+(?:[.,]\d+(?=S$))?)S)?)?)",
    re.ASCII,
)
_MS: Final = {"W": 604_800_000, "D": 86_400_000, "h": 3_600_000, "m": 60_000, "s": 1_000}
_MAX_CHARACTERS: Final = 64


class BadDuration(ValueError):
    """Text that is no duration of a known length."""


def duration_ms(text: str) -> int:
    """The length in ms, rounded down. Raises BadDuration with a sentence that says what to do."""
    match = _DURATION.fullmatch(text) if len(text) <= _MAX_CHARACTERS else None
    if match is None or match["time"] == "T" or text == "P":
        raise BadDuration(
            f"{text[:_MAX_CHARACTERS]!r} is no ISO 8601 duration;"
            " write days as P30D, weeks as P2W, hours, minutes and seconds as PT1H30M5S"
        )
    if match["Y"] or match["M"]:
        raise BadDuration(
            f"{text!r} counts years or months, whose length differs;"
            " write days (P30D), or PT before minutes (PT5M)"
        )
    total = sum(_part_ms(match[name], unit) for name, unit in _MS.items() if match[name])
    if total > MAX_DURATION_MS:
        raise BadDuration(f"{text!r} is longer than ten years; write a shorter one")
    return total


def _part_ms(number: str, unit_ms: int) -> int:
    whole, _, fraction = number.replace(",", ".").partition(".")
    part = int(fraction) * unit_ms // 10 ** len(fraction) if fraction else 0
    return int(whole) * unit_ms + part
