"""CloudEvents that tests start from, and how they spoil them."""

import json
from typing import Any

from engine.model.cloudevents.cloudevent import CloudEvent

MINIMAL: dict[str, Any] = {
    "specversion": "1.0",
    "id": "order-17/1",
    "source": "/shops/berlin",
    "type": "com.example.order.placed",
}
FULL: dict[str, Any] = {
    **MINIMAL,
    "subject": "order 17",
    "time": "2026-11-23T05:48:18.123456789Z",
    "datacontenttype": "application/json",
    "dataschema": "https://example.com/schemas/order.json",
    "partitionkey": "berlin",
    "sequence": 17,
    "sampled": True,
    "data": {"total": 12.5, "lines": [{"sku": "a", "n": 2}, {"sku": "b", "n": 1}]},
}


def body(base: dict[str, Any] = MINIMAL, /, **changes: Any) -> bytes:
    """`base` as JSON with `changes`; a change to `...` takes the member out."""
    members = {**base, **changes}
    return json.dumps({k: v for k, v in members.items() if v is not ...}).encode()


def with_raw(name: str, raw: bytes | str) -> bytes:
    """The minimal CloudEvent as JSON with one more member, whose value is written as it stands."""
    text = raw if isinstance(raw, bytes) else raw.encode()
    return body()[:-1] + b', "' + name.encode() + b'": ' + text + b"}"


def headers(**changes: str) -> list[tuple[str, str]]:
    """The `ce-` headers of the minimal CloudEvent, with changes; "" takes one out."""
    told = {**MINIMAL, **changes}
    return [(f"ce-{name}", value) for name, value in told.items() if value != ""]


def minimal(**changes: Any) -> CloudEvent:
    return CloudEvent(**{**MINIMAL, **changes})
