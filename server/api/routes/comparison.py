"""Routes that compare executions."""

from schemas.api.comparison import Comparison
from server.api.door.route import NAMESPACE_PREFIX, Query, Route, json_answer
from server.api.past import comparing

COMPARISON: tuple[Route, ...] = (
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/executions/{{execution}}/compare",
        "compareExecutions",
        "Two executions side by side, with the first place where they differ.",
        comparing.compare,
        {200: json_answer("What lies side by side.", Comparison)},
        query=(Query("with", "The other execution: ex_..."),),
        problems=("not_found", "id.malformed"),
        time_limit_s=60.0,
    ),
)
