"""A client's connection: what is no HTTP is answered as a problem, and logged in a line."""

import logging

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

from server.api.door.problem import ProblemRaised, problem_response

_log = logging.getLogger("refold.api.connection")
_LINE_EVERY_S = 10.0
_MAX_DETAIL_CHARS = 200


class _Sparing(logging.Filter):
    """One record in ten seconds: whoever sends rubbish does not fill the disk."""

    def __init__(self) -> None:
        super().__init__()
        self._told_at = 0.0

    def filter(self, record: logging.LogRecord) -> bool:
        if 0 <= record.created - self._told_at < _LINE_EVERY_S:
            return False
        self._told_at = record.created
        return True


_log.addFilter(_Sparing())


class Connection(RequestHandler):
    """aiohttp's, but for its answer to a message that its parser refuses."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """The problem `request.malformed`; the connection is closed after it. Raises
        ConnectionError where an answer has begun."""
        if not isinstance(exc, HttpProcessingError):
            return super().handle_error(request, status, exc, message)
        reason = _first_line(message or exc.message)
        _log.warning("not HTTP, from %s: %s", request.remote, reason)
        if request.writer.output_size > 0:
            raise ConnectionError("an answer has begun, no other can be sent")
        response = problem_response(ProblemRaised("request.malformed", reason))
        response.force_close()
        return response


def _first_line(text: str) -> str:
    """What the parser says, without the bytes that it shows after that."""
    first = next((line for line in text.splitlines() if line.strip()), "")
    return first.strip().rstrip(":")[:_MAX_DETAIL_CHARS] or "the parser refused it"
