"""The hash of each link of a chain over the one before it, of a head, and of a commit's events."""

from __future__ import annotations

from ids import birth_period, uuid_number
from records import Record
from spelling import framed, sha, spelled

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


def parts_of(block: list[Record]) -> str:
    """What a commit of these events records of them."""
    grouped: dict[str, list[bytes]] = {}
    for event in block:
        told = event["record"] == "event"
        period = birth_period(uuid_number(event["execution"])) if told else event["period"]
        link = event["position"].to_bytes(8, "big") + bytes.fromhex(event["hash"])
        grouped.setdefault(period, []).append(link)
    return spelled([[p, len(links), sha(*links).hex()] for p, links in sorted(grouped.items())])
