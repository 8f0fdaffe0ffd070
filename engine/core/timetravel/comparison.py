"""Two histories side by side, and where they first differ.

Events are laid beside each other by what they are (type, name, branch, iteration, attempt), in the
order of their logs. Two that lie side by side are the same when their bodies are, but for what two
runs of the same thing never share: times, durations, numbers of events in the own log, who asked.
"""

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Any, Final

import msgspec

from engine.core.timetravel.diff import Change, diff
from engine.model.event import Event
from schemas.events import bodies, encode_body
from schemas.json_text import loads

MAX_ALIGNED: Final = 2_000
"""Events of either side behind the first divergence that are laid beside each other by what they
are; beyond that it is place by place."""

_OWN: Final = frozenset({
    "due", "delay_ms", "duration_ms", "printed", "from_position", "start_key", "name", "asked",
    "action", "wait", "timer", "subject", "retry_of", "answered_by", "path", "occurrence",
})  # fmt: skip
"""Members of bodies that differ between two runs of the same thing."""

_ASIDE: Final = (bodies.ExecutionForked, bodies.ForkTaken, bodies.ExecutionImported)
"""Events that tell where an execution comes from: on one side alone, and no divergence."""

_Kind = tuple[Any, ...]


class Pair(msgspec.Struct, frozen=True):
    """A row: the events that lie side by side (None: there is none on that side), whether they are
    the same, and how their bodies differ if both are there."""

    left: Event | None
    right: Event | None
    same: bool
    changes: tuple[Change, ...] = ()


def side_by_side(left: Sequence[Event], right: Sequence[Event]) -> Iterator[Pair]:
    """The rows, in order."""
    first = _common(left, right)
    yield from map(_paired, left[:first], right[:first])
    rest, others = left[first:], right[first:]
    if max(len(rest), len(others)) > MAX_ALIGNED:
        yield from (_paired(one, other) for one, other in zip_longest(rest, others))
        return
    kinds, other_kinds = [_kind(one) for one in rest], [_kind(one) for one in others]
    matcher = SequenceMatcher(None, kinds, other_kinds, autojunk=False)
    for what, begin, end, other_begin, other_end in matcher.get_opcodes():
        if what == "equal":
            yield from map(_paired, rest[begin:end], others[other_begin:other_end])
        else:
            yield from (_paired(one, None) for one in rest[begin:end])
            yield from (_paired(None, one) for one in others[other_begin:other_end])


def _common(left: Sequence[Event], right: Sequence[Event]) -> int:
    """How many events at the beginning are of the same kinds: most of a fork, at no cost."""
    for number, (one, other) in enumerate(zip(left, right, strict=False)):
        if _kind(one) != _kind(other):
            return number
    return min(len(left), len(right))


def _kind(event: Event) -> _Kind:
    return (type(event.body), event.name, event.branch, event.iteration, event.attempt)


def _paired(left: Event | None, right: Event | None) -> Pair:
    if left is not None and right is not None and _kind(left) == _kind(right):
        changes = diff(_facts(left), _facts(right)) if left.body != right.body else []
        return Pair(left, right, not changes, tuple(changes))
    aside = all(isinstance(one.body, _ASIDE) for one in (left, right) if one is not None)
    return Pair(left, right, aside)


def _facts(event: Event) -> Any:
    """What of the body two runs may share, as JSON."""
    members: dict[str, Any] = loads(encode_body(event.body))
    return {name: value for name, value in members.items() if name not in _OWN}
