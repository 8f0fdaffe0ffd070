"""Proving an export: the log of an installation, or of one namespace of it."""

from __future__ import annotations

from collections.abc import Iterable

from audit import Audit
from findings import Findings, Order, place_of
from hashes import head_root
from records import Record, check_head, read_line
from shards import Shards


class Verifier:
    """Takes the lines of an export in order; `findings` is what it found."""

    def __init__(self, kept: Record | None = None) -> None:
        self.findings = Findings()
        self.kept = kept
        self.scope: str | None = None
        self.parts: tuple[Audit, Shards] | None = None
        self.lines = 0
        self.ended = False
        self.counts = dict.fromkeys(("audit", "definition", "execution", "commit", "event"), 0)

    def take(self, line: bytes) -> None:
        """One line, without its end."""
        self.lines += 1
        place = ("line", self.lines)
        try:
            record = read_line(line)
            kind = record["record"]
            if kind == "export":
                check_head(record["head"])
        except (ValueError, RecursionError) as error:
            self.findings.note("unreadable", place, str(error))
            return
        if (kind == "export") is not (self.lines == 1) or self.ended or kind == "link":
            self.findings.note("reordered", place, "it stands where the format has no such line")
        elif kind == "export":
            self.take_export(record)
        elif self.parts is not None:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            self.pass_on(record, *self.parts)

    def take_export(self, record: Record) -> None:
        findings, head, kept = self.findings, record["head"], self.kept
        if record["format"] != 1 or record["chain"] != 1:
            findings.note("unreadable", ("line", 1), "this program reads format 1 of an export")
            return
        order, other = Order(findings), kept or {"shards": [], "audit": []}
        audit = Audit(findings, order, head["cluster"], ends_of(head), ends_of(other))
        self.scope, self.parts = record["scope"], (audit, Shards(findings, order, head, other))
        if head_root(head) != head["root"]:
            findings.note("changed", ("head",), "its root is not the hash of its members")
        if kept and head_root(kept) != kept["root"]:
            findings.note("head_differs", ("head",), "the kept head does not fit its own root")
        if kept and kept["cluster"] != head["cluster"]:
            findings.note("head_differs", ("head",), "the kept head is of another installation")

    def pass_on(self, record: Record, audit: Audit, shards: Shards) -> None:
        """Any record behind the first, to whom it is for."""
        kind = record["record"]
        if kind in ("audit", "definition"):
            getattr(audit, f"take_{kind}")(record)
        elif kind == "end":
            self.take_end(record)
        elif kind == "other":
            if self.scope is None:
                detail = "an export of all namespaces tells every event"
                self.findings.note("missing", place_of(record), detail)
            shards.take_event(record)
        else:
            getattr(shards, f"take_{kind}")(record)

    def take_end(self, record: Record) -> None:
        self.ended = True
        if record["lines"] != self.lines - 1:
            detail = f"{record['lines']} lines were written before it, {self.lines - 1} are there"
            self.findings.note("changed", ("line", self.lines), detail)

    def finish(self) -> Verifier:
        """Everything was taken: say what is missing."""
        if self.parts is None:
            self.findings.note("missing", ("head",), "the file does not begin as an export")
            return self
        audit, shards = self.parts
        shards.finish()
        audit.finish(self.scope)
        if not self.ended:
            self.findings.note("cut_off", ("line", self.lines + 1), "the last line is not there")
        return self


def ends_of(head: Record) -> dict[str, tuple[int, str]]:
    """The last number and hash of each audit stream."""
    return {a["namespace"]: (a["position"], a["hash"]) for a in head["audit"]}


def verify(lines: Iterable[bytes], kept: Record | None = None) -> Verifier:
    """Take all lines (without their ends); `kept`: a head that was kept elsewhere. Raises
    ValueError where one of both is of another format."""
    if kept is not None:
        check_head(kept)
    verifier = Verifier(kept)
    for line in lines:
        verifier.take(line)
    return verifier.finish()
