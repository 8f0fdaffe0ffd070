"""Names of namespaces: they stand in URLs, NATS subjects and environment variables."""

import re

MAX_NAMESPACE_CHARS = 63
_NAMESPACE = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


def is_namespace(name: str) -> bool:
    """Whether this can be a namespace: 1 to 63 lower-case letters, digits and hyphens, with no
    hyphen at an end (a label of RFC 1123)."""
    return _NAMESPACE.fullmatch(name) is not None
