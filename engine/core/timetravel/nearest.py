"""The CloudEvents that came nearest to an open wait without being taken, and the first thing that
each of them failed.

A CloudEvent is near where somebody may have meant it: it has the wanted type, or one that is
written nearly alike, or it is of another type but carries a value that is correlated by, or comes
from the very source that is asked for.
"""

from collections.abc import Iterable, Sequence
from itertools import count

import msgspec

from engine.core.matching import Predicate, predicates, source_matches, wanted_value
from engine.model.command import Arrived
from engine.model.state import ExecutionState, Wait
from schemas.events.parts import CloudEventRef, EventFilter

LIMIT = 5
"""Near misses told for one filter."""

ALIKE = 2
"""Of those, how many that failed the same predicate: more say nothing new."""

_TYPE_CHARACTERS = 120
_EDITS_LEAST, _EDITS_SHARE = 2, 6


class NearMiss(msgspec.Struct, frozen=True):
    """A CloudEvent that a filter refused. `passed` of `asked` predicates hold; `failed` is the
    first that does not. `remark` says why the position is too low."""

    event: CloudEventRef
    at: int
    ref: str
    failed: Predicate
    passed: int
    asked: int
    remark: str = ""

    @property
    def text(self) -> str:
        """The failed predicate with both values, and the remark."""
        return f"{self.failed.text} ({self.remark})" if self.remark else self.failed.text


def near_misses(
    state: ExecutionState,
    wait: Wait,
    one: EventFilter,
    candidates: Iterable[Arrived],
    *,
    limit: int = LIMIT,
) -> list[NearMiss]:
    """The nearest first: who passes more, then whose failure is the more telling, then the newest.
    CloudEvents that the filter takes are no misses."""
    found = [
        miss
        for arrived in candidates
        if _is_near(state, one, arrived)
        and (miss := miss_of(state, wait, one, arrived)) is not None
    ]
    found.sort(key=lambda miss: (-miss.passed, _telling(miss.failed), -miss.event.position))
    return _varied(found, limit)


def miss_of(
    state: ExecutionState, wait: Wait, one: EventFilter, arrived: Arrived
) -> NearMiss | None:
    """What the CloudEvent failed; None: the filter takes it."""
    judged = list(predicates(state, one, arrived))
    failed = next((each for each in judged if not each.passed), None)
    if failed is None:
        return None
    remark = _remark(state, wait, one, failed) if failed.kind == "position" else ""
    passed = sum(each.passed for each in judged)
    return NearMiss(arrived.event, arrived.at, one.ref, failed, passed, len(judged), remark)


def taken_now(state: ExecutionState, one: EventFilter, candidates: Iterable[Arrived]) -> list[int]:
    """Positions of those that the filter takes, lowest first: the engine has yet to see them."""
    return sorted(
        arrived.event.position
        for arrived in candidates
        if all(each.passed for each in predicates(state, one, arrived))
    )


def _is_near(state: ExecutionState, one: EventFilter, arrived: Arrived) -> bool:
    """Whether somebody may have meant it for the filter."""
    if are_alike(one.type, arrived.event.type):
        return True
    if one.source is not None and source_matches(one.source, arrived.event.source):
        return True
    known = [(name, wanted_value(state, name, fixed)) for name, fixed in one.correlation]
    return any(value is not None and arrived.attributes.get(name) == value for name, value in known)


def _telling(failed: Predicate) -> int:
    """A wrong type that is nearly right and a CloudEvent that came too early are mistakes; another
    value of a correlation attribute is mostly another execution's CloudEvent."""
    if failed.kind == "type" and are_alike(str(failed.wanted), str(failed.given)):
        return 0
    missing = failed.given is None
    order = {"position": 1, "source": 2, "attribute": 3 if missing else 4, "type": 5}
    return order[failed.kind]


def _varied(found: Sequence[NearMiss], limit: int) -> list[NearMiss]:
    """The first `limit`, at most `ALIKE` of one failure."""
    counts: dict[tuple[str, str, bool], int] = {}
    varied: list[NearMiss] = []
    for miss in found:
        failure = (miss.failed.kind, miss.failed.name, miss.failed.given is None)
        counts[failure] = counts.get(failure, 0) + 1
        if counts[failure] <= ALIKE:
            varied.append(miss)
    return varied[:limit]


def _remark(state: ExecutionState, wait: Wait, one: EventFilter, failed: Predicate) -> str:
    """Why the position counts as too low."""
    position = int(failed.given or 0)
    if position in wait.taken:
        return "this wait has taken it already"
    if position == state.consumed.get(one.ref):
        return f"this execution has taken it already, for {one.ref}"
    if position <= state.from_position:
        return "it was stored before this execution was started"
    return f"this execution has taken a later one for {one.ref}"


def similar_types(wanted: str, seen: Iterable[str], limit: int = 10) -> list[str]:
    """Of the types seen those that are written nearly alike, the nearest first; not the type
    itself."""
    near = [one for one in set(seen) if one != wanted and are_alike(wanted, one)]
    near.sort(key=lambda one: (edit_distance(_plain(wanted), _plain(one)), one))
    return near[:limit]


def are_alike(wanted: str, given: str) -> bool:
    """Whether one type may have been written for the other: equal but for case and for the signs
    between words, one with a prefix that the other lacks, or few letters apart."""
    one, other = _plain(wanted), _plain(given)
    if one == other:
        return True
    if one.endswith("." + other) or other.endswith("." + one):
        return True
    allowed = max(_EDITS_LEAST, min(len(one), len(other)) // _EDITS_SHARE)
    if min(len(one), len(other)) <= allowed or abs(len(one) - len(other)) > allowed:
        return False
    return edit_distance(one, other) <= allowed


def edit_distance(one: str, other: str) -> int:
    """The least number of letters to insert, remove or replace (Levenshtein)."""
    row = list(range(len(other) + 1))
    for number, letter in enumerate(one, 1):
        former, row[0] = row[0], number
        for place, mate, above in zip(count(1), other, row[1:], strict=False):
            row[place], former = (
                min(above + 1, row[place - 1] + 1, former + (letter != mate)),
                above,
            )
    return row[-1]


def _plain(text: str) -> str:
    """Case and the signs between words aside; very long types are judged by their end."""
    return "".join(char if char.isalnum() else "." for char in text[-_TYPE_CHARACTERS:].casefold())
