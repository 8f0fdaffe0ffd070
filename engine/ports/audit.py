"""Who did what beyond the logs of executions: a chained stream per namespace, append-only.

A command on an execution is a fact of its own log: the event that it causes names actor, origin and
reason. Everything else that changes something is an entry here. What is a write of the database
itself carries its entry into that same transaction (`sealed`); what is not is recorded by `record`.
"""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from engine.core.chain import content_hash, merkle_root
from engine.ports.rows import DefinitionRow
from schemas.events.parts import UNASKED, Asked
from schemas.json_text import dumps

INSTALLATION = "*"
"""The namespace of what concerns the whole installation; no namespace can have that name."""

APPLIED = "definition.applied"
IMPORTED = "definition.imported"
STORED = frozenset({APPLIED, IMPORTED})
"""Actions whose entries tell what a version of a definition is."""


class Deed(msgspec.Struct, frozen=True):
    """Somebody did something. `action`: noun and past participle, as `definition.applied`;
    `target`: the id or name of what it was done to; `data`: facts of the action, as JSON members
    that are not called `origin` or `reason`."""

    namespace: str
    actor: str
    action: str
    target: str
    asked: Asked = UNASKED
    data: Mapping[str, Any] = {}


class AuditEntry(msgspec.Struct, frozen=True, gc=False):
    """What is written: the columns of log.audit_entry_v1, in its order."""

    namespace: str
    actor: str
    action: str
    target: str
    salt: bytes
    data: bytes
    digest: bytes


class AuditRow(msgspec.Struct, frozen=True, gc=False):
    """An entry as stored: one row of log.audit, its columns in order."""

    namespace: str
    position: int
    at: int
    actor: str
    action: str
    target: str
    salt: bytes
    data: bytes
    digest: bytes
    hash: bytes


class AuditHead(msgspec.Struct, frozen=True, gc=False):
    """The head row of an audit stream."""

    namespace: str
    position: int
    at: int
    hash: bytes


class AuditFilter(msgspec.Struct, frozen=True):
    """Which entries are wanted; None: any. `action` ending in `.` wants all of that noun. `since`
    and `until`: milliseconds since 1970, both included."""

    actor: str | None = None
    action: str | None = None
    target: str | None = None
    since: int | None = None
    until: int | None = None


class Audit(Protocol):
    """All methods may raise Unavailable."""

    async def record(self, deed: Deed) -> int:
        """Append an entry; returns its position. Where Unavailable is raised it may have been
        recorded all the same."""

    async def read(
        self, namespace: str, after: int, upto: int, limit: int = 1_000
    ) -> list[AuditRow]:
        """Entries with after < position <= upto, in order."""

    async def find(
        self,
        namespace: str,
        wanted: AuditFilter,
        before: int | None = None,
        limit: int = 100,
    ) -> list[AuditRow]:
        """Entries that are wanted, at positions below `before`, the newest first."""

    async def heads(self) -> list[AuditHead]:
        """The head rows of all streams, in order of namespace."""


def sealed(deed: Deed, salt: bytes) -> AuditEntry:
    """The entry that records a deed. `salt`: 16 random bytes, from which its members' are made."""
    members = {"origin": deed.asked.origin, "reason": deed.asked.reason, **deed.data}
    data = dumps(members)
    return AuditEntry(
        deed.namespace, deed.actor, deed.action, deed.target, salt, data, merkle_root(data, salt)
    )


def applied(row: DefinitionRow, asked: Asked, action: str = APPLIED) -> Deed:
    """The deed of activating a version, or (`IMPORTED`) of keeping it for an import alone."""
    return Deed(
        namespace=row.namespace,
        actor=row.actor,
        action=action,
        target=f"{row.workflow}@{row.version}",
        asked=asked,
        data={
            "hash": row.definition_hash,
            "dialect": row.dialect,
            "media_type": row.media_type,
            "content": content_hash(row.media_type, row.source, row.resources).hex(),
        },
    )
