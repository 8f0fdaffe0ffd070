"""Ways to tamper with an export: each gives the lines after it and how it must be named.

Most of them write the file anew as somebody would who knows the format and hopes that nobody
computes the hashes; `rewritten` and `cut_everywhere` compute them too.
"""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Place = tuple[Any, ...]
Record = dict[str, Any]

TEXTS = ("namespace", "type", "actor", "node", "name", "traceparent", "key_id")
NUMBERS = ("version", "at", "causation", "frame", "branch", "iteration", "attempt", "epoch")


@dataclass
class Tampered:
    """Lines, and the findings of which one must be there: kinds and places."""

    lines: list[bytes]
    kinds: set[str]
    places: set[Place] = field(default_factory=set)


class Export:
    """The lines of an export, and its records by kind (with their line numbers from 0)."""

    def __init__(self, lines: list[bytes], other: list[bytes]) -> None:
        self.lines = lines
        self.records: list[Record] = [json.loads(line) for line in lines]
        self.other: list[Record] = [json.loads(line) for line in other]
        self.of: dict[str, list[int]] = {}
        for number, record in enumerate(self.records):
            self.of.setdefault(record["record"], []).append(number)

    def any(self, chance: random.Random, *kinds: str) -> int:
        return chance.choice([number for kind in kinds for number in self.of.get(kind, ())])

    def place(self, number: int) -> Place:
        record = self.records[number]
        match record["record"]:
            case "event":
                return "event", record["execution"], record["seq"]
            case "execution":
                return "execution", record["execution"]
            case "commit":
                return "commit", record["shard"], record["number"]
            case "audit":
                return "audit", record["namespace"], record["position"]
            case "definition":
                return (
                    "definition",
                    record["namespace"],
                    f"{record['workflow']}@{record['version']}",
                )
            case "export":
                return ("head",)
        return "line", number + 1

    def events_of(self, execution: str) -> list[int]:
        return [n for n in self.of["event"] if self.records[n]["execution"] == execution]

    def put(self, number: int, /, **members: Any) -> list[bytes]:
        """The lines with a record changed."""
        changed = spelled({**self.records[number], **members})
        return [*self.lines[:number], changed, *self.lines[number + 1 :]]

    def without(self, *numbers: int) -> list[bytes]:
        """The lines without some, and an end that counts anew."""
        gone = set(numbers)
        return counted([line for n, line in enumerate(self.lines) if n not in gone])


def spelled(record: Any) -> bytes:
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode()


def counted(lines: list[bytes]) -> list[bytes]:
    """The lines with the right number at the end: who cuts a file adapts that, too."""
    return [*lines[:-1], spelled({"record": "end", "lines": len(lines) - 1})]


def other_hex(text: str, chance: random.Random) -> str:
    at = chance.randrange(len(text))
    return (
        text[:at] + chance.choice([c for c in "0123456789abcdef" if c != text[at]]) + text[at + 1 :]
    )


def a_byte(export: Export, chance: random.Random) -> Tampered:
    """One byte of any line becomes another."""
    number = chance.randrange(len(export.lines))
    line = bytearray(export.lines[number])
    at = chance.randrange(len(line))
    line[at] = chance.choice([b for b in range(256) if b not in (line[at], 10)])
    lines = [*export.lines[:number], bytes(line), *export.lines[number + 1 :]]
    kinds = {"unreadable", "changed", "missing", "reordered", "foreign", "cut_off"}
    return Tampered(lines, kinds, {export.place(number), ("line", number + 1)})


def a_column(export: Export, chance: random.Random) -> Tampered:
    """A column of an event has another value."""
    number = export.any(chance, "event")
    name = chance.choice((*TEXTS, *NUMBERS))
    value = export.records[number][name]
    if name in TEXTS:
        value = (value or "") + chance.choice("xyzäöü")
    else:
        value = (value or 0) + chance.randrange(1, 1_000)
    return Tampered(export.put(number, **{name: value}), {"changed"}, {export.place(number)})


def data(export: Export, chance: random.Random) -> Tampered:
    """An event's or entry's data tells something else."""
    number = export.any(chance, "event", "audit")
    told = json.loads(export.records[number]["data"])
    if told and chance.random() < 0.5:
        del told[chance.choice(list(told))]
    else:
        told[f"more{chance.randrange(9)}"] = chance.randrange(1_000)
    text = spelled(told).decode()
    return Tampered(export.put(number, data=text), {"changed"}, {export.place(number)})


def a_hash(export: Export, chance: random.Random) -> Tampered:
    """A salt, digest or hash is another one."""
    number = export.any(chance, "event", "audit", "commit", "execution")
    record = export.records[number]
    name = chance.choice([one for one in ("salt", "digest", "hash") if one in record])
    if name == "salt" and record["data"] == "{}":
        name = "hash"  # a salt of no members salts nothing
    changed = other_hex(record[name], chance)
    return Tampered(export.put(number, **{name: changed}), {"changed"}, {export.place(number)})


