#!/usr/bin/env python3
"""Recompute an export of Refold, or a bundle, and name whatever is not as it was written.

    python refold_verify.py EXPORT-OR-BUNDLE [--head HEAD.json]

One file, the standard library, Python 3.9 or later. It shares no code with Refold: all it knows is
docs/export-format.md and docs/bundles.md. Exit code 0: intact; 7: something was found; 2: it could
not be read.

What is proved. Every event is the one that was written, at its place in its execution; every
execution has all its events up to the head; every commit of every shard is there, in order, and
holds the events that it recorded; every audit entry is there, in order; every definition is the
text that was applied; all of it belongs to this installation. One who changes any of it without
computing every hash behind the change again is found by the chains alone. One who does compute them
again, or cuts off the end, is found by a head that was kept elsewhere (--head): whatever stood up
to that head is as it was then.

What is not. That the events are true: the program that wrote them could have written others. What
happened behind the last head that was kept elsewhere. The time of a commit by the database's own
clock (the export leaves it out). CloudEvents that no execution took. Data whose key was erased, or
members that were left out: their hashes hold, their content is gone.

A bundle is one execution. What its commits hold beside it is told as hashes, and of the shard's
commits only some: it says how many stretches are not told, and whether those that are reach the
head. Of members that were left out it proves that there was one, not what is told in its place.

How it reads. Line by line; of one shard it keeps, for each execution, its end, and the events of
one commit. Behind a fault it goes on, so one fault may be told from several sides; the first line
about it says where it is. Where an event does not fit, the hashes of before and after both count
for the next one, so that a fault is not told again for all that follow.
"""

from __future__ import annotations

import argparse
import base64
import gzip
import hashlib
import json
import re
import sys
import zipfile
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta, timezone
from typing import Any, NamedTuple

Record = dict[str, Any]
Place = tuple[Any, ...]
ALPHABET = {letter: n for n, letter in enumerate("0123456789abcdefghjkmnpqrstvwxyz")}
STORED = ("definition.applied", "definition.imported")
MAX_GAP = 1_000_000
BIRTHS = ("ExecutionStarted", "GatheringOpened", "ExecutionForked", "ExecutionImported")
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
HEX = re.compile("(?:[0-9a-f]{2})*")
_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_literal = json.JSONDecoder(parse_int=str, parse_float=str)

# Members of each record, in order. n: number, t: text, e: execution, h: hash, x: hex, o: object,
# l: list; with ? it may be null.
_MEMBERS = {
    "export": "format:n chain:n scope:t? head:o",
    "audit": "namespace:t position:n at:n actor:t action:t target:t salt:x data:t digest:h hash:h",
    "definition": "namespace:t workflow:t version:t hash:t dialect:t media_type:t source:t"
    " resources:o",
    "execution": "shard:n execution:e namespace:t workflow:t version:t definition_hash:t dialect:t"
    " ir_version:n start_key:t? forked_from:e? forked_at:n? events:n hash:h",
    "commit": "shard:n number:n first:n count:n epoch:n at:n writer:t lowest:t highest:t parts:t"
    " hash:h",
    "event": "shard:n position:n execution:e seq:n namespace:t type:t version:n at:n actor:t"
    " causation:n traceparent:t? frame:n node:t name:t branch:n? iteration:n? attempt:n? epoch:n"
    " codec:n key_id:t? digest:h hash:h",
    "other": "shard:n position:n period:t hash:h",
    "link": "shard:n number:n position:n hash:h",
    "end": "lines:n",
    "head": "cluster:t at:n shards:l audit:l root:h",
    "shard end": "shard:n commit_no:n position:n hash:h",
    "audit end": "namespace:t position:n hash:h",
}
LAYOUTS = {kind: [m.split(":") for m in text.split()] for kind, text in _MEMBERS.items()}
RECORDS = ("export", "audit", "definition", "execution", "commit", "event", "other", "link", "end")
TAILS = (["salt", "data"], ["members"], ["members", "sealed"])
HASHED = [
    "namespace",
    "type",
    "version",
    "at",
    "actor",
    "causation",
    "traceparent",
    "frame",
    "node",
    "name",
    "branch",
    "iteration",
    "attempt",
    "codec",
    "key_id",
]
FACTS = ("workflow", "version", "definition_hash", "dialect", "ir_version")


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


