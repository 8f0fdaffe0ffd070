"""Routes that ask what was at any point of an execution."""

from schemas.api import answers, timetravel
from server.api.door.route import NAMESPACE_PREFIX, Answer, Header, Query, Route, json_answer
from server.api.past import blame, diff, moments

_UNCHANGED = Answer("You have it: the past does not change.", {})
_IF_NONE_MATCH = Header("If-None-Match", "The ETag of an earlier answer, for 304 instead of it.")

_POINT = "the seq of an event (0: before the first) or an RFC 3339 time; now without it."

TIMETRAVEL: tuple[Route, ...] = (
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/executions/{{execution}}/state",
        "getPastState",
        "The state that the events up to one of them fold into.",
        moments.state_at,
        {200: json_answer("The state.", answers.PastState), 304: _UNCHANGED},
        query=(Query("at", "The seq of an event (0: before the first) or an RFC 3339 time."),),
        headers=(_IF_NONE_MATCH,),
        problems=("not_found", "id.malformed"),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/executions/{{execution}}/diff",
        "diffStates",
        "What differs between two points of an execution, or of it and another one.",
        diff.difference,
        {200: json_answer("The differences.", timetravel.Difference), 304: _UNCHANGED},
        query=(
            Query("from", f"The first point: {_POINT}"),
            Query("to", f"The second point: {_POINT}"),
            Query("other", "The execution that `to` is a point of; the same without it."),
            Query("of", "What of the states is compared; data without it.", choices=diff.PARTS),
        ),
        headers=(_IF_NONE_MATCH,),
        problems=("not_found", "id.malformed"),
        time_limit_s=120.0,
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/executions/{{execution}}/blame",
        "blameValue",
        "Which event, state, action and expression wrote a value, back to where it came from.",
        blame.blame,
        {200: json_answer("Who wrote it.", timetravel.Blame), 304: _UNCHANGED},
        query=(
            Query(
                "path",
                "The value: `.order.items[0]`, `$.order`, or a JSON pointer; all without it.",
                max_length=4_096,
            ),
            Query("at", f"When: {_POINT}"),
            Query(
                "frame",
                "The seq of the event that opened the scope whose data is meant; without it and"
                " `state` the data of the state that is open in the main flow, at last the output.",
                kind="integer",
                maximum=2**31 - 1,
            ),
            Query("state", "The name of an open state whose data is meant."),
            Query("all", "List every scalar below the path.", choices=("true", "false")),
            Query(
                "depth",
                "Steps back from a computed value to what it was made of.",
                kind="integer",
                maximum=20,
                default=blame.DEPTH,
            ),
        ),
        headers=(_IF_NONE_MATCH,),
        problems=("not_found", "id.malformed", "path.malformed"),
        time_limit_s=300.0,
    ),
)
