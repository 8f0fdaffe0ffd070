"""Names of NATS subjects: how namespaces, event types and functions become tokens."""

import hashlib
from urllib.parse import quote

IN_PREFIX = "cloudevents.in"
OUT_PREFIX = "cloudevents.out"
WORK_PREFIX = "refold.work"
HINT_PREFIX = "refold.hint"

_MAX_CHARS = 1_000


def tokens(text: str) -> str:
    """A text as subject tokens: UTF-8, percent-encoded except letters, digits, `_`, `-`, `~` and
    dots, which part the tokens. A dot that would make an empty token is `%2E`. Beyond 1,000
    characters the rest becomes one token `%23` and the SHA-256 of the whole in hexadecimal."""
    parts = [quote(part, safe="") for part in text.split(".")]
    joined = parts[0] if parts[0] or len(parts) > 1 else "%00"
    for part in parts[1:]:
        is_empty_before = joined == "" or joined.endswith(".")
        joined += ("%2E" if is_empty_before or not part else ".") + part
    if len(joined) <= _MAX_CHARS:
        return joined
    head = joined[:_MAX_CHARS].rpartition(".")[0] or joined[:_MAX_CHARS].rpartition("%")[0]
    return f"{head or joined[:_MAX_CHARS]}.%23{hashlib.sha256(text.encode()).hexdigest()}"


def out_subject(namespace: str, event_type: str, prefix: str = OUT_PREFIX) -> str:
    """Where CloudEvents of a type go out."""
    return f"{prefix}.{namespace}.{tokens(event_type)}"


def work_subject(namespace: str, operation: str) -> str:
    """Where calls of the function MODULE:FUNCTION go: the dots of MODULE part tokens, the colon is
    `%3A`, so a worker may take one function, one package, or all of a namespace."""
    return f"{WORK_PREFIX}.{namespace}.{tokens(operation)}"
