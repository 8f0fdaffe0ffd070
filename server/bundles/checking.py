"""Proving a bundle: every event is the one that was written, in its commit, in its order.

What `verify.pyz` in the bundle does too, in another program; docs/bundles.md says what is proved.
"""

import base64
import hashlib
from dataclasses import dataclass, field
from uuid import UUID

import msgspec
from msgspec import UNSET

from engine.core.chain import (
    JSON_CODEC,
    SEALED_CODEC,
    commit_hash,
    event_hash,
    genesis,
    is_canonical,
    member_leaf,
    merkle_root,
    part_digest,
    root_of_leaves,
    sealed_digest,
)
from engine.model.errors import BadIdentifier
from engine.model.ids import parse_execution, shard_of
from engine.ports.commits import birth_period
from engine.ports.export import root_of
from schemas.export import records
from server.bundles.layout import BundleFault, Manifest
from server.bundles.reading import Bundle, Definition
from server.bundles.telling import data_of, is_whole

MAX_FINDINGS = 100
_BIRTHS = frozenset({"ExecutionStarted", "GatheringOpened", "ExecutionForked", "ExecutionImported"})
_FACTS = ("workflow", "version", "definition_hash", "dialect", "ir_version")


@dataclass
class Report:
    """What a check found. `masked`: events of which something was left out; `sealed`: events whose
    data is sealed; `unproved`: events of whose commit nothing is told; `gaps`: stretches of the
    shard's commits that are not told; `to_head`: the commits that are told reach the head."""

    findings: list[str] = field(default_factory=list)
    events: int = 0
    commits: int = 0
    masked: int = 0
    sealed: int = 0
    unproved: int = 0
    gaps: int = 0
    to_head: bool = False

    @property
    def intact(self) -> bool:
        """Whether nothing was found."""
        return not self.findings

    def note(self, finding: str) -> None:
        """Something is not as it was written."""
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(finding)


