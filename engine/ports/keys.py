"""Keys of namespaces that encrypt: who has one, how it is kept, what is done with it.

A key seals the data of one execution, of all executions of one data subject, or what a namespace
has at rest beside its executions (CloudEvents, dead letters, the inbox). It is kept wrapped by a
master key that the database never sees. To erase is to delete the wrapped key; its row stays, so
that everybody can tell "erased" from "lost".
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol
from uuid import UUID

import msgspec

from engine.ports.audit import Deed

Encryption = Literal["off", "execution", "subject"]
KeyKind = Literal["execution", "subject", "namespace"]


class EncryptionSetting(msgspec.Struct, frozen=True):
    """How a namespace encrypts, and since when (ms since 1970)."""

    namespace: str
    encryption: Encryption
    since: int


class KeyRow(msgspec.Struct, frozen=True, gc=False):
    """A key as stored. `owner`: the execution's id in hex, a keyed hash of the data subject, or "".
    `wrapped`: None once it is erased."""

    key_id: str
    namespace: str
    kind: KeyKind
    owner: str
    wrapped: bytes | None
    created_at: int
    erased_at: int | None


class KeyClaim(msgspec.Struct, frozen=True, gc=False):
    """An execution wants its key: that of `source` if it is a fork; else the living one of this
    kind and owner; else this new one."""

    execution_id: UUID
    namespace: str
    kind: KeyKind
    owner: str
    key_id: str
    wrapped: bytes
    source: UUID | None = None


class KeyStore(Protocol):
    """Keys at rest, all of them wrapped. All methods may raise Unavailable."""

    async def settings(self) -> list[EncryptionSetting]:
        """Every namespace that was ever switched, in order."""

    async def encryption(self, namespaces: Sequence[str]) -> dict[str, Encryption]:
        """How these namespaces encrypt now; those that never did are missing."""

    async def set_encryption(
        self, namespace: str, encryption: Encryption, key_id: str, wrapped: bytes, deed: Deed
    ) -> bool:
        """Switch, and record it; the key becomes the namespace's unless it has one. False: it was
        so already."""

    async def claim(self, claims: Sequence[KeyClaim]) -> dict[UUID, KeyRow]:
        """The keys of these executions, found or made, and for good: another claim of the same
        execution gives the same. A fork of an execution without a key is missing."""

    async def find(self, key_ids: Sequence[str]) -> list[KeyRow]:
        """Those of the keys that exist, erased ones too."""

    async def of_owner(self, namespace: str, kind: KeyKind, owner: str) -> list[KeyRow]:
        """All keys that this owner has or had, the living one first, then the newest."""

    async def of_executions(self, ids: Sequence[UUID]) -> dict[UUID, str]:
        """The key of each execution that has one."""

    async def uses(self, key_id: str, after: UUID | None = None, limit: int = 1_000) -> list[UUID]:
        """Executions whose data the key seals, in order of id."""

    async def page(self, after: str, limit: int) -> list[KeyRow]:
        """Living keys with id > after, in order of id."""

    async def rewrap(self, key_id: str, before: bytes, after: bytes) -> bool:
        """Replace the wrapped form. False: it is not `before` any more."""


class Cipher(Protocol):
    """Seals and opens under one key. Sealed text: nonce (12 bytes), ciphertext, tag (16)."""

    @property
    def key_id(self) -> str:
        """The key's name, which is no secret."""

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """Seal for this context alone."""

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """The plain text. Raises Sealed where text or context are others than were sealed."""

    def salt(self, salt: bytes) -> bytes:
        """A salt that only the key's holder can derive: 32 bytes."""


class KeyWanted(msgspec.Struct, frozen=True):
    """An execution begins. `subject`: whose data it is, where the definition says so. `source`: of
    a fork, the execution whose first events it copies."""

    execution_id: UUID
    namespace: str
    subject: str | None = None
    source: UUID | None = None


class Keys(Protocol):
    """Keys in use. All methods may raise Unavailable, and KeyMissing where a key is wrapped by a
    master key that is not here."""

    async def encryption(self, namespaces: Sequence[str]) -> dict[str, Encryption]:
        """How these namespaces encrypt now; those that never did are missing."""

    async def begin(self, wanted: Sequence[KeyWanted]) -> dict[UUID, Cipher]:
        """The ciphers of executions that begin; those that stay in the clear are missing."""

    async def ciphers(self, key_ids: Sequence[str]) -> Mapping[str, Cipher | None]:
        """The ciphers of these keys; None: it is erased, or there is no such key."""


class KeyOffice(Protocol):
    """What is done with keys beyond sealing and opening."""

    def fresh(self) -> tuple[str, bytes]:
        """Name and wrapped form of a new key. Raises KeyMissing: no master key is here."""

    async def owner_of(self, namespace: str, subject: str) -> str:
        """The name under which a data subject's keys are kept. Raises KeyMissing, also where the
        namespace never encrypted; Unavailable."""

    async def veiled(self, namespace: str, text: str) -> str:
        """A text that stands where nothing is sealed, so that it tells nothing to who lacks the
        namespace's key; as it is where the namespace does not encrypt. Raises KeyMissing,
        Unavailable."""

    async def ciphers(self, key_ids: Sequence[str]) -> Mapping[str, Cipher | None]:
        """See `Keys.ciphers`."""

    def forget(self) -> None:
        """Something was erased or switched: ask the store again."""


class Unencrypted:
    """`Keys` where nothing is encrypted."""

    async def encryption(self, namespaces: Sequence[str]) -> dict[str, Encryption]:  # noqa: ARG002
        """No namespace encrypts."""
        return {}

    async def begin(self, wanted: Sequence[KeyWanted]) -> dict[UUID, Cipher]:  # noqa: ARG002
        """Everything stays in the clear."""
        return {}

    async def ciphers(self, key_ids: Sequence[str]) -> Mapping[str, Cipher | None]:
        """There is no key."""
        return dict.fromkeys(key_ids)
