"""Routes that ask what was at any point of an execution."""

from schemas.api import answers
from server.api import past
from server.api.route import NAMESPACE_PREFIX, Answer, Header, Query, Route, json_answer

_UNCHANGED = Answer("You have it: the past does not change.", {})
_IF_NONE_MATCH = Header("If-None-Match", "The ETag of an earlier answer, for 304 instead of it.")

TIMETRAVEL: tuple[Route, ...] = (
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/executions/{{execution}}/state",
        "getPastState",
        "The state that the events up to one of them fold into.",
        past.state_at,
        {200: json_answer("The state.", answers.PastState), 304: _UNCHANGED},
        query=(Query("at", "The seq of an event (0: before the first) or an RFC 3339 time."),),
        headers=(_IF_NONE_MATCH,),
        problems=("not_found", "id.malformed"),
    ),
)
