"""From an HTTP response to the answer of an action."""

import base64
import zlib
from collections.abc import Mapping
from typing import Any

from aiohttp import ClientResponse

from engine.adapters.handlers.http_request import HttpRequest
from engine.adapters.handlers.json_result import MAX_RESULT_BYTES, read_result
from engine.adapters.handlers.refusal import (
    CallRefused,
    connection_lost,
    refused,
    status_error,
    too_large,
)
from engine.model.cloudevents.media_type import parse_media_type
from engine.ports.world import Answered, Failed

ACCEPT_ENCODING = "gzip, deflate"
_MAX_DETAIL_BYTES = 4_096


class _Inflater:
    """Undoes gzip or deflate, never giving out more than asked for."""

    def __init__(self, wbits: int) -> None:
        self._wbits = wbits
        self._stream = zlib.decompressobj(wbits)

    def inflate(self, chunk: bytes, room: int) -> bytes:
        out = bytearray()
        while chunk and len(out) < room:
            if self._stream.eof:
                self._stream = zlib.decompressobj(self._wbits)
            out += self._stream.decompress(chunk, room - len(out))
            chunk = self._stream.unused_data if self._stream.eof else b""
        return bytes(out)

    @property
    def is_complete(self) -> bool:
        return self._stream.eof


async def read_body(response: ClientResponse, shown: str) -> bytes:
    """The body, decoded, at most MAX_RESULT_BYTES. Raises CallRefused. A compressed body is undone
    only so far: a small one that grows without end is stopped at the limit."""
    inflater = _inflater(response.headers.get("Content-Encoding", ""), shown)
    body, read = bytearray(), 0
    async for chunk in response.content.iter_any():
        read += len(chunk)
        try:
            room = MAX_RESULT_BYTES + 1 - len(body)
            body += chunk if inflater is None else inflater.inflate(chunk, room)
        except zlib.error:
            raise refused("http.bad_encoding", f"{shown} sent a broken compressed body.") from None
        if len(body) > MAX_RESULT_BYTES or read > MAX_RESULT_BYTES:
            raise too_large(f"The answer of {shown}", MAX_RESULT_BYTES)
    if inflater is not None and read and not inflater.is_complete:
        raise connection_lost(f"{shown} broke off in the middle of its answer.")
    return bytes(body)


def _inflater(encoding: str, shown: str) -> _Inflater | None:
    name = encoding.strip().lower()
    if name in ("", "identity"):
        return None
    if name in ("gzip", "x-gzip"):
        return _Inflater(31)
    if name == "deflate":
        return _Inflater(15)
    raise refused(
        "http.bad_encoding",
        f"{shown} answered in the encoding {name[:40]!r}, which was not asked for.",
    )


def answer_of(
    request: HttpRequest, status: int, reason: str, headers: Mapping[str, str], body: bytes
) -> Answered | Failed:
    """2xx: the value of the body. Anything else: an error with the status and the body's start."""
    content_type = headers.get("Content-Type", "")
    if 200 <= status < 300:
        try:
            return Answered(_value(request.shown, content_type, body))
        except CallRefused as refusal:
            return refusal.answer
    detail: dict[str, Any] = {"body": _detail(request.shown, content_type, body)}
    if "Retry-After" in headers:
        detail["retryAfter"] = headers["Retry-After"][:100]
    return Failed(status_error(request.shown, status, reason, detail))


def _value(shown: str, content_type: str, body: bytes) -> Any:
    """JSON as its value, text as a string, other bytes as base64, nothing as null."""
    if not body:
        return None
    media = parse_media_type(content_type)
    if media is not None and media.is_json:
        return read_result(body, shown, "http.bad_json")
    codec = None if media is None else media.codec
    try:
        return body.decode(codec or "utf-8")
    except UnicodeDecodeError:
        return base64.b64encode(body).decode("ascii")


def _detail(shown: str, content_type: str, body: bytes) -> Any:
    if len(body) <= _MAX_DETAIL_BYTES:
        try:
            return _value(shown, content_type, body)
        except CallRefused:
            pass
    return body[:_MAX_DETAIL_BYTES].decode("utf-8", "replace")