class Checker:
    """Takes the records of a bundle's log in order; `report` is what it found."""

    def __init__(self, manifest: Manifest, definitions: tuple[Definition, ...]) -> None:
        self.report = Report()
        self._manifest = manifest
        self._id: UUID = parse_execution(manifest.execution)
        self._period = birth_period(self._id)
        self._lines = 0
        self._head: records.Head | None = None
        self._born: records.ExecutionRecord | None = None
        self._seq, self._hash, self._position = 0, b"", 0
        self._commit: records.CommitRecord | None = None
        self._block: list[tuple[int, bytes]] = []
        self._link: records.LinkRecord | None = None
        self._facts: set[tuple[object, ...]] = set()
        self._keys: set[object] = {None}
        self._descent: tuple[object, object] = (None, None)
        self._ended = False
        for one in definitions:
            if one.content != one.files.content:
                self.report.note(f"{one.files.file}: it is not the text that the manifest names")

    def take(self, record: records.Record) -> None:
        """The next record. Raises BundleFault where a bundle has no such record."""
        self._lines += 1
        if (self._lines == 1) is not isinstance(record, records.ExportRecord) or self._ended:
            raise BundleFault(f"line {self._lines} of its log stands where a bundle has none")
        match record:
            case records.ExportRecord():
                self._take_head(record)
            case records.ExecutionRecord():
                self._take_birth(record)
            case records.CommitRecord():
                self._take_commit(record)
            case records.LinkRecord():
                self._take_link(record)
            case records.EventRecord():
                self._take_event(record)
            case records.OtherRecord():
                self._take_other(record)
            case records.EndRecord():
                self._take_end(record)
            case _:
                raise BundleFault(f"line {self._lines} of its log is of no kind that bundles have")

    def _take_head(self, record: records.ExportRecord) -> None:
        if record.format != records.FORMAT or record.chain != 1:
            raise BundleFault("its log is of another format: upgrade")
        head = self._head = record.head
        if root_of(head.cluster, head.at, head.shards, head.audit) != head.root:
            self.report.note("head: its root is not the hash of its members")
        told = (head.cluster, record.scope, tuple(one.shard for one in head.shards))
        if told != (self._manifest.cluster, self._manifest.namespace, (shard_of(self._id),)):
            self.report.note("head: it is not of the installation and shard of this execution")

    def _take_birth(self, record: records.ExecutionRecord) -> None:
        if self._born is not None:
            raise BundleFault("its log tells two executions")
        self._born = record
        told = (
            record.execution, record.namespace, record.events, record.hash, record.definition_hash,
            record.workflow, record.shard,
        )  # fmt: skip
        named = self._manifest
        if told != (
            named.execution, named.namespace, named.events, named.hash, named.definition_hash,
            named.workflow, shard_of(self._id),
        ):  # fmt: skip
            self.report.note("manifest: it is not of this execution")

    def _take_link(self, record: records.LinkRecord) -> None:
        self._close()
        if self._commit is not None and record.number <= self._commit.number:
            raise BundleFault("commits of its log are not in order")
        self.report.gaps += self._commit is not None
        self._commit, self._link = None, record

    def _take_commit(self, record: records.CommitRecord) -> None:
        self._close()
        previous = self._before(record)
        self._commit, self._link = record, None
        self.report.commits += 1
        columns = (
            record.shard, record.number, record.first, record.count, record.epoch, record.at,
            record.writer, record.lowest, record.highest,
        )  # fmt: skip
        if commit_hash(previous, columns, record.parts.encode()).hex() != record.hash:
            self.report.note(f"commit {record.number}: it is not as it was written")

    def _before(self, record: records.CommitRecord) -> bytes:
        """The hash before a commit, whose place is compared with that of the one before."""
        commit, link = self._commit, self._link
        number, last, shard = 0, 0, shard_of(self._id)
        found = genesis(self._manifest.cluster, shard)
        if link is not None:
            number, last, shard = link.number, link.position, link.shard
            found = _bytes_of(link.hash)
        elif commit is not None:
            number, last, shard = commit.number, commit.first + commit.count - 1, commit.shard
            found = _bytes_of(commit.hash)
        if (record.number, record.first, record.shard) != (number + 1, last + 1, shard):
            self.report.note(f"commit {record.number}: it does not stand behind commit {number}")
        return found

    def _take_event(self, record: records.EventRecord) -> None:
        report, seq = self.report, self._seq + 1
        report.events += 1
        report.masked += not is_whole(record)
        report.sealed += record.codec == SEALED_CODEC and record.members is UNSET
        if record.execution != self._manifest.execution:
            report.note(f"line {self._lines}: it is an event of another execution")
            return
        if record.shard != shard_of(self._id):
            report.note(f"event {seq}: it is told of another shard")
        if record.seq != seq:
            report.note(f"event {seq}: it is missing; the next one is {record.seq}")
        self._follow(record)
        self._note_birth(record)
        if not self._is_in_commit(record.position):
            report.unproved += 1
        elif self._commit is not None and record.epoch != self._commit.epoch:
            report.note(f"event {record.seq}: its epoch is not that of its commit")
        if record.position <= self._position:
            report.note(f"event {record.seq}: it stands before the one before it")
        self._position = record.position

    def _follow(self, record: records.EventRecord) -> None:
        columns = (
            self._id, record.seq, record.namespace, record.type, record.version, record.at,
            record.actor, record.causation, record.traceparent, record.frame, record.node,
            record.name, record.branch, record.iteration, record.attempt, record.codec,
            record.key_id,
        )  # fmt: skip
        digest = _digest_of(record)
        if digest is None or digest.hex() != record.digest:
            self.report.note(f"event {record.seq}: its data was changed")
        elif event_hash(self._hash, columns, digest).hex() != record.hash:
            self.report.note(f"event {record.seq}: it was changed, or one before it")
        self._seq, self._hash = record.seq, _bytes_of(record.hash)
        self._block.append((record.position, self._hash))

    def _note_birth(self, record: records.EventRecord) -> None:
        """What an event tells of the execution's birth, where it can be read."""
        data = data_of(record) if record.type in _BIRTHS else None
        if data is None:
            return
        try:
            told = msgspec.json.decode(data, type=dict[str, object])
        except (msgspec.MsgspecError, RecursionError):
            return
        self._facts.add(tuple(map(str, map(told.get, _FACTS))))
        self._keys.add(told.get("start_key"))
        if record.type == "ExecutionForked":
            self._descent = (told.get("source"), told.get("at"))
        elif record.type == "ExecutionImported":
            self._descent = (None, told.get("events"))

    def _check_birth(self, born: records.ExecutionRecord) -> None:
        facts = tuple(str(getattr(born, name)) for name in _FACTS)
        if self._facts and not (
            facts in self._facts
            and born.start_key in self._keys
            and (born.forked_from, born.forked_at) == self._descent
        ):
            self.report.note("execution: its log tells of another birth")

    def _is_in_commit(self, position: int) -> bool:
        commit = self._commit
        if commit is None:
            return False
        return commit.first <= position < commit.first + commit.count

    def _take_other(self, record: records.OtherRecord) -> None:
        wanted = (self._period, shard_of(self._id))
        if (record.period, record.shard) != wanted or not self._is_in_commit(record.position):
            raise BundleFault(f"line {self._lines} of its log is of no commit that it tells")
        self._block.append((record.position, _bytes_of(record.hash)))

    def _close(self) -> None:
        """The commit ends: its events are those that it recorded of this month."""
        commit, self._block = (
            self._commit,
            [one for one in self._block if self._is_in_commit(one[0])],
        )
        block, self._block = self._block, []
        if commit is None or not block:
            return
        own = [self._period, len(block), part_digest(block).hex()]
        try:
            parts = msgspec.json.decode(commit.parts)
        except (msgspec.DecodeError, RecursionError):
            parts = []
        if own not in parts or [one for one, _ in block] != sorted({one for one, _ in block}):
            self.report.note(f"commit {commit.number}: it recorded others than these events")

    def _take_end(self, record: records.EndRecord) -> None:
        self._ended = True
        if record.lines != self._lines - 1:
            self.report.note("its log has not as many lines as were written")

    def finish(self) -> Report:
        """Every record was taken. Raises BundleFault."""
        self._close()
        head, born, commit = self._head, self._born, self._commit
        if not self._ended or head is None or born is None:
            raise BundleFault("its log has no end: it was cut off")
        if (self._seq, self._hash.hex()) != (born.events, born.hash):
            self.report.note(f"event {self._seq + 1}: it had {born.events} events, or another last")
        self._check_birth(born)
        end = head.shards[0] if head.shards else None
        if commit is not None and end is not None:
            self.report.to_head = commit.number == end.commit_no
            if self.report.to_head and commit.hash != end.hash:
                self.report.note("head: it does not name the last commit")
        if self.report.masked and not (self._manifest.redacted or not self._manifest.printed):
            self.report.note("manifest: it says that nothing was left out, and something was")
        return self.report


