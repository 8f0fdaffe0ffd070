"""One data key: seals, opens, and derives salts. AES-256-GCM with a random nonce for each text."""

import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from engine.model.errors import Sealed

KEY_BYTES = 32
NONCE_BYTES = 12


class AeadCipher:
    """Implements `engine.ports.keys.Cipher`. What the key is used for never shares a key: sealing,
    salts and naming each have one derived from it."""

    __slots__ = ("_aead", "_names", "_salts", "key_id")

    def __init__(self, key_id: str, key: bytes) -> None:
        self.key_id = key_id
        self._aead = AESGCM(derived(key, b"seal"))
        self._salts = derived(key, b"salt")
        self._names = derived(key, b"name")

    def seal(self, plain: bytes, context: bytes) -> bytes:
        """See `Cipher.seal`."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._aead.encrypt(nonce, plain, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """See `Cipher.open`."""
        try:
            return self._aead.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
        except (InvalidTag, ValueError):
            raise Sealed(f"text sealed with the key {self.key_id} does not open") from None

    def salt(self, salt: bytes) -> bytes:
        """See `Cipher.salt`."""
        return hmac.digest(self._salts, salt, "sha256")

    def name_of(self, text: str) -> str:
        """A name for a text that tells nothing about it to who lacks the key: 32 hex digits."""
        return hmac.digest(self._names, text.encode("utf-8", "surrogatepass"), "sha256")[:16].hex()


def derived(key: bytes, purpose: bytes) -> bytes:
    """A key for one purpose."""
    return hmac.digest(key, b"refold-1 " + purpose, "sha256")
