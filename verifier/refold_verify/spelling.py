"""How the format spells values, and the hash over them."""

from __future__ import annotations

import hashlib
import json
from typing import Any

_encoder = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def spelled(value: Any) -> str:
    """JSON as the format spells it."""
    return _encoder.encode(value)


def sha(*parts: bytes) -> bytes:
    return hashlib.sha256(b"".join(parts)).digest()


def framed(text: str) -> bytes:
    data = text.encode()
    return len(data).to_bytes(4, "big") + data
