"""Ids of executions: the number, the shard and the month of birth that they tell."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone

ALPHABET = {letter: n for n, letter in enumerate("0123456789abcdefghjkmnpqrstvwxyz")}
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
HEX = re.compile("(?:[0-9a-f]{2})*")


def uuid_number(execution: str) -> int:
    number = 0
    for letter in execution[3:]:
        number = number << 5 | ALPHABET[letter]
    return number


def shard_of(execution: str) -> int:
    return uuid_number(execution) >> 64 & 0xFFF


def birth_period(number: int) -> str:
    """The month of birth of an id; one that nobody can have been born in has none."""
    born_ms = number >> 80
    return (EPOCH + timedelta(milliseconds=born_ms)).strftime("%Y-%m") if born_ms < 1 << 47 else ""


def execution_of(uuid: str) -> str:
    """The id of a UUID; of a text that is none the one that nobody has."""
    digits, letters = uuid.replace("-", ""), list(ALPHABET)
    number = int(digits, 16) if HEX.fullmatch(digits) and len(digits) == 32 else 0
    return "ex_" + "".join(letters[number >> shift & 31] for shift in range(125, -1, -5))
