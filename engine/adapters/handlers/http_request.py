"""From an action to an HTTP request: METHOD:URL and arguments (docs/calling-services.md)."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import msgspec
from yarl import URL

from engine.adapters.handlers.refusal import CallRefused, refused, too_large
from engine.model.ids import format_execution
from engine.ports.world import Call
from schemas import json_text

MAX_REQUEST_BYTES = 1_048_576
MAX_URL_CHARS = 8_000
METHODS_WITHOUT_BODY = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})
METHODS = METHODS_WITHOUT_BODY | {"POST", "PUT", "PATCH"}

_OPERATION = re.compile(r"([A-Za-z]+):(https?://[^/?#\s]+)(\S*)", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")
_AUTHORITY_VALUE = re.compile(r"[A-Za-z0-9._-]+")
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\uffff]*")
_GROUPS = frozenset({"path", "query", "headers", "body"})
_RESERVED = frozenset(
    {
        "host", "content-length", "transfer-encoding", "connection", "upgrade", "te", "trailer",
        "proxy-authorization", "proxy-connection", "accept-encoding", "idempotency-key",
        "traceparent",
    }
)  # fmt: skip

Pairs = tuple[tuple[str, str], ...]


class HttpRequest(msgspec.Struct, frozen=True):
    """A request to be sent. `shown` names it in messages, without any data."""

    method: str
    url: URL
    headers: Pairs
    body: bytes | None
    shown: str


class _Parts(msgspec.Struct):
    """Arguments by the part of the request they fill."""

    path: dict[str, Any]
    query: dict[str, Any]
    headers: dict[str, Any]
    body: Any


def request_of(call: Call) -> HttpRequest:
    """The request of an operation `METHOD:URL`. Raises CallRefused."""
    match = _OPERATION.fullmatch(call.operation)
    if match is None or match[1].upper() not in METHODS:
        raise refused(
            "http.bad_operation",
            f"{call.operation[:200]!r} is no operation of the form METHOD:URL, with an absolute "
            f"http or https URL, for example GET:https://example.com/orders/{{id}}.",
        )
    method, authority, rest = match[1].upper(), match[2], match[3]
    parts = _parts(method, call.arguments, set(_PLACEHOLDER.findall(authority + rest)))
    text = _filled(authority, parts.path, is_authority=True) + _filled(rest, parts.path)
    content = None if parts.body is msgspec.UNSET else encoded_body(parts.body)
    headers = header_pairs(parts.headers)
    if content is not None and not any(name.lower() == "content-type" for name, _ in headers):
        headers += (("Content-Type", "application/json"),)
    return HttpRequest(
        method, built_url(text, query_pairs(parts.query)), headers, content, call.operation[:300]
    )


def call_headers(call: Call, public_url: str | None) -> Pairs:
    """The headers that every request carries; they tell the service who asks, and how to answer."""
    pairs = [
        ("Idempotency-Key", call.key),
        ("Refold-Execution", format_execution(call.execution_id)),
        ("Refold-Attempt", str(call.attempt)),
    ]
    if call.traceparent is not None:
        pairs.append(("traceparent", call.traceparent))
    if call.callback_token is not None:
        pairs.append(("Refold-Callback-Token", call.callback_token))
        if public_url is not None:
            path = f"/v1/namespaces/{call.namespace}/callbacks/{call.callback_token}"
            pairs.append(("Refold-Callback", public_url.rstrip("/") + path))
    return tuple(pairs)


def built_url(text: str, query: Pairs) -> URL:
    """The URL with its query. Raises CallRefused."""
    try:
        url = URL(text).extend_query(query) if query else URL(text)
        size = len(str(url))
    except ValueError:
        # The URL itself stays out of the message: arguments may be secrets.
        raise refused(
            "http.bad_operation", "The operation and its arguments make no valid URL; correct them."
        ) from None
    if size > MAX_URL_CHARS:
        raise refused(
            "data.too_large", f"The URL is longer than {MAX_URL_CHARS} characters; send a body."
        )
    if url.user is not None or url.password is not None:
        raise refused(
            "http.bad_operation", "A URL cannot carry a password; send an Authorization header."
        )
    return url


def encoded_body(value: Any) -> bytes:
    """The JSON body. Raises CallRefused if it is too large."""
    body: bytes = json_text.dumps(value)
    if len(body) > MAX_REQUEST_BYTES:
        raise too_large("The request body", MAX_REQUEST_BYTES)
    return body


def text_of(name: str, value: Any) -> str:
    """A scalar as it stands in a URL or a header. Raises CallRefused for objects and arrays."""
    if isinstance(value, str):
        return value
    if value is None or isinstance(value, dict | list):
        raise bad_argument(name, "must be a string, a number or a boolean")
    return bytes(json_text.dumps(value)).decode()


def path_text(name: str, value: Any) -> str:
    """A path segment, percent-encoded; `.` and `..` would lead elsewhere and are refused."""
    text = text_of(name, value)
    if text in ("", ".", ".."):
        raise bad_argument(name, f"cannot be {text!r} in a path")
    return quote(text, safe="")


def query_pairs(values: Mapping[str, Any]) -> Pairs:
    """Query parameters: an array repeats its name, null is left out, an object is JSON text."""
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict | list):
                pairs.append((name, bytes(json_text.dumps(one)).decode()))
            elif one is not None:
                pairs.append((name, text_of(name, one)))
    return tuple(pairs)


def header_pairs(values: Mapping[str, Any]) -> Pairs:
    """Headers that the definition sets. Raises CallRefused for those it may not set."""
    pairs: list[tuple[str, str]] = []
    for name, value in values.items():
        if value is None:
            continue
        text = text_of(name, value)
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(text):
            raise bad_argument(name, "is no HTTP header: a name, and a value in one line")
        if name.lower() in _RESERVED or name.lower().startswith("refold-"):
            raise bad_argument(name, "is a header that Refold sets itself; leave it out")
        pairs.append((name, text))
    return tuple(pairs)


def bad_argument(name: str, why: str) -> CallRefused:
    """The error for an argument that cannot be sent where it belongs."""
    return refused("http.bad_argument", f"Argument {name[:100]!r} {why}.")


def _parts(method: str, arguments: Any, in_url: set[str]) -> _Parts:
    if _is_grouped(arguments):
        return _Parts(
            arguments.get("path", {}),
            arguments.get("query", {}),
            arguments.get("headers", {}),
            arguments.get("body", msgspec.UNSET),
        )
    if isinstance(arguments, dict):
        path = {name: value for name, value in arguments.items() if name in in_url}
        rest = {name: value for name, value in arguments.items() if name not in in_url}
        if method in METHODS_WITHOUT_BODY:
            return _Parts(path, rest, {}, msgspec.UNSET)
        return _Parts(path, {}, {}, rest)
    if arguments is None:
        return _Parts({}, {}, {}, msgspec.UNSET)
    if method in METHODS_WITHOUT_BODY:
        raise refused("http.bad_argument", f"The arguments of {method} must be an object.")
    return _Parts({}, {}, {}, arguments)


def _is_grouped(arguments: Any) -> bool:
    return (
        isinstance(arguments, dict)
        and bool(arguments)
        and arguments.keys() <= _GROUPS
        and all(isinstance(arguments.get(name, {}), dict) for name in ("path", "query", "headers"))
    )


def _filled(template: str, values: Mapping[str, Any], *, is_authority: bool = False) -> str:
    def fill(match: re.Match[str]) -> str:
        name = match[1]
        if name not in values:
            raise refused(
                "http.missing_argument",
                f"The URL names {{{name[:100]}}}, which is not among the arguments; add it.",
            )
        if not is_authority and "?" not in template[: match.start()]:
            return path_text(name, values[name])
        text = text_of(name, values[name])
        if not is_authority:
            return quote(text, safe="")
        if not _AUTHORITY_VALUE.fullmatch(text):
            raise bad_argument(name, "is no part of a host name")
        return text

    return _PLACEHOLDER.sub(fill, template)
