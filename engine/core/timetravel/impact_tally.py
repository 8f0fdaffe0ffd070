"""Findings of many executions, counted: bounded however many there are, and addable, so that
several programs can count at once."""

from typing import Any, Final

import msgspec

from engine.core.timetravel.difference import Difference, Finding, Sample
from engine.core.timetravel.telling import told_difference
from schemas.json_text import dumps

MAX_GROUPS: Final = 500
MAX_SAMPLES: Final = 5
MAX_LISTED: Final = 10_000
_MAX_VALUE_BYTES: Final = 1_000


class Example(msgspec.Struct, frozen=True):
    """A difference as one execution shows it."""

    execution: str
    sample: Sample


class Group(msgspec.Struct):
    """Executions with the same difference. `ends`: how they end with the new version."""

    difference: Difference
    count: int = 0
    ends: dict[str, int] = {}
    examples: list[Example] = []


class Skipped(msgspec.Struct):
    """Executions that could not be compared, for one reason."""

    reason: str
    count: int = 0
    examples: list[str] = []


class Unsafe(msgspec.Struct, frozen=True):
    """A running execution that the new version would not have brought where it is."""

    execution: str
    reason: str


class Tally(msgspec.Struct):
    """The sum. `same`: without any difference; `same_path`: with the same path, whatever else
    differs. `ends`: by how an execution ended and would end now (`completed failed`). `unknown`:
    what has no recorded answer. `uncounted`: differences beyond `MAX_GROUPS` groups. `safe` and
    `unsafe` list running executions, at most `MAX_LISTED`, and count all."""

    executions: int = 0
    same: int = 0
    same_path: int = 0
    uncounted: int = 0
    safe_count: int = 0
    unsafe_count: int = 0
    ends: dict[str, int] = {}
    unknown: dict[str, int] = {}
    groups: list[Group] = []
    skipped: list[Skipped] = []
    safe: list[str] = []
    unsafe: list[Unsafe] = []

    def add(self, execution: str, finding: Finding) -> None:
        """Count one execution."""
        self.executions += 1
        self.same += not finding.differences
        self.same_path += not any(one.kind in _OTHER_WAYS for one, _ in finding.differences)
        _count(self.ends, f"{finding.was} {finding.now}", 1)
        if finding.unknown and finding.differences:
            _count(self.unknown, finding.unknown, 1)
        for difference, sample in finding.differences:
            group = self._group(difference)
            if group is None:
                self.uncounted += 1
                continue
            group.count += 1
            _count(group.ends, finding.now, 1)
            if len(group.examples) < MAX_SAMPLES:
                group.examples.append(Example(execution, _shortened(sample)))
        if finding.was == "running":
            self._add_running(execution, finding)

    def _add_running(self, execution: str, finding: Finding) -> None:
        if not finding.differences:
            self.safe_count += 1
            if len(self.safe) < MAX_LISTED:
                self.safe.append(execution)
            return
        self.unsafe_count += 1
        if len(self.unsafe) < MAX_LISTED:
            self.unsafe.append(Unsafe(execution, told_difference(finding.differences[0][0])))

    def skip(self, execution: str, reason: str) -> None:
        """Count one execution that cannot be compared."""
        self._add_skipped(Skipped(reason, 1, [execution]))

    def merge(self, other: "Tally") -> None:
        """Add what somebody else counted."""
        for name in ("executions", "same", "same_path", "uncounted", "safe_count", "unsafe_count"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for ours, theirs in ((self.ends, other.ends), (self.unknown, other.unknown)):
            for key, number in theirs.items():
                _count(ours, key, number)
        for group in other.groups:
            self._merge_group(group)
        for skipped in other.skipped:
            self._add_skipped(skipped)
        self.safe += other.safe[: MAX_LISTED - len(self.safe)]
        self.unsafe += other.unsafe[: MAX_LISTED - len(self.unsafe)]

    def _merge_group(self, group: Group) -> None:
        mine = self._group(group.difference)
        if mine is None:
            self.uncounted += group.count
            return
        mine.count += group.count
        for key, number in group.ends.items():
            _count(mine.ends, key, number)
        mine.examples += group.examples[: MAX_SAMPLES - len(mine.examples)]

    def _group(self, difference: Difference) -> Group | None:
        for group in self.groups:
            if group.difference == difference:
                return group
        if len(self.groups) >= MAX_GROUPS:
            return None
        self.groups.append(Group(difference))
        return self.groups[-1]

    def _add_skipped(self, skipped: Skipped) -> None:
        for mine in self.skipped:
            if mine.reason == skipped.reason:
                mine.count += skipped.count
                mine.examples += skipped.examples[: MAX_SAMPLES - len(mine.examples)]
                return
        self.skipped.append(skipped)


_OTHER_WAYS: Final = frozenset({"branch", "path", "no_answer", "no_event", "fails"})


def _count(table: dict[str, int], key: str, number: int) -> None:
    if key in table or len(table) < MAX_GROUPS:
        table[key] = table.get(key, 0) + number


def _shortened(sample: Sample) -> Sample:
    return msgspec.structs.replace(sample, was=_short(sample.was), now=_short(sample.now))


def _short(value: Any) -> Any:
    """A value that is small enough to be shown; a larger one as the beginning of its text."""
    text = dumps(value)
    if len(text) <= _MAX_VALUE_BYTES:
        return value
    return text[:_MAX_VALUE_BYTES].decode(errors="ignore") + "…"
