"""Records as the format has them: one a line, with members in order, each of its kind."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from typing import Any

from ids import ALPHABET, HEX
from spelling import spelled

Record = dict[str, Any]
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


def lines_of(path: str) -> Iterable[bytes]:
    with open(path, "rb") as start:
        packed = start.read(2) == b"\x1f\x8b"
    with (gzip.open if packed else open)(path, "rb") as file:
        for line in file:
            yield line[:-1] if line.endswith(b"\n") else line + b" without its end"