def checked(bundle: Bundle) -> Report:
    """What a check of the whole bundle found. Raises BundleFault."""
    checker = Checker(bundle.manifest, bundle.definitions)
    for record in bundle.records():
        checker.take(record)
    return checker.finish()


def _bytes_of(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise BundleFault(f"{text[:80]!r} is no hash") from None


def _digest_of(record: records.EventRecord) -> bytes | None:
    """The digest of an event's data; None: it has none."""
    try:
        if record.members is not UNSET:
            root = root_of_leaves(map(_leaf_of, record.members))
            if record.codec == JSON_CODEC:
                return root
            sealed = "" if record.sealed is UNSET else record.sealed
            return _sealed_digest(root, bytes.fromhex(sealed))
        if record.data is UNSET or record.salt is UNSET:
            return None
        if record.codec == SEALED_CODEC:
            return sealed_digest(base64.b64decode(record.data, validate=True))
        data = record.data.encode()
        return merkle_root(data, bytes.fromhex(record.salt)) if is_canonical(data) else None
    except (ValueError, msgspec.MsgspecError, RecursionError, BadIdentifier):
        return None


def _sealed_digest(root: bytes, sealed: bytes) -> bytes:
    return hashlib.sha256(b"\x02" + root + sealed).digest()


def _leaf_of(member: records.ToldMember | records.MaskedMember | str) -> bytes:
    if isinstance(member, str):
        return bytes.fromhex(member)
    if isinstance(member, records.MaskedMember):
        return bytes.fromhex(member.leaf)
    name, salt, value = member
    return member_leaf(bytes.fromhex(salt), name, value.encode())
