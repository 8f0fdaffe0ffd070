"""Bodies of answers about who did what, and about proofs."""

from typing import Any, Literal

from pydantic import BaseModel


class Deed(BaseModel):
    """Somebody did something. `kind`: `command`, obeyed by an execution (`target` its id, `id` the
    event); `entry`, of the audit stream (`id` its position); `event`, a CloudEvent that was
    published (`id` its position, `target` its source and id). `origin`: from where, null where
    nobody noted it; `reason`: why; `data`: facts of an entry."""

    at: str
    actor: str
    action: str
    target: str
    kind: Literal["command", "entry", "event"]
    id: str
    origin: str | None
    reason: str
    data: dict[str, Any]


class DeedPage(BaseModel):
    """Deeds, the newest first; a page may have few or none and all the same a `next`."""

    items: list[Deed]
    next: str | None


class ShardEnd(BaseModel):
    """The head of a shard: its last commit, the last position, the hash of that commit."""

    shard: int
    commit_no: int
    position: int
    hash: str


class AuditEnd(BaseModel):
    """The head of an audit stream."""

    namespace: str
    position: int
    hash: str


class Head(BaseModel):
    """The heads of everything at one time (milliseconds since 1970), to be kept elsewhere. `root`
    is a hash over all other members."""

    cluster: str
    at: int
    shards: list[ShardEnd]
    audit: list[AuditEnd]
    root: str


class Fault(BaseModel):
    """What is not as it was written, and where; members that do not apply are null."""

    kind: Literal[
        "changed", "missing", "reordered", "cut_off", "removed", "foreign", "head_differs"
    ]
    what: Literal["event", "commit", "execution", "audit", "definition", "cloudevent", "head"]
    detail: str
    shard: int | None
    commit: int | None
    execution: str | None
    seq: int | None
    namespace: str | None
    position: int | None
    target: str | None


class Tally(BaseModel):
    """How much was looked at."""

    shards: int
    commits: int
    executions: int
    events: int
    entries: int
    definitions: int
    cloudevents: int


class ProofLine(BaseModel):
    """A line of the answer: how far it is, a fault, or (the last one) the outcome with the head
    that was verified. `problem`: it broke off. One of them is there."""

    progress: Tally | None = None
    fault: Fault | None = None
    intact: bool | None = None
    faults: int | None = None
    head: Head | None = None
    problem: dict[str, str] | None = None