def a_commit(export: Export, chance: random.Random) -> Tampered:
    """A member of a commit has another value."""
    number = export.any(chance, "commit")
    record = export.records[number]
    name = chance.choice(["first", "count", "epoch", "at", "writer", "parts", "lowest", "highest"])
    value = record[name]
    if isinstance(value, int):
        value += chance.randrange(1, 5)
    elif name in ("lowest", "highest"):
        value = other_hex(value.replace("-", ""), chance)
    else:
        value += "x"
    return Tampered(export.put(number, **{name: value}), {"changed"}, {export.place(number)})


def a_birth(export: Export, chance: random.Random) -> Tampered:
    """The record of an execution tells another birth or end."""
    number = export.any(chance, "execution")
    name = chance.choice(
        ["workflow", "version", "definition_hash", "dialect", "ir_version", "start_key", "events",
         "forked_at"]
    )  # fmt: skip
    value = export.records[number][name]
    value = (value or 0) + 1 if name in ("ir_version", "events", "forked_at") else f"{value}x"
    place = export.place(number)
    places = {place, ("event", place[1], export.records[number]["events"] + 1)}
    return Tampered(export.put(number, **{name: value}), {"changed", "cut_off"}, places)


def a_definition(export: Export, chance: random.Random) -> Tampered:
    """A definition is another text than the one that was applied."""
    number = export.any(chance, "definition")
    name = chance.choice(["hash", "dialect", "media_type", "source"])
    value = export.records[number][name] + chance.choice(" x#")
    return Tampered(export.put(number, **{name: value}), {"changed"}, {export.place(number)})


def an_event_is_gone(export: Export, chance: random.Random) -> Tampered:
    """An event is removed."""
    number = export.any(chance, "event")
    return Tampered(export.without(number), {"missing", "cut_off"}, {export.place(number)})


def a_tail_is_cut(export: Export, chance: random.Random) -> Tampered:
    """The last events of an execution are removed; its record may be adapted."""
    name = export.records[export.any(chance, "execution")]["execution"]
    events = export.events_of(name)
    keep = chance.randrange(1, len(events))
    gone = events[keep:]
    expected = {("event", name, keep + 1)}
    if chance.random() < 0.5:
        return Tampered(export.without(*gone), {"cut_off"}, expected)
    birth = next(n for n in export.of["execution"] if export.records[n]["execution"] == name)
    last = export.records[events[keep - 1]]
    lines = export.put(birth, events=keep, hash=last["hash"])
    left = counted([line for n, line in enumerate(lines) if n not in gone])
    commits = {commit_of(export, n) for n in gone}
    bounds = {("execution", one["execution"]) for one in export.records if "events" in one}
    return Tampered(left, {"removed"}, commits | bounds)


def an_execution_is_gone(export: Export, chance: random.Random) -> Tampered:
    """All events of an execution are removed, or its record too."""
    number = export.any(chance, "execution")
    name = export.records[number]["execution"]
    events = export.events_of(name)
    if chance.random() < 0.5:
        return Tampered(export.without(*events), {"removed"}, {("execution", name)})
    places = {("execution", name)} | {commit_of(export, n) for n in events}
    return Tampered(export.without(number, *events), {"removed"}, places)


def a_record_is_gone(export: Export, chance: random.Random) -> Tampered:
    """The record of an execution, a definition, a commit or an audit entry is removed."""
    number = export.any(chance, "execution", "definition", "commit", "audit")
    return Tampered(export.without(number), {"missing", "cut_off"}, {export.place(number)})


def commits_are_cut(export: Export, chance: random.Random) -> Tampered:
    """The last commits of a shard are removed with their events."""
    first = export.any(chance, "commit")
    shard = export.records[first]["shard"]
    gone = [n for n in range(first, len(export.lines)) if export.records[n].get("shard") == shard]
    return Tampered(export.without(*gone), {"cut_off"}, {export.place(first)})


def a_commit_is_gone(export: Export, chance: random.Random) -> Tampered:
    """A commit is removed with its events."""
    first = export.any(chance, "commit")
    end = first + 1
    while export.records[end]["record"] == "event":
        end += 1
    return Tampered(
        export.without(*range(first, end)), {"missing", "cut_off"}, {export.place(first)}
    )


def the_file_is_cut(export: Export, chance: random.Random) -> Tampered:
    """Everything behind a line is gone."""
    keep = chance.randrange(len(export.lines))
    return Tampered(export.lines[:keep], {"cut_off", "missing"}, {("line", keep + 1), ("head",)})


