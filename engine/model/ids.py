"""Identifiers: execution ids (UUIDv7 layout with the shard in 12 bits), typed text forms, tokens.

Ids are minted by the database in the accepting statement; here they are only read and written.
"""

import hashlib
import hmac
from functools import lru_cache
from uuid import UUID

from engine.model.errors import BadIdentifier

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
_ID_LETTERS = 26
_TOKEN_MAC_BYTES = 16


def shard_of(execution_id: UUID) -> int:
    """The shard number that the id carries (bits 52..63, `rand_a` of UUIDv7)."""
    return (execution_id.int >> 64) & 0xFFF


def born_at_ms(execution_id: UUID) -> int:
    """Milliseconds since 1970 at which the id was minted."""
    return execution_id.int >> 80


def shard_of_key(namespace: str, workflow: str, key: str, shards: int) -> int:
    """The shard of a start key: the same request lands on the same shard, from any node."""
    text = f"{namespace}\0{workflow}\0{key}".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") % shards


def shard_of_namespace(namespace: str, shards: int) -> int:
    """The shard whose owner matches the namespace's CloudEvent stream."""
    return int.from_bytes(hashlib.sha256(namespace.encode()).digest()[:8], "big") % shards


def format_id(prefix: str, value: UUID) -> str:
    """`ex_` and 26 letters of Crockford's base 32, sortable by time."""
    number = value.int
    pairs = [_PAIRS[(number >> shift) & 1023] for shift in range(120, -1, -10)]
    return f"{prefix}_{''.join(pairs)}"


def parse_id(prefix: str, text: str) -> UUID:
    """Read a typed id. Raises BadIdentifier."""
    head, _, letters = text.partition("_")
    if head != prefix or len(letters) != _ID_LETTERS:
        raise BadIdentifier(prefix, text)
    number = 0
    for letter in letters:
        value = _VALUES.get(letter)
        if value is None:
            raise BadIdentifier(prefix, text)
        number = number << 5 | value
    if number >> 128:
        raise BadIdentifier(prefix, text)
    return UUID(int=number)


@lru_cache(maxsize=16_384)
def format_execution(value: UUID) -> str:
    """The text form of an execution id: `ex_...`."""
    return format_id("ex", value)


def parse_execution(text: str) -> UUID:
    """Read `ex_...`. Raises BadIdentifier."""
    return parse_id("ex", text)


def format_event(execution_id: UUID, seq: int) -> str:
    """The id of an event, and of the CloudEvent it emits: `ev_...` with the seq behind a dot."""
    return f"{format_id('ev', execution_id)}.{seq}"


def idempotency_key(execution_id: UUID, frame: int, node: str) -> str:
    """The key sent along with an action: the same for every attempt and re-run, another for every
    entry of the state, branch and iteration (they have frames of their own)."""
    return f"{format_execution(execution_id)}:{frame}:{node}"


def callback_token(secret: bytes, execution_id: UUID, frame: int) -> str:
    """The capability to answer the callback state that opened `frame`."""
    body = execution_id.bytes + frame.to_bytes(8, "big")
    mac = hmac.new(secret, b"callback" + body, hashlib.sha256).digest()[:_TOKEN_MAC_BYTES]
    return "cb_" + (body + mac).hex()


def read_callback_token(secret: bytes, token: str) -> tuple[UUID, int]:
    """The execution and frame that a token names. Raises BadIdentifier, also for a forged one."""
    try:
        raw = bytes.fromhex(token.removeprefix("cb_"))
    except ValueError:
        raise BadIdentifier("cb", token) from None
    if len(raw) != 24 + _TOKEN_MAC_BYTES or not token.startswith("cb_"):
        raise BadIdentifier("cb", token)
    execution_id, frame = UUID(bytes=raw[:16]), int.from_bytes(raw[16:24], "big")
    if not hmac.compare_digest(callback_token(secret, execution_id, frame), token):
        raise BadIdentifier("cb", token)
    return execution_id, frame


def attribute_key(name: str, value: str) -> bytes:
    """The key under which a CloudEvent with this context attribute is found, and a subscription
    that wants it: 8 bytes of a hash. Names are compared in lower case."""
    return hashlib.sha256(f"{name.lower()}\0{value}".encode()).digest()[:8]
