"""Keys in use: found or made in the store, unwrapped, kept for a while."""

import contextlib
import os
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from engine.adapters.crypto.cipher import KEY_BYTES, AeadCipher
from engine.adapters.crypto.masters import MasterKeys
from engine.model.errors import Erased, KeyMissing
from engine.ports.keys import (
    Cipher,
    Encryption,
    EncryptionSetting,
    KeyClaim,
    KeyKind,
    KeyRow,
    KeyStore,
    KeyWanted,
)

TTL_S = 60.0
"""So long a process may go on reading with a key that was erased elsewhere, if no hint tells it."""

SETTING_TTL_S = 5.0
"""So long it may take until a server knows that a namespace was switched, for what it seals beside
executions: CloudEvents, dead letters, the inbox."""

_LIMIT = 20_000


class KeyChain:
    """Implements `Keys` and `KeyOffice` of `engine.ports.keys`; the doors of this package ask it.

    `masters` None: this process cannot open a key, so it neither reads what is sealed nor begins
    what must be."""

    def __init__(
        self,
        store: KeyStore,
        masters: MasterKeys | None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._masters = masters
        self._now = now
        self._ciphers: OrderedDict[str, tuple[AeadCipher | None, float]] = OrderedDict()
        self._namespaces: dict[str, tuple[AeadCipher | None, float]] = {}
        self._own: dict[str, AeadCipher] = {}

    def forget(self) -> None:
        """See `KeyOffice.forget`."""
        self._ciphers.clear()
        self._namespaces.clear()

    async def settings(self) -> list[EncryptionSetting]:
        """How every namespace encrypts that was ever switched. Raises Unavailable."""
        return await self._store.settings()

    async def encryption(self, namespaces: Sequence[str]) -> dict[str, Encryption]:
        """See `Keys.encryption`: as it is now, not as it was remembered."""
        return await self._store.encryption(namespaces)

    async def begin(self, wanted: Sequence[KeyWanted]) -> dict[UUID, Cipher]:
        """See `Keys.begin`. Raises Erased for a fork of an erased execution."""
        modes = await self._store.encryption(sorted({one.namespace for one in wanted}))
        # One that claimed its key and died before its first event keeps it, whatever was switched.
        off = [one.execution_id for one in wanted if modes.get(one.namespace) == "off"]
        claimed = await self._store.of_executions(off) if off else {}
        claims = [
            await self._claim(one, modes.get(one.namespace, "off"))
            for one in wanted
            if modes.get(one.namespace, "off") != "off"
            or one.source is not None
            or one.execution_id in claimed
        ]
        if not claims:
            return {}
        rows = await self._store.claim(claims)
        return {execution_id: self._living(row) for execution_id, row in rows.items()}

    async def _claim(self, wanted: KeyWanted, mode: Encryption) -> KeyClaim:
        kind: KeyKind = "execution"
        owner = wanted.execution_id.hex
        if mode == "subject" and wanted.subject is not None:
            kind = "subject"
            owner = await self.owner_of(wanted.namespace, wanted.subject)
        key_id, wrapped = ("", b"") if wanted.source is not None else self.fresh()
        return KeyClaim(
            wanted.execution_id, wanted.namespace, kind, owner, key_id, wrapped, wanted.source
        )

    async def owner_of(self, namespace: str, subject: str) -> str:
        """See `KeyOffice.owner_of`."""
        cipher = await self._own_of(namespace)
        if cipher is None:
            raise KeyMissing(f"namespace {namespace} has no key: it never encrypted")
        return cipher.name_of(subject)

    async def _own_of(self, namespace: str) -> AeadCipher | None:
        """The namespace's own key, kept when it is switched off; None: it never encrypted."""
        if namespace not in self._own:
            rows = await self._store.of_owner(namespace, "namespace", "")
            if not rows:
                return None
            self._own[namespace] = self._living(rows[0])
        return self._own[namespace]

    def fresh(self) -> tuple[str, bytes]:
        """See `KeyOffice.fresh`."""
        key_id = f"key_{os.urandom(12).hex()}"
        return key_id, self._master().wrap(key_id, os.urandom(KEY_BYTES))

    async def veiled(self, namespace: str, text: str) -> str:
        """See `KeyOffice.veiled`."""
        cipher = await self.of_namespace(namespace)
        return text if cipher is None else f"veiled:{cipher.name_of(text)}"

    def _master(self) -> MasterKeys:
        if self._masters is None:
            raise KeyMissing(
                "a namespace encrypts, and this process has no master key: set"
                " REFOLD_MASTER_KEY_FILE"
            )
        return self._masters

    async def try_all_namespaces(self) -> None:
        """Open the own key of every namespace that was ever switched on. Raises KeyMissing,
        Unavailable."""
        for setting in await self._store.settings():
            await self._own_of(setting.namespace)

    async def of_namespace(self, namespace: str) -> AeadCipher | None:
        """What seals a namespace's CloudEvents and inbox; None: it does not encrypt."""
        known = self._namespaces.get(namespace)
        if known is not None and known[1] > self._now():
            return known[0]
        modes = await self._store.encryption([namespace])
        encrypts = modes.get(namespace, "off") != "off"
        cipher = await self._own_of(namespace) if encrypts else None
        self._namespaces[namespace] = (cipher, self._now() + SETTING_TTL_S)
        return cipher

    async def ciphers(self, key_ids: Sequence[str]) -> Mapping[str, AeadCipher | None]:
        """See `Keys.ciphers`."""
        now = self._now()
        found: dict[str, AeadCipher | None] = {}
        for key_id in set(key_ids):
            known = self._ciphers.get(key_id)
            if known is not None and known[1] > now:
                found[key_id] = known[0]
        missing = [key_id for key_id in set(key_ids) if key_id not in found]
        if missing:
            rows = {row.key_id: row for row in await self._store.find(missing)}
            for key_id in missing:
                row = rows.get(key_id)
                erased = row is None or row.wrapped is None
                found[key_id] = None if row is None or erased else self._living(row)
                self._keep(key_id, found[key_id])
        return found

    async def ciphers_here(self, key_ids: Sequence[str]) -> Mapping[str, AeadCipher | None]:
        """As `ciphers`, without those that no master key here opens."""
        try:
            return await self.ciphers(key_ids)
        except KeyMissing:
            found: dict[str, AeadCipher | None] = {}
            for key_id in key_ids:
                with contextlib.suppress(KeyMissing):
                    found.update(await self.ciphers([key_id]))
            return found

    async def of_executions(self, ids: Sequence[UUID]) -> dict[UUID, AeadCipher | None]:
        """The ciphers of those executions that are sealed; None: erased."""
        known = await self._store.of_executions(ids)
        ciphers = await self.ciphers(list(known.values()))
        return {execution_id: ciphers[key_id] for execution_id, key_id in known.items()}

    def _living(self, row: KeyRow) -> AeadCipher:
        if row.wrapped is None:
            raise Erased(f"the key {row.key_id} was erased, and what it sealed with it")
        known = self._ciphers.get(row.key_id)
        if known is not None and known[0] is not None:
            return known[0]
        cipher = AeadCipher(row.key_id, self._master().unwrap(row.key_id, row.wrapped))
        self._keep(row.key_id, cipher)
        return cipher

    def _keep(self, key_id: str, cipher: AeadCipher | None) -> None:
        self._ciphers[key_id] = (cipher, self._now() + TTL_S)
        self._ciphers.move_to_end(key_id)
        while len(self._ciphers) > _LIMIT:
            self._ciphers.popitem(last=False)
