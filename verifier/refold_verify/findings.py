"""What is not as it was written, and where."""

from __future__ import annotations

from typing import Any, NamedTuple

from records import Record

Place = tuple[Any, ...]


class Finding(NamedTuple):
    """What is not as it was written. `kind`: unreadable, changed, missing, reordered, repeated,
    cut_off, removed, foreign, head_differs. `place`: what it is about: ("event", execution, seq),
    ("execution", id), ("commit", shard, number), ("position", shard, commit, position),
    ("audit", namespace, position), ("definition", namespace, name), ("head",), ("line", number)."""

    kind: str
    place: Place
    detail: str

    def __str__(self) -> str:
        return f"{self.kind.upper():<13}{' '.join(map(str, self.place))}: {self.detail}"


class Findings(list[Finding]):
    """All that was found, in the order of finding."""

    def note(self, kind: str, place: Place, detail: str) -> None:
        self.append(Finding(kind, place, detail))


class Order:
    """The order in which the format has its lines: keys that grow."""

    def __init__(self, findings: Findings) -> None:
        self.findings = findings
        self.last: Place = ()

    def check(self, place: Place, *key: Any) -> None:
        """Say so where a line does not stand behind the one before."""
        if key < self.last or (key == self.last and place[0] != "audit"):
            kind = "repeated" if key == self.last else "reordered"
            self.findings.note(kind, place, "its line stands elsewhere than the format has it")
        self.last = max(self.last, key)


def place_of(record: Record) -> Place:
    if record["record"] == "other":
        return ("position", record["shard"], record["position"])
    return ("event", record["execution"], record["seq"])
