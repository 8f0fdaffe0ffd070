"""Master keys: from a file outside the database; the first wraps new keys, all of them unwrap."""

import base64
import binascii
import os
import re
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.adapters.crypto.cipher import KEY_BYTES, NONCE_BYTES
from engine.model.errors import KeyMissing, RefoldError

_LINE = re.compile(r"([a-z0-9][a-z0-9-]{0,31})\s*:\s*([A-Za-z0-9+/]{43}=)")
_FORM = b"\x01"
_MOST = 100


class BadMasterKeys(RefoldError):
    """The file of master keys cannot be used."""

    code = "settings.invalid"


class MasterKeys:
    """Wraps and unwraps. A wrapped key says by which of them: form 1, length of the name, name,
    nonce, ciphertext and tag."""

    def __init__(self, keys: Sequence[tuple[str, bytes]]) -> None:
        self._first = keys[0][0]
        self._keys = {name: AESGCM(key) for name, key in keys}

    @property
    def names(self) -> list[str]:
        """The names, the one that wraps first."""
        return list(self._keys)

    def wrap(self, key_id: str, key: bytes) -> bytes:
        """The key as it may be stored."""
        name, nonce = self._first.encode(), os.urandom(NONCE_BYTES)
        sealed = self._keys[self._first].encrypt(nonce, key, key_id.encode())
        return _FORM + bytes([len(name)]) + name + nonce + sealed

    def unwrap(self, key_id: str, wrapped: bytes) -> bytes:
        """The key. Raises KeyMissing."""
        name, sealed = _parts(key_id, wrapped)
        master = self._keys.get(name)
        if master is None:
            raise KeyMissing(_missing(key_id, name))
        try:
            return master.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], key_id.encode())
        except (InvalidTag, ValueError):
            raise KeyMissing(
                f"the master key {name!r} here is not the one that wrapped the key {key_id}, or the"
                " stored form was changed: put the right one into REFOLD_MASTER_KEY_FILE"
            ) from None

    def is_wrapped_by_first(self, key_id: str, wrapped: bytes) -> bool:
        """Whether nothing is to be done for the key when master keys are rotated."""
        return _parts(key_id, wrapped)[0] == self._first


def read_master_keys(path: Path) -> MasterKeys:
    """The keys of a file: a line `NAME:BASE64` for each, of 32 bytes; empty lines and those that
    begin with # are passed over. Raises BadMasterKeys, which never shows a key."""
    try:
        lines = path.read_text("ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not ASCII text"
        raise BadMasterKeys(f"REFOLD_MASTER_KEY_FILE {path} cannot be read: {reason}") from None
    keys: dict[str, bytes] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, key = _read_line(path, number, text)
        if name in keys:
            raise BadMasterKeys(f"{path}, line {number}: the name {name} stands twice")
        keys[name] = key
    if not 0 < len(keys) <= _MOST:
        raise BadMasterKeys(f"{path} has {len(keys)} master keys; 1 to {_MOST} are taken")
    return MasterKeys(list(keys.items()))


def _read_line(path: Path, number: int, text: str) -> tuple[str, bytes]:
    found = _LINE.fullmatch(text)
    try:
        key = b"" if found is None else base64.b64decode(found[2], validate=True)
    except binascii.Error:
        key = b""
    if found is None or len(key) != KEY_BYTES:
        raise BadMasterKeys(
            f"{path}, line {number} is not NAME:KEY with a name of a-z, 0-9, - and 32 bytes in"
            " base64; `openssl rand -base64 32` makes a key"
        )
    return found[1], key


def _parts(key_id: str, wrapped: bytes) -> tuple[str, bytes]:
    """The master key's name, and what it sealed. Raises KeyMissing."""
    end = 2 + wrapped[1] if len(wrapped) > 1 else 0
    if wrapped[:1] != _FORM or len(wrapped) < end + NONCE_BYTES:
        raise KeyMissing(
            f"the stored form of the key {key_id} was changed, or is a later release's"
        )
    return wrapped[2:end].decode("ascii", "replace"), wrapped[end:]


def _missing(key_id: str, name: str) -> str:
    return (
        f"the key {key_id} is wrapped by the master key {name!r}, which is not here: add it to"
        " REFOLD_MASTER_KEY_FILE"
    )