def swapped(export: Export, chance: random.Random) -> Tampered:
    """Two lines of a kind change places."""
    kind = chance.choice(["event", "event", "commit", "audit", "execution", "definition"])
    one, two = sorted(chance.sample(export.of[kind], 2))
    lines = list(export.lines)
    lines[one], lines[two] = lines[two], lines[one]
    return Tampered(lines, {"reordered"}, {export.place(one), export.place(two)})


def positions_swapped(export: Export, chance: random.Random) -> Tampered:
    """Two events of a shard change their positions."""
    one = export.any(chance, "event")
    shard = export.records[one]["shard"]
    two = chance.choice(
        [n for n in export.of["event"] if n != one and export.records[n]["shard"] == shard]
    )
    lines = export.put(one, position=export.records[two]["position"])
    lines[two] = spelled({**export.records[two], "position": export.records[one]["position"]})
    return Tampered(lines, {"reordered"}, {export.place(one), export.place(two)})


def seqs_swapped(export: Export, chance: random.Random) -> Tampered:
    """Two events of an execution change their numbers."""
    name = export.records[export.any(chance, "execution")]["execution"]
    one, two = sorted(chance.sample(export.events_of(name), 2))
    lines = export.put(one, seq=export.records[two]["seq"])
    lines[two] = spelled({**export.records[two], "seq": export.records[one]["seq"]})
    return Tampered(lines, {"changed", "reordered"}, {export.place(one), export.place(two)})


def repeated(export: Export, chance: random.Random) -> Tampered:
    """A line is there twice."""
    number = export.any(chance, "event", "commit", "audit", "execution", "definition")
    lines = counted([*export.lines[: number + 1], *export.lines[number:]])
    return Tampered(lines, {"repeated", "reordered"}, {export.place(number)})


def renumbered(export: Export, chance: random.Random) -> Tampered:
    """An event, a commit or an entry has another number."""
    number = export.any(chance, "event", "commit", "audit")
    record = export.records[number]
    names = {"event": ("seq", "position"), "commit": ("number",), "audit": ("position",)}
    name = chance.choice(names[record["record"]])
    value = max(0, record[name] + chance.choice([-2, -1, 1, 2, 1_000_000_000]))
    lines = export.put(number, **{name: value})
    return Tampered(lines, {"changed", "reordered"}, {export.place(number)})


def spliced_within(export: Export, chance: random.Random) -> Tampered:
    """An event of one execution stands for one of another."""
    one = export.any(chance, "event")
    name = export.records[one]["execution"]
    two = chance.choice([n for n in export.of["event"] if export.records[n]["execution"] != name])
    told = {key: export.records[one][key] for key in ("shard", "position", "execution", "seq")}
    lines = export.put(two)
    lines[one] = spelled({**export.records[two], **told})
    return Tampered(lines, {"changed"}, {export.place(one)})


def spliced_from_elsewhere(export: Export, chance: random.Random) -> Tampered:
    """A record of another installation stands for one of this."""
    number = export.any(chance, "event", "commit", "audit")
    kind = export.records[number]["record"]
    theirs = chance.choice([one for one in export.other if one["record"] == kind])
    lines = export.put(number, **theirs)
    kinds = {"missing", "changed", "cut_off", "reordered", "repeated"}
    return Tampered(lines, kinds, {export.place(number)})


def the_head(export: Export, chance: random.Random) -> Tampered:
    """The head that the export names is another one."""
    head = json.loads(json.dumps(export.records[0]["head"]))
    ends = chance.choice([head["shards"], head["audit"]])
    end = chance.choice(ends)
    name = chance.choice(["hash", "root", "at", "drop", "cluster", "position"])
    if name == "drop":
        ends.remove(end)
    elif name in ("root", "hash"):
        place = head if name == "root" else end
        place[name] = other_hex(place[name], chance)
    elif name == "cluster":
        head["cluster"] = head["cluster"][::-1]
    else:
        place = head if name == "at" else end
        place[name] += 1
    return Tampered(export.put(0, head=head), {"changed"}, {("head",)})


def commit_of(export: Export, number: int) -> Place:
    """The commit that holds the event of a line."""
    while export.records[number]["record"] != "commit":
        number -= 1
    return export.place(number)


WAYS: tuple[Callable[[Export, random.Random], Tampered], ...] = (
    a_byte, a_column, data, a_hash, a_commit, a_birth, a_definition, an_event_is_gone,
    a_tail_is_cut, an_execution_is_gone, a_record_is_gone, commits_are_cut, a_commit_is_gone,
    the_file_is_cut, swapped, positions_swapped, seqs_swapped, repeated, renumbered,
    spliced_within, spliced_from_elsewhere, the_head,
)  # fmt: skip
