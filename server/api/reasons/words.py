"""Durations, counts and commands in words."""

import shlex
from collections.abc import Iterable

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("s", 1_000))


def lasting(duration_ms: int) -> str:
    """`850 ms`, `12 s`, `4 min 12 s`, `3 h 5 min`, `2 d 4 h`: the two largest units."""
    left = abs(duration_ms)
    if left < 1_000:
        return f"{left} ms"
    place = next(number for number, (_, size) in enumerate(_UNITS) if left >= size)
    words: list[str] = []
    for name, size in _UNITS[place : place + 2]:
        count, left = divmod(left, size)
        if count:
            words.append(f"{count} {name}")
    return " ".join(words)


def counted(number: int, noun: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def listed(names: Iterable[str], most: int = 5) -> str:
    """`a`, `a and b`, `a, b and 3 more`."""
    names = list(names)
    if len(names) > most:
        names = [*names[:most], f"{len(names) - most} more"]
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"


def capital(text: str) -> str:
    """The text with its first letter large."""
    return text[:1].upper() + text[1:]


def command_line(*words: str) -> str:
    """A line for a shell."""
    return " ".join(shlex.quote(word) for word in words)
