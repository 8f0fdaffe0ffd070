"""Tamper evidence: digests of events, the chain of an execution, the chain of a shard's commits.

Chain version 1. An event's digest is a Merkle root over the top-level members of its data, each
salted, so that an export can leave members out and still verify. An event's hash covers the hash of
the event before it in its execution, its columns and its digest. A commit's hash covers the commit
before it in its shard and, for each birth period it touched, the count and a digest of the events,
so that the chain outlives a dropped partition.

Where a namespace encrypts, an event's data is stored sealed, and its digest covers sealed bytes:
who holds no key, or after the key is erased nobody, still finds every changed byte.
"""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

CHAIN_VERSION = b"refold-chain-1"
JSON_CODEC = 1
"""Codec of an event's data that is stored as JSON in the clear."""

SEALED_CODEC = 2
"""Codec of data that is stored sealed under the key that the event's row names."""

SALT_BYTES = 16
ROOT_BYTES = 32
SEAL_OVERHEAD = 28
"""What sealing adds to a text: a nonce of 12 bytes before it, a tag of 16 behind it."""

_MAX_HEADS = 1_000
_text = msgspec.json.Encoder().encode
_heads: dict[str, bytes] = {}
_members = msgspec.json.Decoder(dict[str, msgspec.Raw])


def member_salts(salt: bytes, count: int) -> list[bytes]:
    """The salts of the members, in order: giving one away tells nothing about the others."""
    stream = hashlib.shake_128(salt).digest(SALT_BYTES * count)
    return [stream[at : at + SALT_BYTES] for at in range(0, len(stream), SALT_BYTES)]


def member_leaf(member_salt: bytes, name: str, value: bytes) -> bytes:
    """The leaf of one member: over its salt, name and value bytes as stored."""
    return hashlib.sha256(b"\x00" + member_salt + _head(name) + value).digest()


def _head(name: str) -> bytes:
    """A member's name with its length before it; those of our own events are kept."""
    text = name.encode()
    head = len(text).to_bytes(4, "big") + text
    if len(_heads) < _MAX_HEADS:
        _heads[name] = head
    return head


def root_of_leaves(leaves: Iterable[bytes]) -> bytes:
    """The root over the leaves in the order of the members."""
    return hashlib.sha256(b"\x01" + b"".join(leaves)).digest()


def is_canonical(data: bytes) -> bool:
    """Whether an event's data is spelled as it is written: the leaves cover names and values, not
    what may stand between them or a member that a later one of the same name hides."""
    members = _members.decode(data).items()
    return data == b"{" + b",".join(_text(name) + b":" + bytes(v) for name, v in members) + b"}"


def merkle_root(data: bytes, salt: bytes) -> bytes:
    """The digest of an event's data: a JSON object as stored."""
    members = _members.decode(data)
    sha256, leaves = hashlib.sha256, [b"\x01"]  # root_of_leaves of member_leafs, in one loop:
    stream = hashlib.shake_128(salt).digest(SALT_BYTES * len(members))  # it runs for every event
    at = 0
    for name, value in members.items():
        head = _heads.get(name) or _head(name)
        leaf = b"".join((b"\x00", stream[at : at + SALT_BYTES], head, value))
        leaves.append(sha256(leaf).digest())
        at += SALT_BYTES
    return sha256(b"".join(leaves)).digest()


def sealed_data(root: bytes, sealed: bytes) -> bytes:
    """The data of an event as stored under a key: the Merkle root over its members, salted with
    what only the key's holder can derive, then nonce, ciphertext and tag."""
    return root + sealed


def opened_parts(data: bytes) -> tuple[bytes, bytes]:
    """Root and sealed text of data as stored under a key. Raises ValueError."""
    if len(data) < ROOT_BYTES + SEAL_OVERHEAD:
        raise ValueError("too short for sealed data")
    return data[:ROOT_BYTES], data[ROOT_BYTES:]


def sealed_digest(data: bytes) -> bytes:
    """The digest of data that is stored sealed: over the root, by which the holder of the key
    proves single members, and over the sealed text. Raises ValueError."""
    root, sealed = opened_parts(data)
    return hashlib.sha256(b"\x02" + root + hashlib.sha256(sealed).digest()).digest()


def event_hash(previous: bytes, columns: Sequence[Any], digest: bytes) -> bytes:
    """The hash of an event: over the hash before it (empty for the first), its columns in the order
    of `engine.ports.codec` (the execution's UUID first), and its digest."""
    execution_id, *rest = columns
    return hashlib.sha256(previous + _canonical((execution_id.hex, *rest)) + digest).digest()


def _canonical(columns: Sequence[Any]) -> bytes:
    """An unambiguous text of the columns: a JSON array of texts, numbers and nulls in UTF-8 without
    blanks, as `json.dumps(columns, ensure_ascii=False, separators=(",", ":"))` writes it."""
    return _text(columns)


def genesis(cluster_id: str, shard: int) -> bytes:
    """The hash before the first commit of a shard: a splice from elsewhere does not fit."""
    return hashlib.sha256(CHAIN_VERSION + f"|{cluster_id}|{shard}".encode()).digest()


def audit_genesis(cluster_id: str, namespace: str) -> bytes:
    """The hash before the first entry of a namespace's audit stream."""
    return hashlib.sha256(f"refold-audit-1|{cluster_id}|{namespace}".encode()).digest()


def content_hash(media_type: str, source: bytes, resources: Mapping[str, bytes]) -> bytes:
    """The hash of a definition as it was applied: its media type, its text and its documents in
    order of the bytes of their URIs, each behind its length in 4 bytes."""
    ordered = sorted((uri.encode(), content) for uri, content in resources.items())
    parts = [media_type.encode(), source, *(part for pair in ordered for part in pair)]
    return hashlib.sha256(b"".join(len(one).to_bytes(4, "big") + one for one in parts)).digest()


def head_root(
    cluster_id: str,
    at: int,
    shards: Sequence[tuple[int, int, int, str]],
    audit: Sequence[tuple[str, int, str]],
) -> bytes:
    """The hash over the heads of everything: (shard, commit number, position, hash as hex) and
    (namespace, position, hash as hex)."""
    return hashlib.sha256(_text(("refold-head-1", cluster_id, at, shards, audit))).digest()


def audit_hash(
    previous: bytes, position: int, at: int, texts: Sequence[str], digest: bytes
) -> bytes:
    """The hash of an audit entry: over the hash before it, position and time (8 bytes each), its
    texts (namespace, actor, action, target, each in UTF-8 behind its length in 4 bytes) and its
    digest. In binary, because the database computes it: only there is the time known."""
    numbers = position.to_bytes(8, "big") + at.to_bytes(8, "big")
    return hashlib.sha256(previous + numbers + b"".join(map(_head, texts)) + digest).digest()


def part_digest(positions_and_hashes: Iterable[tuple[int, bytes]]) -> bytes:
    """The digest of the events of one birth period in a commit, in order of position."""
    digest = hashlib.sha256()
    for position, event in positions_and_hashes:
        digest.update(position.to_bytes(8, "big") + event)
    return digest.digest()


def commit_hash(previous: bytes, columns: Sequence[Any], parts: bytes) -> bytes:
    """The hash of a commit: over the hash before it, its columns (shard, number, first position,
    count, epoch, time, writer, and the lowest and highest of its executions, by which they are
    looked for), and `parts`, the JSON text that the commit record stores."""
    return hashlib.sha256(previous + _canonical(columns) + parts).digest()
