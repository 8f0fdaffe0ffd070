"""What differs between two JSON values: for people, and as a JSON Patch (RFC 6902).

Numbers are the same when their values are (1.10 is 1.1), objects whatever the order of their
members. What stands in the patch has the text that it had.
"""

from collections.abc import Iterator
from itertools import chain
from typing import Any, Final, Literal

import msgspec

from engine.core.merge import identity
from engine.core.timetravel.pointer import Path, pointer_of

MAX_CELLS: Final = 1_000_000
"""How many pairs of array elements one diff compares. Arrays beyond that are compared place by
place: the patch stays right, it is only longer."""


class Change(msgspec.Struct, frozen=True):
    """One difference. `place`: where the patch finds it when it comes to it; `path`: where people
    do, what was removed in the first value, all else in the second. `before` and `after` are None
    where there was, or is, nothing."""

    kind: Literal["add", "remove", "replace"]
    place: Path
    path: Path
    before: Any = None
    after: Any = None

    @property
    def operation(self) -> dict[str, Any]:
        """The operation of a JSON Patch."""
        operation = {"op": self.kind, "path": pointer_of(self.place)}
        return operation if self.kind == "remove" else {**operation, "value": self.after}


def diff(before: Any, after: Any) -> list[Change]:
    """The changes that make the second value of the first, in order: after applying their
    operations, nothing differs any more. Empty for equal values."""
    return list(_Comparison().changes(before, after, _Where((), (), ())))


def patch_of(changes: list[Change]) -> list[dict[str, Any]]:
    """The changes as a JSON Patch."""
    return [one.operation for one in changes]


class _Where(msgspec.Struct, frozen=True):
    """The place of a value: while the patch is applied, in the first value, and in the second."""

    place: Path
    first: Path
    second: Path

    def member(self, key: str) -> "_Where":
        return _Where((*self.place, key), (*self.first, key), (*self.second, key))

    def element(self, index: int, first: int, second: int) -> "_Where":
        return _Where((*self.place, index), (*self.first, first), (*self.second, second))

    def removed(self, before: Any) -> Change:
        return Change("remove", self.place, self.first, before)

    def added(self, after: Any) -> Change:
        return Change("add", self.place, self.second, None, after)


class _Comparison:
    """One diff; `_cells` of work with arrays are left."""

    def __init__(self) -> None:
        self._cells = MAX_CELLS

    def changes(self, before: Any, after: Any, where: _Where) -> Iterator[Change]:
        if before is after:  # states share what no event touched
            return
        if isinstance(before, dict) and isinstance(after, dict):
            yield from self._of_objects(before, after, where)
        elif isinstance(before, list) and isinstance(after, list):
            yield from self._of_arrays(before, after, where)
        elif _differ(before, after):
            yield Change("replace", where.place, where.second, before, after)

    def _of_objects(
        self, before: dict[str, Any], after: dict[str, Any], where: _Where
    ) -> Iterator[Change]:
        for key, value in before.items():
            if key in after:
                yield from self.changes(value, after[key], where.member(key))
            else:
                yield where.member(key).removed(value)
        for key, value in after.items():
            if key not in before:
                yield where.member(key).added(value)

    def _of_arrays(self, before: list[Any], after: list[Any], where: _Where) -> Iterator[Change]:
        """Elements that both have stay; between two of them, as many as both sides have are
        changed, the rest is removed or added."""
        index = first = second = 0
        for kept_first, kept_second in chain(
            self._kept(before, after), [(len(before), len(after))]
        ):
            while first < kept_first and second < kept_second:
                at = where.element(index, first, second)
                yield from self.changes(before[first], after[second], at)
                index, first, second = index + 1, first + 1, second + 1
            for place in range(first, kept_first):
                yield where.element(index, place, second).removed(before[place])
            for place in range(second, kept_second):
                yield where.element(index, first, place).added(after[place])
                index += 1
            index, first, second = index + 1, kept_first + 1, kept_second + 1

    def _kept(self, before: list[Any], after: list[Any]) -> list[tuple[int, int]]:
        """Pairs of places whose elements are the same: all at the beginning and at the end, and a
        longest common subsequence of what is between."""
        numbers: dict[Any, int] = {}  # one for each distinct element: quick to compare
        ours, theirs = (
            [numbers.setdefault(identity(one), len(numbers)) for one in side]
            for side in (before, after)
        )
        start, stop = 0, min(len(ours), len(theirs))
        while start < stop and ours[start] == theirs[start]:
            start += 1
        end = 0
        while end < stop - start and ours[-1 - end] == theirs[-1 - end]:
            end += 1
        middle = self._common(ours[start : len(ours) - end], theirs[start : len(theirs) - end])
        kept = [(place, place) for place in range(start)]
        kept += [(start + one, start + other) for one, other in middle]
        kept += [(len(ours) - left, len(theirs) - left) for left in range(end, 0, -1)]
        return kept

    def _common(self, ours: list[int], theirs: list[int]) -> list[tuple[int, int]]:
        """A longest common subsequence, as pairs of places; none where there is too much work."""
        cells = len(ours) * len(theirs)
        if not cells or cells > self._cells:
            return []
        self._cells -= cells
        lengths = [[0] * (len(theirs) + 1) for _ in range(len(ours) + 1)]
        for one in range(len(ours) - 1, -1, -1):
            row, below = lengths[one], lengths[one + 1]
            for other in range(len(theirs) - 1, -1, -1):
                if ours[one] == theirs[other]:
                    row[other] = below[other + 1] + 1
                else:
                    row[other] = max(below[other], row[other + 1])
        return list(_read_pairs(lengths, ours, theirs))


def _read_pairs(
    lengths: list[list[int]], ours: list[int], theirs: list[int]
) -> Iterator[tuple[int, int]]:
    one = other = 0
    while one < len(ours) and other < len(theirs):
        if ours[one] == theirs[other]:
            yield one, other
            one, other = one + 1, other + 1
        elif lengths[one + 1][other] >= lengths[one][other + 1]:
            one += 1
        else:
            other += 1


def _differ(before: Any, after: Any) -> bool:
    return bool(identity(before) != identity(after))
