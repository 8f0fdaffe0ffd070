"""Times at the API: RFC 3339 in UTC with milliseconds."""

import re
from datetime import UTC, datetime, timedelta

from server.api.door.problem import ProblemRaised

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHAPE = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def format_time(at_ms: int) -> str:
    """Milliseconds since 1970 as `2026-11-23T08:30:00.000Z`."""
    moment = _EPOCH + timedelta(milliseconds=at_ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_time(name: str, text: str) -> int:
    """RFC 3339 -> milliseconds since 1970. A `+` that came as a blank is read as it was meant."""
    shaped = text.strip().replace(" ", "+")
    try:
        if not _SHAPE.fullmatch(shaped):
            raise ValueError
        moment = datetime.fromisoformat(shaped.upper())
    except ValueError:
        raise ProblemRaised(
            "query.invalid", f"{name} takes a time such as 2026-11-23T08:30:00Z"
        ) from None
    return (moment - _EPOCH) // timedelta(milliseconds=1)