def spelled(value: Any) -> str:
    """JSON as the format spells it."""
    return _encoder.encode(value)


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def framed(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(4, "big") + data


def fits(kind: str, value: Any) -> bool:
    """Whether a member's value is of its kind."""
    if kind.endswith("?"):
        return value is None or fits(kind[:-1], value)
    if kind == "n":
        return type(value) is int and 0 <= value < 1 << 63
    if kind in "ol":
        return isinstance(value, dict if kind == "o" else list)
    if not isinstance(value, str):
        return False
    if kind == "e":
        return len(value) == 29 and value[:3] == "ex_" and all(c in ALPHABET for c in value[3:])
    return kind == "t" or (HEX.fullmatch(value) is not None and (kind == "x" or len(value) == 64))


def check_layout(kind: str, record: Any, names: list[str]) -> None:
    """Raises ValueError where a record does not have these names with values of their kinds."""
    if not isinstance(record, dict) or list(record) != names:
        raise ValueError(f"{kind}: its members are not those of the format")
    for name, wanted in LAYOUTS[kind]:
        if not fits(wanted, record[name]):
            raise ValueError(f"{kind}: its member {name} is none of the format")


def names_of(kind: str) -> list[str]:
    return [name for name, _ in LAYOUTS[kind]]


def check_head(head: Any) -> None:
    """Raises ValueError where it is no head."""
    check_layout("head", head, names_of("head"))
    for kind, ends in (("shard end", head["shards"]), ("audit end", head["audit"])):
        for end in ends:
            check_layout(kind, end, names_of(kind))


def read_line(line: bytes) -> Record:
    """A record as the format has it. Raises ValueError."""
    text = line.decode()
    record: Any = json.loads(text)
    kind = record.get("record") if isinstance(record, dict) else None
    if kind not in RECORDS or spelled(record) != text:
        raise ValueError("it is no record of this format, or not spelled as one")
    names = ["record", *names_of(kind)]
    tail = list(record)[len(names) :]
    if tail and not (kind == "event" and tail in TAILS):
        raise ValueError("it has members that the format does not know")
    check_layout(kind, record, names + tail)
    return dict(record)


def uuid_number(execution: str) -> int:
    number = 0
    for letter in execution[3:]:
        number = number << 5 | ALPHABET[letter]
    return number


def shard_of(execution: str) -> int:
    return uuid_number(execution) >> 64 & 0xFFF


def birth_period(number: int) -> str:
    """The month of birth of an id; one that nobody can have been born in has none."""
    born_ms = number >> 80
    return (EPOCH + timedelta(milliseconds=born_ms)).strftime("%Y-%m") if born_ms < 1 << 47 else ""


def split_members(text: str) -> list[tuple[str, str]]:
    """Names and texts of the members of a JSON object without blanks between them."""
    if text == "{}":
        return []
    found, at = [], 0
    try:
        while text[at] in "{,":
            name, colon = _literal.raw_decode(text, at + 1)
            end = _literal.raw_decode(text, colon + 1)[1]
            if (
                text[colon] != ":"
                or spelled(name) != text[at + 1 : colon]
                or (at == 0) is not (text[at] == "{")
            ):
                raise ValueError("the data is not spelled as it is written")
            found.append((name, text[colon + 1 : end]))
            at = end
        if text[at:] == "}" and found:
            return found
    except (IndexError, RecursionError):
        pass
    raise ValueError("the data is no object")


def merkle_root(text: str, salt: str) -> bytes:
    members = split_members(text)
    stream = hashlib.shake_128(bytes.fromhex(salt)).digest(16 * len(members))
    salts = (stream[at : at + 16] for at in range(0, len(stream), 16))
    return sha(b"\x01", *(leaf(next(salts), name, value) for name, value in members))


def leaf(salt: bytes, name: str, value: str) -> bytes:
    return sha(b"\x00", salt, framed(name), value.encode())


def event_digest(event: Record) -> bytes:
    """The digest of an event's data. Raises ValueError."""
    if event["codec"] not in (1, 2):
        raise ValueError("its codec is not known to this format")
    sealed = event["codec"] == 2
    if "members" in event:
        root = sha(b"\x01", *map(told_leaf, event["members"]))
        return sha(b"\x02", root, bytes.fromhex(event.get("sealed", ""))) if sealed else root
    if not isinstance(event["data"], str) or not fits("x", event["salt"]):
        raise ValueError("its data is none of the format")
    if not sealed:
        return merkle_root(event["data"], event["salt"])
    data = base64.b64decode(event["data"], validate=True)
    if base64.b64encode(data).decode() != event["data"]:
        raise ValueError("its data is not spelled as it is written")
    return sha(b"\x02", data[:32], sha(data[32:]))


def told_leaf(member: Any) -> bytes:
    if isinstance(member, str):
        return bytes.fromhex(member)
    if isinstance(member, dict):
        if list(member) != ["name", "leaf", "masked"] or not fits("h", member["leaf"]):
            raise ValueError("a member that was left out is none of the format")
        return bytes.fromhex(member["leaf"])
    name, salt, value = member
    if not (fits("t", name) and fits("x", salt) and fits("t", value)):
        raise ValueError("a member is none of the format")
    return leaf(bytes.fromhex(salt), name, value)


def event_hash(before: bytes, event: Record, execution: str, seq: int, digest: bytes) -> bytes:
    columns = [f"{uuid_number(execution):032x}", seq, *(event[name] for name in HASHED)]
    return sha(before, spelled(columns).encode(), digest)


def commit_hash(before: bytes, commit: Record) -> bytes:
    names = ("shard", "number", "first", "count", "epoch", "at", "writer", "lowest", "highest")
    columns = spelled([commit[name] for name in names])
    return sha(before, columns.encode(), commit["parts"].encode())


def audit_hash(before: bytes, entry: Record, position: int, digest: bytes) -> bytes:
    numbers = position.to_bytes(8, "big") + entry["at"].to_bytes(8, "big")
    texts = (framed(entry[name]) for name in ("namespace", "actor", "action", "target"))
    return sha(before, numbers, *texts, digest)


def head_root(head: Record) -> str:
    shards = [[s["shard"], s["commit_no"], s["position"], s["hash"]] for s in head["shards"]]
    audit = [[a["namespace"], a["position"], a["hash"]] for a in head["audit"]]
    return sha(
        spelled(["refold-head-1", head["cluster"], head["at"], shards, audit]).encode()
    ).hex()


def told_members(event: Record) -> Record | None:
    """What an event's data tells in the open; nothing where it is sealed."""
    if "members" in event:
        return {m[0]: json.loads(m[2]) for m in event["members"] if isinstance(m, list)}
    if event["codec"] == 1:
        return {n: json.loads(value) for n, value in split_members(event["data"])}
    return None


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


class Shard(Chain):
    """A shard's chain of commits, and its executions. `block`: the events of the last commit;
    `strangers`: events that are no execution's; `short`: commits that lack events."""

    def __init__(self, number: int, cluster: str, kept: tuple[int, str]) -> None:
        start = sha(f"refold-chain-1|{cluster}|{number}".encode())
        super().__init__(start, "commit", number, kept=kept)
        self.shard = number
        self.position = 0
        self.executions: dict[str, Execution] = {}
        self.commit: Record | None = None
        self.block: list[Record] = []
        self.strangers: list[Record] = []
        self.short: list[Record] = []
        self.gone = 0


class Verifier:
    """Takes the lines of an export in order; `findings` is what it found."""

    def __init__(self, kept: Record | None = None) -> None:
        self.findings: list[Finding] = []
        self.kept = kept
        self.head: Record = {}
        self.shard: Shard | None = None
        self.streams: dict[str, Chain] = {}
        self.applied: dict[tuple[str, str], Record] = {}
        self.last: Place = ()
        self.lines = 0
        self.ended = False
        self.counts = dict.fromkeys(("audit", "definition", "execution", "commit", "event"), 0)

    def note(self, kind: str, place: Place, detail: str) -> None:
        self.findings.append(Finding(kind, place, detail))

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
            self.note("unreadable", place, str(error))
            return
        if (kind == "export") is not (self.lines == 1) or self.ended or kind == "link":
            self.note("reordered", place, "it stands where the format has no such line")
        elif kind == "export" or self.head:
            self.counts[kind] = self.counts.get(kind, 0) + 1
            getattr(self, f"take_{kind}")(record)

    def take_export(self, record: Record) -> None:
        if record["format"] != 1 or record["chain"] != 1:
            self.note("unreadable", ("line", 1), "this program reads format 1 of an export")
            return
        head, kept = record["head"], self.kept or {"shards": [], "audit": []}
        self.head, self.scope = head, record["scope"]
        self.heads = {s["shard"]: (s["commit_no"], s["hash"]) for s in head["shards"]}
        self.positions = {s["shard"]: s["position"] for s in head["shards"]}
        self.ends = {a["namespace"]: (a["position"], a["hash"]) for a in head["audit"]}
        self.kept_heads = {s["shard"]: (s["commit_no"], s["hash"]) for s in kept["shards"]}
        self.kept_ends = {a["namespace"]: (a["position"], a["hash"]) for a in kept["audit"]}
        if head_root(head) != head["root"]:
            self.note("changed", ("head",), "its root is not the hash of its members")
        if self.kept and head_root(self.kept) != self.kept["root"]:
            self.note("head_differs", ("head",), "the kept head does not fit its own root")
        if self.kept and self.kept["cluster"] != head["cluster"]:
            self.note("head_differs", ("head",), "the kept head is of another installation")

    # Chains

    def link(
        self, chain: Chain, number: int, stored: str, hashed: Callable[[bytes, int], set[bytes]]
    ) -> int | None:
        """Follow a chain by one link. `hashed`: the hashes that it may have behind another one,
        under a number. Returns the number that it has; None: it is not the next one."""
        following, found = chain.number + 1, bytes.fromhex(stored)
        made = {one for before in chain.hashes for one in hashed(before, following)}
        if number != following and found not in made:
            if number in chain.lost:
                chain.lost.remove(number)
                self.note("reordered", (*chain.name, number), "it stands behind later ones")
                return None
            if number <= chain.number or number - following > MAX_GAP:
                kind = "repeated" if number <= chain.number else "changed"
                self.note(kind, (*chain.name, number), "no such number comes here")
                return None
            chain.lost.update(range(following, number))
            made = set()
        elif number != following or found not in made:
            number = following
            self.note("changed", (*chain.name, number), "it is not as it was written")
        chain.number, chain.hashes = number, {*made, found}
        if chain.kept[0] == number and chain.kept[1] != stored:
            self.note("head_differs", (*chain.name, number), "it is not the one that was kept")
        return number

    def close_chain(self, chain: Chain, end: tuple[int, str]) -> None:
        """Compare the end of a chain with its head, and with the one that was kept."""
        for lost in sorted(chain.lost):
            self.note("missing", (*chain.name, lost), "it is not there")
        if chain.number < end[0]:
            detail = f"the head names {end[0]} of them"
            self.note("cut_off", (*chain.name, chain.number + 1), detail)
        elif chain.number > end[0] or bytes.fromhex(end[1]) not in {b"", *chain.hashes}:
            self.note("changed", ("head",), f"it does not name the end of {chain.name}")
        if chain.number < chain.kept[0]:
            detail = "it was kept and is gone: cut off, or this is an older log"
            self.note("head_differs", (*chain.name, chain.kept[0]), detail)

    # Audit streams and definitions

    def stream(self, name: str) -> Chain:
        start = sha(f"refold-audit-1|{self.head['cluster']}|{name}".encode())
        kept = self.kept_ends.get(name, (0, ""))
        return self.streams.setdefault(name, Chain(start, "audit", name, kept=kept))

    def take_audit(self, entry: Record) -> None:
        written, digest = bytes.fromhex(entry["digest"]), digest_of({**entry, "codec": 1})
        self.in_order(("audit", entry["namespace"], entry["position"]), 0, entry["namespace"])
        number = self.link(
            self.stream(entry["namespace"]),
            entry["position"],
            entry["hash"],
            lambda before, n: {audit_hash(before, entry, n, d) for d in {digest, written}},
        )
        if number is not None and digest != written:
            self.note("changed", ("audit", entry["namespace"], number), "its data was changed")
        elif digest == written and entry["action"] in STORED:
            told = {n: json.loads(value) for n, value in split_members(entry["data"])}
            # The first one stored it; a later one may be of the same content in other words.
            self.applied.setdefault((entry["namespace"], entry["target"]), told)

    def in_order(self, place: Place, *key: Any) -> None:
        """Say so where a line does not stand behind the one before."""
        if key < self.last or (key == self.last and place[0] != "audit"):
            kind = "repeated" if key == self.last else "reordered"
            self.note(kind, place, "its line stands elsewhere than the format has it")
        self.last = max(self.last, key)

    def take_definition(self, record: Record) -> None:
        space, name = record["namespace"], f"{record['workflow']}@{record['version']}"
        place = ("definition", space, name)
        self.in_order(place, 1, space, record["workflow"], record["version"])
        texts = [record["media_type"], record["source"]]
        for uri in sorted(record["resources"], key=str.encode):
            texts += [uri, str(record["resources"][uri])]
        told = self.applied.get((space, name))
        if told is None:
            self.note("foreign", place, "no audit entry says that it was applied")
            return
        told["there"] = True
        found = {**record, "content": sha(*map(framed, texts)).hex()}
        for member in ("hash", "dialect", "media_type", "content"):
            if told.get(member) != found[member]:
                self.note("changed", place, f"its {member} is not that of what was applied")
                return

    # Executions, commits, events

    def enter(self, record: Record, place: Place, first: bool) -> Shard | None:
        """The shard of a record, which the first of its records opens."""
        number, current = record["shard"], self.shard
        if current is not None and current.shard == number:
            return current
        if first and (current is None or current.shard < number):
            self.leave()
            kept = self.kept_heads.get(number, (0, ""))
            self.shard = Shard(number, self.head["cluster"], kept)
            return self.shard
        self.note("reordered", place, f"its line does not stand with those of shard {number}")
        return None

    def take_execution(self, record: Record) -> None:
        name = record["execution"]
        place = ("execution", name)
        if shard_of(name) != record["shard"]:
            self.note("changed", place, "its id is of another shard")
            return
        shard = self.enter(record, place, first=True)
        if shard is not None:
            self.in_order(place, 2, record["shard"], name)
            known = shard.executions.setdefault(name, Execution(name))
            known.record = known.record or record

    def take_commit(self, commit: Record) -> None:
        place = ("commit", commit["shard"], commit["number"])
        shard = self.enter(commit, place, first=commit["number"] == 1)
        if shard is None:
            return
        self.close_block(shard)
        shard.commit, skipped = commit, commit["number"] != shard.number + 1
        number = self.link(
            shard,
            commit["number"],
            commit["hash"],
            lambda before, n: {commit_hash(before, {**commit, "number": n})},
        )
        if number is not None and not skipped and commit["first"] != shard.position + 1:
            self.note("changed", place, "it does not begin where the one before ends")
        shard.position = max(shard.position, commit["first"] + commit["count"] - 1)

    def take_event(self, record: Record) -> None:
        if self.shard is None or self.shard.commit is None:
            self.note("reordered", place_of(record), "it stands before any commit")
        else:
            self.shard.block.append(record)

    def take_other(self, record: Record) -> None:
        if self.scope is None:
            self.note("missing", place_of(record), "an export of all namespaces tells every event")
        self.take_event(record)

    def close_block(self, shard: Shard) -> None:
        """Judge the events of the commit that ends here."""
        commit, block, before = shard.commit, shard.block, len(self.findings)
        if commit is None:
            return
        shard.block = []
        shard.gone += commit["count"] - len(block)
        block = self.placed(commit, block)
        for event in block:
            if event["shard"] != shard.shard:
                told = event["record"] == "event" and shard_of(event["execution"])
                kind = "reordered" if told == event["shard"] else "changed"
                self.note(kind, place_of(event), "it is told of another shard")
            if event["record"] == "event":
                self.follow(shard, event)
                if event["epoch"] != commit["epoch"]:
                    self.note("changed", place_of(event), "its epoch is not its commit's")
        if len(block) < commit["count"]:
            shard.short.append(commit)
        elif len(self.findings) == before and parts_of(block) != commit["parts"]:
            told = f"{place_of(block[0])}" if block else "none"
            detail = f"it recorded others than its events from {told} on: they were rewritten"
            self.note("changed", ("commit", shard.shard, commit["number"]), detail)

    def placed(self, commit: Record, block: list[Record]) -> list[Record]:
        """The events of a commit in order, after a word on those that are not at their place."""
        places = range(commit["first"], commit["first"] + commit["count"])
        whole, seen = len(block) == len(places), set()
        for number, event in enumerate(block):
            position = event["position"]
            fitting = position == places[number] if whole else position in places
            if not fitting or position in seen:
                kind = (
                    "reordered" if position <= self.positions.get(commit["shard"], 0) else "changed"
                )
                self.note(kind, place_of(event), "it is not at its position of the shard")
            seen.add(position)
        in_order = sorted(block, key=lambda event: event["position"])
        if not whole or parts_of(in_order) == commit["parts"]:
            return in_order
        return [{**event, "position": place} for event, place in zip(block, places)]

    def follow(self, shard: Shard, event: Record) -> None:
        """The next event of its execution."""
        name, written, digest = event["execution"], bytes.fromhex(event["digest"]), digest_of(event)
        chain = shard.executions.get(name)
        if chain is None:
            if event_hash(b"", event, name, 1, digest).hex() != event["hash"]:
                shard.strangers.append(event)
                return
            chain = shard.executions[name] = Execution(name)
        number = self.link(
            chain,
            event["seq"],
            event["hash"],
            lambda before, n: {event_hash(before, event, name, n, d) for d in {digest, written}},
        )
        if number is not None and digest != written:
            self.note("changed", ("event", name, number), "its data was changed")
        elif event["type"] in BIRTHS and digest == written:
            chain.note_birth(event)

    def leave(self) -> None:
        """The shard ends."""
        shard, self.shard = self.shard, None
        if shard is None:
            return
        self.close_block(shard)
        self.close_chain(shard, self.heads.pop(shard.shard, (0, "")))
        lacking = sum(self.close_execution(one) for one in shard.executions.values())
        for event in shard.strangers:
            detail = f"it says that it is event {event['seq']} of {event['execution']}"
            self.note("foreign", ("position", shard.shard, event["position"]), detail)
        for commit in shard.short if shard.gone > lacking else ():
            place: Place = ("commit", shard.shard, commit["number"])
            bounds = [execution_of(commit["lowest"]), execution_of(commit["highest"])]
            unknown = [("execution", one) for one in bounds if one not in shard.executions]
            detail = f"commit {commit['number']} lacks events that no execution here misses"
            self.note("removed", (unknown or [place])[0], detail)

    def close_execution(self, chain: Execution) -> int:
        """Compare an execution with its record; how many of its events are missing."""
        record, name = chain.record, chain.name[1]
        place = ("execution", name)
        for seq in sorted(chain.lost):
            self.note("missing", ("event", name, seq), "it is not there")
        if record is None:
            self.note("missing", place, "the record of its birth is not there")
        elif chain.number == 0:
            self.note("removed", place, f"none of its {record['events']} events is there")
        elif chain.number < record["events"]:
            detail = f"it had {record['events']} events"
            self.note("cut_off", ("event", name, chain.number + 1), detail)
        elif chain.number > record["events"] or bytes.fromhex(record["hash"]) not in chain.hashes:
            self.note("changed", place, "its record does not tell its last event")
        elif (record["forked_at"] or -1) >= record["events"]:
            pass  # a fork whose copied beginning is not whole yet tells nothing of itself
        elif not chain.tells_of(record):
            self.note("changed", place, "its log tells of another birth")
        behind = 0 if record is None else max(0, record["events"] - chain.number)
        return len(chain.lost) + behind

    def take_end(self, record: Record) -> None:
        self.ended = True
        if record["lines"] != self.lines - 1:
            detail = f"{record['lines']} lines were written before it, {self.lines - 1} are there"
            self.note("changed", ("line", self.lines), detail)

    def finish(self) -> Verifier:
        """Everything was taken: say what is missing."""
        if not self.head:
            self.note("missing", ("head",), "the file does not begin as an export")
            return self
        self.leave()
        for number in sorted({*self.heads, *self.kept_heads}):
            if number in self.heads or number not in self.positions:
                kept = self.kept_heads.get(number, (0, ""))
                chain = Shard(number, self.head["cluster"], kept)
                self.close_chain(chain, self.heads.get(number, (0, "")))
        for name in sorted({*self.ends, *self.kept_ends, *self.streams}):
            if self.scope in (None, name):
                self.close_chain(self.stream(name), self.ends.get(name, (0, "")))
        for (space, name), told in self.applied.items():
            if "there" not in told:
                self.note("missing", ("definition", space, name), "it was applied")
        if not self.ended:
            self.note("cut_off", ("line", self.lines + 1), "the last line is not there")
        return self


class BundleVerifier:
    """Takes the lines of a bundle's log in order; `findings` is what it found. `unproved`: events
    of whose commit nothing is told; `gaps`: stretches of the shard's commits that are not told."""

    def __init__(self, manifest: Record, kept: Record | None = None) -> None:
        self.findings: list[Finding] = []
        self.manifest = manifest
        self.name = str(manifest.get("execution"))
        if not fits("e", self.name):
            raise ValueError("the manifest names no execution")
        self.period = birth_period(uuid_number(self.name))
        self.kept = {s["shard"]: s for s in (kept or {"shards": []})["shards"]}
        self.kept_cluster = None if kept is None else kept["cluster"]
        self.head: Record = {}
        self.born: Record | None = None
        self.commit: Record | None = None
        self.hash, self.seq, self.position = b"", 0, 0
        self.block: list[Record] = []
        self.lines = self.masked = self.unproved = self.gaps = 0
        self.ended = self.to_head = self.met_kept = False
        self.link: Record | None = None
        self.chain = Execution(self.name)
        self.counts = dict.fromkeys(("event", "commit"), 0)

    def note(self, kind: str, place: Place, detail: str) -> None:
        self.findings.append(Finding(kind, place, detail))

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
            self.note("unreadable", place, str(error))
            return
        known = ("export", "execution", "commit", "event", "other", "link", "end")
        if (kind == "export") is not (self.lines == 1) or self.ended or kind not in known:
            self.note("reordered", place, "it stands where a bundle has no such line")
        else:
            getattr(self, f"take_{kind}")(record)

    def take_export(self, record: Record) -> None:
        if record["format"] != 1 or record["chain"] != 1:
            raise ValueError("this program reads format 1 of an export")
        head = self.head = record["head"]
        shards = [one["shard"] for one in head["shards"]]
        if head_root(head) != head["root"]:
            self.note("changed", ("head",), "its root is not the hash of its members")
        named = [self.manifest.get("cluster"), self.manifest.get("namespace")]
        if [head["cluster"], record["scope"], shards] != [*named, [shard_of(self.name)]]:
            self.note("changed", ("head",), "it is not that of this execution's shard")
        if self.kept_cluster not in (None, head["cluster"]):
            self.note("head_differs", ("head",), "the kept head is of another installation")

    def take_execution(self, record: Record) -> None:
        place = ("execution", record["execution"])
        if self.born is not None:
            self.note("repeated", place, "a bundle tells one execution")
        self.born = record
        names = ("execution", "namespace", "workflow", "definition_hash", "events", "hash")
        if [record[n] for n in names] != [self.manifest.get(n) for n in names]:
            self.note("changed", place, "the manifest tells another")

    def take_link(self, record: Record) -> None:
        """Stands for commits that are not told."""
        self.close_block()
        if self.commit is not None and record["number"] <= self.commit["number"]:
            self.note("reordered", ("line", self.lines), "it stands behind later commits")
        self.gaps += self.commit is not None
        self.commit, self.link = None, record
        self.meet_kept(record)

    def take_commit(self, record: Record) -> None:
        self.close_block()
        place = ("commit", record["shard"], record["number"])
        number, last, shard = 0, 0, shard_of(self.name)
        found = sha(f"refold-chain-1|{self.head.get('cluster')}|{shard}".encode())
        if self.link is not None:
            number, last = self.link["number"], self.link["position"]
            shard, found = self.link["shard"], bytes.fromhex(self.link["hash"])
        elif self.commit is not None:
            number, last = self.commit["number"], self.commit["first"] + self.commit["count"] - 1
            shard, found = self.commit["shard"], bytes.fromhex(self.commit["hash"])
        if (record["number"], record["first"], record["shard"]) != (number + 1, last + 1, shard):
            self.note("reordered", place, f"it does not stand behind commit {number}")
        self.commit, self.link = record, None
        self.counts["commit"] += 1
        if commit_hash(found, record).hex() != record["hash"]:
            self.note("changed", place, "it is not as it was written")
        self.meet_kept(record)

    def meet_kept(self, commit: Record) -> None:
        """Compare a commit with the head that was kept of its shard."""
        kept = self.kept.get(commit["shard"])
        if kept is not None and kept["commit_no"] == commit["number"]:
            self.met_kept = True
            if kept["hash"] != commit["hash"]:
                place = ("commit", commit["shard"], commit["number"])
                self.note("head_differs", place, "it is not the one that was kept")

    def a_key(self) -> str | None:
        """Some start key of the log: that of the birth may be left out."""
        return max(self.chain.keys, key=str, default=None)

    def covers(self, position: int) -> bool:
        commit = self.commit
        if commit is None:
            return False
        return bool(commit["first"] <= position < commit["first"] + commit["count"])

    def take_event(self, record: Record) -> None:
        self.counts["event"] += 1
        following, name = self.seq + 1, record["execution"]
        place = ("event", self.name, record["seq"])
        if name != self.name:
            self.note("foreign", ("line", self.lines), "it is an event of another execution")
            return
        if record["shard"] != shard_of(name):
            self.note("changed", place, "it is told of another shard")
        if record["seq"] != following:
            self.note("missing", ("event", name, following), f"{record['seq']} is the next one")
        written, digest = bytes.fromhex(record["digest"]), digest_of(record)
        if digest != written:
            self.note("changed", place, "its data was changed")
        elif event_hash(self.hash, record, name, record["seq"], digest).hex() != record["hash"]:
            self.note("changed", place, "it was changed, or one before it")
        elif record["type"] in BIRTHS:
            self.chain.note_birth(record)
        self.seq, self.hash = record["seq"], bytes.fromhex(record["hash"])
        self.masked += any(not isinstance(one, list) for one in record.get("members", ()))
        if record["position"] <= self.position:
            self.note("reordered", place, "it stands before the one before it")
        self.position = record["position"]
        if not self.covers(record["position"]):
            self.unproved += 1
        else:
            self.block.append(record)
            if self.commit is not None and record["epoch"] != self.commit["epoch"]:
                self.note("changed", place, "its epoch is not its commit's")

    def take_other(self, record: Record) -> None:
        wanted = [self.period, shard_of(self.name)]
        if [record["period"], record["shard"]] != wanted or not self.covers(record["position"]):
            self.note("foreign", place_of(record), "it is of no commit that is told")
        else:
            self.block.append(record)

    def close_block(self) -> None:
        """Judge the events of the commit that ends here."""
        commit, block, self.block = self.commit, self.block, []
        if commit is None or not block:
            return
        places = [one["position"] for one in block]
        try:
            parts = json.loads(commit["parts"])
        except ValueError:
            parts = []
        if places != sorted(set(places)) or json.loads(parts_of(block))[0] not in parts:
            place = ("commit", commit["shard"], commit["number"])
            self.note("changed", place, "it recorded others than these events")

    def take_end(self, record: Record) -> None:
        self.ended = True
        if record["lines"] != self.lines - 1:
            detail = f"{record['lines']} lines were written before it, {self.lines - 1} are there"
            self.note("changed", ("line", self.lines), detail)

    def finish(self) -> BundleVerifier:
        """Everything was taken: say what is missing."""
        self.close_block()
        born, commit, ends = self.born, self.commit, self.head.get("shards", [])
        if not self.ended:
            self.note("cut_off", ("line", self.lines + 1), "the last line is not there")
        if born is None:
            self.note("missing", ("execution", self.name), "the record of its birth is not there")
        elif (self.seq, self.hash.hex()) != (born["events"], born["hash"]):
            detail = f"it had {born['events']} events, or another last one"
            self.note("cut_off", ("event", self.name, self.seq + 1), detail)
        elif not self.chain.tells_of({**born, "start_key": born["start_key"] or self.a_key()}):
            self.note("changed", ("execution", self.name), "its log tells of another birth")
        if commit is not None and ends:
            self.to_head = commit["number"] == ends[0]["commit_no"]
            if self.to_head and commit["hash"] != ends[0]["hash"]:
                self.note("changed", ("head",), "it does not name the last commit")
        return self


def verify_bundle(path: str, kept: Record | None = None) -> BundleVerifier:
    """Verify a bundle. Raises ValueError where it is none."""
    try:
        with zipfile.ZipFile(path) as file:
            manifest = json.loads(file.read("manifest.json"))
            if not isinstance(manifest, dict) or manifest.get("format") != 1:
                raise ValueError("this program reads format 1 of a bundle")
            verifier = BundleVerifier(manifest, kept)
            check_definitions(verifier, file, manifest)
            with file.open("events.ndjson") as log:
                for line in log:
                    whole = line.endswith(b"\n")
                    verifier.take(line[:-1] if whole else line + b" without its end")
    except (KeyError, TypeError, zipfile.BadZipFile, NotImplementedError) as error:
        raise ValueError(f"it is no bundle: {error}") from None
    except Exception as error:  # damaged compression raises zlib.error, which is no ValueError
        if isinstance(error, (ValueError, OSError)):
            raise
        raise ValueError(f"it is damaged: {error}") from None
    return verifier.finish()


def check_definitions(verifier: BundleVerifier, file: zipfile.ZipFile, manifest: Record) -> None:
    """Whether the definitions are the texts that the manifest names."""
    for one in manifest["definitions"]:
        texts = [one["media_type"].encode(), file.read(one["file"])]
        for uri, name in sorted((r["uri"].encode(), r["file"]) for r in one["resources"]):
            texts += [uri, file.read(name)]
        content = sha(*(len(text).to_bytes(4, "big") + text for text in texts)).hex()
        if content != one["content"]:
            place = ("definition", manifest["namespace"], f"{one['workflow']}@{one['version']}")
            verifier.note("changed", place, "it is not the text that the manifest names")


def place_of(record: Record) -> Place:
    if record["record"] == "other":
        return ("position", record["shard"], record["position"])
    return ("event", record["execution"], record["seq"])


def digest_of(event: Record) -> bytes:
    """The digest of an event's data; nothing where it has none."""
    try:
        return event_digest(event)
    except (ValueError, TypeError):
        return b""


def parts_of(block: list[Record]) -> str:
    """What a commit of these events records of them."""
    grouped: dict[str, list[bytes]] = {}
    for event in block:
        told = event["record"] == "event"
        period = birth_period(uuid_number(event["execution"])) if told else event["period"]
        link = event["position"].to_bytes(8, "big") + bytes.fromhex(event["hash"])
        grouped.setdefault(period, []).append(link)
    return spelled([[p, len(links), sha(*links).hex()] for p, links in sorted(grouped.items())])


def execution_of(uuid: str) -> str:
    """The id of a UUID; of a text that is none the one that nobody has."""
    digits, letters = uuid.replace("-", ""), list(ALPHABET)
    number = int(digits, 16) if HEX.fullmatch(digits) and len(digits) == 32 else 0
    return "ex_" + "".join(letters[number >> shift & 31] for shift in range(125, -1, -5))


def verify(lines: Iterable[bytes], kept: Record | None = None) -> Verifier:
    """Take all lines (without their ends); `kept`: a head that was kept elsewhere. Raises
    ValueError where one of both is of another format."""
    if kept is not None:
        check_head(kept)
    verifier = Verifier(kept)
    for line in lines:
        verifier.take(line)
    return verifier.finish()


def lines_of(path: str) -> Iterable[bytes]:
    with open(path, "rb") as start:
        packed = start.read(2) == b"\x1f\x8b"
    with (gzip.open if packed else open)(path, "rb") as file:
        for line in file:
            yield line[:-1] if line.endswith(b"\n") else line + b" without its end"


def report_of_bundle(verifier: BundleVerifier) -> int:
    """Say what was found in a bundle; the exit code."""
    for finding in verifier.findings:
        print(finding)
    count = len(verifier.findings)
    reach = "up to the head" if verifier.to_head else "not up to the head"
    lines = [
        f"{count} findings" if count else "intact",
        f"{verifier.name}: {verifier.counts['event']} events, {verifier.counts['commit']} commits"
        f" {reach}, {verifier.gaps} stretches of commits not told",
        f"{verifier.masked} events have members left out: what stands in their place is unproved",
        f"{verifier.unproved} events without their commit",
    ]
    if verifier.kept_cluster is not None:
        met = "was met" if verifier.met_kept else "is not among the commits that are told"
        lines.append(f"the head that was kept {met}")
    print("\n".join(lines), file=sys.stderr)
    return 7 if count else 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Recompute an export or a bundle of Refold.")
    parser.add_argument("export", help="a file that `refold audit|exec export` wrote")
    parser.add_argument("--head", help="a head that was kept elsewhere, as JSON")
    arguments = parser.parse_args()
    try:
        kept = None
        if arguments.head:
            with open(arguments.head, encoding="utf-8") as file:
                kept = json.load(file)
            check_head(kept)
        if zipfile.is_zipfile(arguments.export):
            return report_of_bundle(verify_bundle(arguments.export, kept))
        verifier = verify(lines_of(arguments.export), kept)
    except (OSError, EOFError, ValueError) as error:
        print(f"refold_verify: this cannot be read: {error}", file=sys.stderr)
        return 2
    for finding in verifier.findings:
        print(finding)
    found = f"{len(verifier.findings)} findings" if verifier.findings else "intact"
    told = ", ".join(
        f"{verifier.counts[kind]} {kind}s" for kind in ("execution", "event", "commit")
    )
    print(f"{found}: {told}, {verifier.counts['audit']} audit entries", file=sys.stderr)
    return 7 if verifier.findings else 0


if __name__ == "__main__":
    sys.exit(main())
