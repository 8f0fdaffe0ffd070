"""Routes that say why something did not happen."""

from schemas.api import why as answers
from server.api.door.route import NAMESPACE_PREFIX, Route, json_answer
from server.api.reasons import why

WHY: tuple[Route, ...] = (
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/executions/{{execution}}/why",
        "explainExecution",
        "What an execution waits for, what would unblock it, and the CloudEvents that came nearest"
        " without matching, with the first predicate that each failed.",
        why.show,
        {200: json_answer("Every reason why it does not move.", answers.Why)},
        problems=("not_found", "id.malformed"),
    ),
)
