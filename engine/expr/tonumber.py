"""`tonumber`: the strings that jq reads as numbers."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from schemas.json_text import MAX_NUMBER_LENGTH
from schemas.numbers import Number, literal_from_text

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_JSON_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")


def number_of_text(text: str) -> Number | None:
    """The number a string spells, keeping its digits; None where it spells none."""
    if len(text) > MAX_NUMBER_LENGTH or not _NUMBER.fullmatch(text):
        return None
    if _JSON_NUMBER.fullmatch(text):
        return literal_from_text(text)
    return literal_from_text(str(Decimal(text)))
