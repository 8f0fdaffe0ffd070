"""Between rows of the log and records of an export: pure conversions (docs/export-format.md)."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from engine.core.chain import JSON_CODEC, head_root
from engine.model.ids import format_execution
from engine.ports.audit import AuditHead, AuditRow
from engine.ports.commits import birth_period
from engine.ports.rows import DefinitionRow, EventRow, ShardHead
from engine.ports.survey import Born
from schemas.export import records


def head_record(
    cluster_id: str, at: int, shards: Sequence[ShardHead], audit: Sequence[AuditHead]
) -> records.Head:
    """The heads of everything at one time. Shards without a commit and streams without an entry
    are left out."""
    ends = [
        records.ShardEnd(one.shard, one.commit_no, one.last_position, one.hash.hex())
        for one in shards
        if one.commit_no
    ]
    streams = [
        records.AuditEnd(one.namespace, one.position, one.hash.hex())
        for one in audit
        if one.position
    ]
    return records.Head(
        cluster_id, at, tuple(ends), tuple(streams), root_of(cluster_id, at, ends, streams)
    )


def root_of(
    cluster_id: str,
    at: int,
    shards: Sequence[records.ShardEnd],
    audit: Sequence[records.AuditEnd],
) -> str:
    """The root of a head with these members, as hex."""
    return head_root(
        cluster_id,
        at,
        [(one.shard, one.commit_no, one.position, one.hash) for one in shards],
        [(one.namespace, one.position, one.hash) for one in audit],
    ).hex()


def audit_record(row: AuditRow) -> records.AuditRecord:
    """An entry of an audit stream."""
    return records.AuditRecord(
        row.namespace, row.position, row.at, row.actor, row.action, row.target, row.salt.hex(),
        text_of(row.data), row.digest.hex(), row.hash.hex(),
    )  # fmt: skip


def definition_record(row: DefinitionRow) -> records.DefinitionRecord:
    """A version of a definition."""
    documents = {uri: text_of(row.resources[uri]) for uri in sorted(row.resources)}
    return records.DefinitionRecord(
        row.namespace, row.workflow, row.version, row.definition_hash, row.dialect, row.media_type,
        text_of(row.source), documents,
    )  # fmt: skip


def execution_record(born: Born) -> records.ExecutionRecord:
    """The birth of an execution, and its end."""
    row = born.birth
    source = None if row.forked_from is None else format_execution(row.forked_from)
    return records.ExecutionRecord(
        row.shard, format_execution(row.execution_id), row.namespace, row.workflow, row.version,
        row.definition_hash, row.dialect, row.ir_version, row.start_key, source, row.forked_at,
        born.events or 0, born.hash.hex() or "0" * 64,
    )  # fmt: skip


def commit_record(row: Mapping[str, Any]) -> records.CommitRecord:
    """A commit, given as `Log.read_commits` gives it."""
    return records.CommitRecord(
        row["shard"], row["commit_no"], row["first_position"], row["count"], row["epoch"],
        row["at"], row["writer_version"], str(row["min_execution"]), str(row["max_execution"]),
        text_of(row["parts"]), row["hash"].hex(),
    )  # fmt: skip


def event_record(row: EventRow) -> records.EventRecord:
    """An event with all its data."""
    in_clear = row.codec == JSON_CODEC
    return records.EventRecord(
        row.shard, row.position, format_execution(row.execution_id), row.seq, row.namespace,
        row.type, row.version, row.at, row.actor, row.causation, row.traceparent, row.frame,
        row.node, row.name, row.branch, row.iteration, row.attempt, row.epoch, row.codec,
        row.key_id, row.digest.hex(), row.hash.hex(), row.salt.hex(),
        text_of(row.data) if in_clear else base64.b64encode(row.data).decode(),
    )  # fmt: skip


def other_record(row: EventRow) -> records.OtherRecord:
    """What stands for an event that is out of scope."""
    return records.OtherRecord(
        row.shard, row.position, birth_period(row.execution_id), row.hash.hex()
    )


def text_of(data: bytes) -> str:
    """Stored text. Bytes that are none show as such, and are found by their digest."""
    return data.decode("utf-8", "replace")
