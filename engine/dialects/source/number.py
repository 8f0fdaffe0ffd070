"""Numbers of a document: the value, with the text kept where the value alone would lose it."""

import math
import re
from typing import Any, Final

from schemas.json_text import read_float

JSON_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?P<rest>(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?)")


def number_of(match: re.Match[str]) -> Any:
    """The number that JSON_NUMBER found. Raises ValueError for one that no double can hold, or
    that has too many digits."""
    text = match[0]
    if not match["rest"] and text != "-0":
        return int(text)
    if math.isinf(float(text)):
        raise ValueError(text)
    return read_float(text)
