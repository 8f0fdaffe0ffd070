"""The audit: a stream of entries for each namespace, and the definitions that they applied."""

from __future__ import annotations

import json

from chain import Chain
from findings import Findings, Order
from hashes import audit_hash
from members import digest_of, split_members
from records import Record
from spelling import framed, sha

STORED = ("definition.applied", "definition.imported")
Ends = dict[str, tuple[int, str]]


class Audit:
    """Takes entries and definitions. `ends`: number and hash of each stream's last entry by the
    head, `kept`: by the head that was kept elsewhere."""

    def __init__(
        self, findings: Findings, order: Order, cluster: str, ends: Ends, kept: Ends
    ) -> None:
        self.findings = findings
        self.order = order
        self.cluster = cluster
        self.ends = ends
        self.kept = kept
        self.streams: dict[str, Chain] = {}
        self.applied: dict[tuple[str, str], Record] = {}

    def stream(self, name: str) -> Chain:
        start = sha(f"refold-audit-1|{self.cluster}|{name}".encode())
        kept = self.kept.get(name, (0, ""))
        return self.streams.setdefault(name, Chain(start, "audit", name, kept=kept))

    def take_audit(self, entry: Record) -> None:
        written, digest = bytes.fromhex(entry["digest"]), digest_of({**entry, "codec": 1})
        self.order.check(("audit", entry["namespace"], entry["position"]), 0, entry["namespace"])
        number = self.stream(entry["namespace"]).follow(
            self.findings,
            entry["position"],
            entry["hash"],
            lambda before, n: {audit_hash(before, entry, n, d) for d in {digest, written}},
        )
        if number is not None and digest != written:
            self.findings.note(
                "changed", ("audit", entry["namespace"], number), "its data was changed"
            )
        elif digest == written and entry["action"] in STORED:
            told = {n: json.loads(value) for n, value in split_members(entry["data"])}
            # The first one stored it; a later one may be of the same content in other words.
            self.applied.setdefault((entry["namespace"], entry["target"]), told)

    def take_definition(self, record: Record) -> None:
        space, name = record["namespace"], f"{record['workflow']}@{record['version']}"
        place = ("definition", space, name)
        self.order.check(place, 1, space, record["workflow"], record["version"])
        texts = [record["media_type"], record["source"]]
        for uri in sorted(record["resources"], key=str.encode):
            texts += [uri, str(record["resources"][uri])]
        told = self.applied.get((space, name))
        if told is None:
            self.findings.note("foreign", place, "no audit entry says that it was applied")
            return
        told["there"] = True
        found = {**record, "content": sha(*map(framed, texts)).hex()}
        for member in ("hash", "dialect", "media_type", "content"):
            if told.get(member) != found[member]:
                self.findings.note(
                    "changed", place, f"its {member} is not that of what was applied"
                )
                return

    def finish(self, scope: str | None) -> None:
        """Everything was taken: say what is missing. `scope`: the one namespace that is told."""
        for name in sorted({*self.ends, *self.kept, *self.streams}):
            if scope in (None, name):
                self.stream(name).close(self.findings, self.ends.get(name, (0, "")))
        for (space, name), told in self.applied.items():
            if "there" not in told:
                self.findings.note("missing", ("definition", space, name), "it was applied")
