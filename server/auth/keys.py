"""API keys: a file of names and hashes, never the keys themselves.

The file is JSON, `{"NAME": "SHA-256 of the key as hex", ...}`, or lines `NAME:SHA-256-hex`
(`#` begins a comment). A hash is made with `printf %s "$KEY" | sha256sum`; keys are random, so a
slow hash adds nothing. The key's name is the actor in the log: `key:NAME`.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from engine.model.errors import RefoldError

MAX_KEY_BYTES = 512
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_HASH = re.compile(r"[0-9a-f]{64}")


class KeyFileFault(RefoldError):
    """The key file cannot be used: the server refuses to start."""

    code = "auth.key_file"


@dataclass(frozen=True)
class Keyring:
    """The keys of a server: (name, hash of the key). Empty: everybody on loopback may ask."""

    entries: tuple[tuple[str, bytes], ...] = ()

    def __bool__(self) -> bool:
        return bool(self.entries)

    def name_of(self, key: str) -> str | None:
        """Whose key it is. Looks at every entry, whether one fits or not, in constant time."""
        given = hashlib.sha256(key.encode("utf-8", "surrogatepass")[:MAX_KEY_BYTES]).digest()
        found: str | None = None
        for name, digest in self.entries:
            if hmac.compare_digest(given, digest):
                found = name
        return found


def bearer_key(header: str | None) -> str | None:
    """The key in an Authorization header; None where there is none of the form `Bearer KEY`."""
    scheme, _, key = (header or "").partition(" ")
    key = key.strip()
    return key if scheme.lower() == "bearer" and 0 < len(key) <= MAX_KEY_BYTES else None


def read_key_file(path: Path) -> Keyring:
    """The keys in the file. Raises KeyFileFault, naming the line or name at fault."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileFault(
            f"cannot read the API keys in {path}: {error}; correct REFOLD_API_KEYS_FILE"
        ) from None
    pairs = _read_json(path, text) if text.lstrip().startswith("{") else _read_lines(path, text)
    names = [name for name, _ in pairs]
    for name, digest in pairs:
        if not _NAME.fullmatch(name) or not _HASH.fullmatch(digest) or names.count(name) > 1:
            raise KeyFileFault(
                f"{path}: the entry {name[:64]!r} is not a name of its own (letters, digits,"
                " . _ @ -) with the SHA-256 of a key as 64 lower-case hex digits"
            )
    if not pairs:
        raise KeyFileFault(f"{path} holds no key; add a line NAME:SHA-256-hex, or unset the file")
    return Keyring(tuple((name, bytes.fromhex(digest)) for name, digest in pairs))


def _read_json(path: Path, text: str) -> list[tuple[str, str]]:
    try:
        return list(msgspec.json.decode(text, type=dict[str, str]).items())
    except msgspec.DecodeError as error:
        raise KeyFileFault(f"{path}: not a JSON object of name and hash: {error}") from None


def _read_lines(path: Path, text: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for number, line in enumerate(text.splitlines(), 1):
        entry = line.partition("#")[0].strip()
        if not entry:
            continue
        name, colon, digest = entry.partition(":")
        if not colon:
            raise KeyFileFault(f"{path}:{number}: write NAME:SHA-256-hex")
        pairs.append((name.strip(), digest.strip()))
    return pairs
