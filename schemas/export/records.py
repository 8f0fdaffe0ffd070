"""Records of an export: one JSON object a line, told apart by the member `record`.

docs/export-format.md is the format's specification: an auditor's program knows no more than that
page. Hashes and salts are lower-case hex; ids are typed (`ex_...`); times are milliseconds since
1970. Absent members are null but for those that are UNSET, which are left out.
"""

from typing import Final, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

FORMAT: Final = 1
"""Raised when a record changes its members; a reader refuses a format that it does not know."""


class ShardEnd(msgspec.Struct, frozen=True, gc=False):
    """The head of a shard: its last commit, the last position, the hash of that commit."""

    shard: int
    commit_no: int
    position: int
    hash: str


class AuditEnd(msgspec.Struct, frozen=True, gc=False):
    """The head of an audit stream."""

    namespace: str
    position: int
    hash: str


class Head(msgspec.Struct, frozen=True, gc=False):
    """The heads of everything, small enough to be kept elsewhere. Shards without a commit and
    streams without an entry are left out; `root` is a hash over all other members."""

    cluster: str
    at: int
    shards: tuple[ShardEnd, ...]
    audit: tuple[AuditEnd, ...]
    root: str


class ExportRecord(msgspec.Struct, frozen=True, tag_field="record", tag="export", gc=False):
    """The first line. `scope`: the one namespace whose events are told, null: all."""

    format: int
    chain: int
    scope: str | None
    head: Head


class AuditRecord(msgspec.Struct, frozen=True, tag_field="record", tag="audit", gc=False):
    """An entry of an audit stream. `data`: the JSON text as stored."""

    namespace: str
    position: int
    at: int
    actor: str
    action: str
    target: str
    salt: str
    data: str
    digest: str
    hash: str


class DefinitionRecord(msgspec.Struct, frozen=True, tag_field="record", tag="definition", gc=False):
    """A version of a definition as it was applied: its text and the documents that it names."""

    namespace: str
    workflow: str
    version: str
    hash: str
    dialect: str
    media_type: str
    source: str
    resources: dict[str, str]


class ExecutionRecord(msgspec.Struct, frozen=True, tag_field="record", tag="execution", gc=False):
    """The birth of an execution (or of a log that gathers CloudEvents), and how far its log went:
    `events` of them, the last with `hash`."""

    shard: int
    execution: str
    namespace: str
    workflow: str
    version: str
    definition_hash: str
    dialect: str
    ir_version: int
    start_key: str | None
    forked_from: str | None
    forked_at: int | None
    events: int
    hash: str


class CommitRecord(msgspec.Struct, frozen=True, tag_field="record", tag="commit", gc=False):
    """A group commit of a shard; its events follow. `lowest` and `highest`: UUIDs; `parts`: the
    JSON text as stored."""

    shard: int
    number: int
    first: int
    count: int
    epoch: int
    at: int
    writer: str
    lowest: str
    highest: str
    parts: str
    hash: str


ToldMember: TypeAlias = tuple[str, str, str]
"""Name, salt and JSON text of a member of an event's data."""


class MaskedMember(msgspec.Struct, frozen=True, gc=False):
    """A member of an event's data that was left out: its leaf is there, its value is not. `masked`:
    JSON text of what is to be read in its place, which nothing proves; null: nothing is."""

    name: str
    leaf: str
    masked: str | None


class EventRecord(msgspec.Struct, frozen=True, tag_field="record", tag="event", gc=False):
    """An event. `data`: with codec 1 the JSON text as stored, with codec 2 (sealed) base64.

    Where members are left out or opened, `salt` and `data` are absent, and `members` has for each,
    in order, name, salt and JSON text, or its leaf with what stands in its place, or only the leaf;
    `sealed` is then, with codec 2, the SHA-256 of the sealed text."""

    shard: int
    position: int
    execution: str
    seq: int
    namespace: str
    type: str
    version: int
    at: int
    actor: str
    causation: int
    traceparent: str | None
    frame: int
    node: str
    name: str
    branch: int | None
    iteration: int | None
    attempt: int | None
    epoch: int
    codec: int
    key_id: str | None
    digest: str
    hash: str
    salt: str | UnsetType = UNSET
    data: str | UnsetType = UNSET
    members: tuple[ToldMember | MaskedMember | str, ...] | UnsetType = UNSET
    sealed: str | UnsetType = UNSET


class OtherRecord(msgspec.Struct, frozen=True, tag_field="record", tag="other", gc=False):
    """Stands for an event that is not told because it is out of scope. `period`: the month (UTC) of
    its execution's birth, `YYYY-MM`."""

    shard: int
    position: int
    period: str
    hash: str


class LinkRecord(msgspec.Struct, frozen=True, tag_field="record", tag="link", gc=False):
    """In a bundle, stands for the commits before the next one, which are not told: number, last
    position and hash of the last of them."""

    shard: int
    number: int
    position: int
    hash: str


class EndRecord(msgspec.Struct, frozen=True, tag_field="record", tag="end", gc=False):
    """The last line: how many lines stand before it."""

    lines: int


Record: TypeAlias = (
    ExportRecord
    | AuditRecord
    | DefinitionRecord
    | ExecutionRecord
    | CommitRecord
    | EventRecord
    | OtherRecord
    | LinkRecord
    | EndRecord
)
"""A line of an export or a bundle."""

encode = msgspec.json.Encoder().encode
"""The bytes of a record, without the line's end."""

decode = msgspec.json.Decoder(Record).decode
"""Read a line. Raises msgspec.DecodeError, msgspec.ValidationError."""
