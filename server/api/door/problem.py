"""RFC 9457 problems: raised by handlers, answered by the gate."""

from collections.abc import Mapping, Sequence

from aiohttp import web

from engine.model.cloudevents import CloudEventFault
from engine.model.errors import RefoldError
from schemas.api.answers import FaultPlace, Problem
from server.api.door.catalogue import PROBLEMS

RETRY_AFTER_S = 2


class ProblemRaised(Exception):
    """Answer with the problem of this code; `detail` says what is wrong with this very request."""

    def __init__(
        self,
        code: str,
        detail: str,
        errors: Sequence[FaultPlace] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.errors = list(errors)
        self.headers = dict(headers or {})


def problem_response(problem: ProblemRaised) -> web.Response:
    """The answer: application/problem+json."""
    kind = PROBLEMS[problem.code]
    body = Problem(
        type=f"/errors/{problem.code}",
        title=kind.title,
        status=kind.status,
        detail=problem.detail,
        code=problem.code,
        retryable=kind.retryable,
        errors=problem.errors,
    )
    headers = dict(problem.headers)
    if kind.status == 401:
        headers["WWW-Authenticate"] = 'Bearer realm="refold"'
    if kind.status in (429, 503):
        headers.setdefault("Retry-After", str(RETRY_AFTER_S))
    return web.Response(
        status=kind.status,
        body=body.model_dump_json(exclude_none=True).encode("utf-8", "backslashreplace"),
        content_type="application/problem+json",
        headers=headers,
    )


def problem_of(error: RefoldError) -> ProblemRaised:
    """The problem for an error of the engine."""
    code = error.code if error.code in PROBLEMS else "unavailable"
    return ProblemRaised(code, error.message)


def problem_of_fault(fault: CloudEventFault) -> ProblemRaised:
    """The problem for a message that is not a CloudEvent that we take."""
    code = {
        "cloudevent.unsupported_content_type": "body.media_type",
        "cloudevent.unsupported_content_encoding": "body.encoded",
        "cloudevent.too_large": "body.too_large",
    }.get(fault.code, "cloudevent.malformed")
    return ProblemRaised(code, fault.message, [place_of_fault(fault)])


def place_of_fault(fault: CloudEventFault) -> FaultPlace:
    """The fault with its place."""
    return FaultPlace(detail=fault.message, code=fault.code, pointer=fault.pointer)
