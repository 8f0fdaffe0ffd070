"""Following a chain, link by link: what may come next, and where it must end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from findings import Findings, Place
from members import told_members
from records import Record

MAX_GAP = 1_000_000
BIRTHS = ("ExecutionStarted", "GatheringOpened", "ExecutionForked", "ExecutionImported")
FACTS = ("workflow", "version", "definition_hash", "dialect", "ir_version")


class Chain:
    """How far a chain was followed: its last number, the hashes that the next link may stand on,
    numbers that are missing so far. `name`: the sort and the owner of its links; `kept`: number and
    hash of the link that was kept elsewhere."""

    def __init__(self, start: bytes, *name: Any, kept: tuple[int, str] = (0, "")) -> None:
        self.number = 0
        self.hashes: set[bytes] = {start}
        self.lost: set[int] = set()
        self.name = name
        self.kept = kept

    def follow(
        self,
        findings: Findings,
        number: int,
        stored: str,
        hashed: Callable[[bytes, int], set[bytes]],
    ) -> int | None:
        """Go on by one link. `hashed`: the hashes that it may have behind another one,
        under a number. Returns the number that it has; None: it is not the next one."""
        following, found = self.number + 1, bytes.fromhex(stored)
        made = {one for before in self.hashes for one in hashed(before, following)}
        if number != following and found not in made:
            if number in self.lost:
                self.lost.remove(number)
                findings.note("reordered", (*self.name, number), "it stands behind later ones")
                return None
            if number <= self.number or number - following > MAX_GAP:
                kind = "repeated" if number <= self.number else "changed"
                findings.note(kind, (*self.name, number), "no such number comes here")
                return None
            self.lost.update(range(following, number))
            made = set()
        elif number != following or found not in made:
            number = following
            findings.note("changed", (*self.name, number), "it is not as it was written")
        self.number, self.hashes = number, {*made, found}
        if self.kept[0] == number and self.kept[1] != stored:
            findings.note("head_differs", (*self.name, number), "it is not the one that was kept")
        return number

    def close(self, findings: Findings, end: tuple[int, str]) -> None:
        """Compare the end with the head that names it, and with the one that was kept."""
        for lost in sorted(self.lost):
            findings.note("missing", (*self.name, lost), "it is not there")
        if self.number < end[0]:
            detail = f"the head names {end[0]} of them"
            findings.note("cut_off", (*self.name, self.number + 1), detail)
        elif self.number > end[0] or bytes.fromhex(end[1]) not in {b"", *self.hashes}:
            findings.note("changed", ("head",), f"it does not name the end of {self.name}")
        if self.number < self.kept[0]:
            detail = "it was kept and is gone: cut off, or this is an older log"
            findings.note("head_differs", (*self.name, self.kept[0]), detail)


class Execution(Chain):
    """An execution's chain, its record, and what its log tells of its birth."""

    def __init__(self, name: str, record: Record | None = None) -> None:
        super().__init__(b"", "event", name)
        self.record = record
        self.facts: list[Place] = []
        self.keys: set[str | None] = set()
        self.forked: tuple[Any, Any] = (None, None)

    def note_birth(self, event: Record) -> None:
        """Keep what an event tells of the birth; a sealed one tells its hash alone."""
        told = told_members(event)
        if told is None:
            return
        if event["type"] == "ExecutionImported":
            self.forked = None, told.get("events")
            return
        self.facts.append((event["namespace"], *map(told.get, FACTS)))
        self.keys.add(told.get("start_key"))
        if event["type"] == "ExecutionForked":
            self.forked = told.get("source"), told.get("at")

    def tells_of(self, record: Record) -> bool:
        """Whether the record of its birth is what the log tells, as far as it tells it."""
        return not self.facts or (
            (record["namespace"], *map(record.get, FACTS)) in self.facts
            and record["start_key"] in self.keys
            and (record["forked_from"], record["forked_at"]) == self.forked
        )

    def settle(self, findings: Findings) -> int:
        """Compare the end with the record of the birth; how many events are missing."""
        record, name = self.record, self.name[1]
        place = ("execution", name)
        for seq in sorted(self.lost):
            findings.note("missing", ("event", name, seq), "it is not there")
        if record is None:
            findings.note("missing", place, "the record of its birth is not there")
        elif self.number == 0:
            findings.note("removed", place, f"none of its {record['events']} events is there")
        elif self.number < record["events"]:
            detail = f"it had {record['events']} events"
            findings.note("cut_off", ("event", name, self.number + 1), detail)
        elif self.number > record["events"] or bytes.fromhex(record["hash"]) not in self.hashes:
            findings.note("changed", place, "its record does not tell its last event")
        elif (record["forked_at"] or -1) >= record["events"]:
            pass  # a fork whose copied beginning is not whole yet tells nothing of itself
        elif not self.tells_of(record):
            findings.note("changed", place, "its log tells of another birth")
        behind = 0 if record is None else max(0, record["events"] - self.number)
        return len(self.lost) + behind
