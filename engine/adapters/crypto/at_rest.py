"""What is sealed beside events: a text that names its key, so that it opens wherever it lies."""

from collections.abc import Iterable, Mapping

from engine.model.errors import Erased, Sealed
from engine.ports.keys import Cipher

_MARK = b"\x00refold sealed 1\x00"
"""No JSON text begins so."""


def seal_text(cipher: Cipher | None, plain: bytes, context: str) -> bytes:
    """The text sealed for a context; as it is without a cipher."""
    if cipher is None:
        return plain
    name = cipher.key_id.encode()
    return _MARK + bytes([len(name)]) + name + cipher.seal(plain, context.encode())


def key_of_text(text: bytes) -> str | None:
    """The key that a text is sealed with; None: it is not."""
    if not text.startswith(_MARK) or len(text) == len(_MARK):
        return None
    start = len(_MARK) + 1
    return text[start : start + text[len(_MARK)]].decode("ascii", "replace")


def keys_of_texts(texts: Iterable[bytes]) -> list[str]:
    """The keys that some of the texts are sealed with, each once."""
    return sorted({key for key in map(key_of_text, texts) if key is not None})


def open_text(ciphers: Mapping[str, Cipher | None], text: bytes, context: str) -> bytes:
    """The text in the clear. Raises Erased, Sealed."""
    key_id = key_of_text(text)
    if key_id is None:
        return text
    cipher = ciphers.get(key_id)
    if cipher is None:
        raise Erased(f"what was sealed with the key {key_id} was erased with it")
    start = len(_MARK) + 1 + len(key_id)
    return cipher.open(text[start:], context.encode())


def open_if_possible(ciphers: Mapping[str, Cipher | None], text: bytes, context: str) -> bytes:
    """As `open_text`, but what does not open stays as it is: one bad text stops nobody."""
    try:
        return open_text(ciphers, text, context)
    except (Erased, Sealed):
        return text
