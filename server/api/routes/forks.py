"""Routes that begin an execution with a part of another one's history."""

from schemas.api.forks import Fork, ForkAnswer, Redrive
from server.api.door.route import JSON, NAMESPACE_PREFIX, Header, Route, json_answer
from server.api.forks import single
from server.api.routes.parameters import WAIT

_KEY = Header("Idempotency-Key", "1 to 255 printable characters of your choosing.")
_ANSWERS = {
    200: json_answer("A dry run, or it was forked before.", ForkAnswer),
    201: json_answer("It is accepted, durably, and noted in the source's log.", ForkAnswer),
}
_PROBLEMS = (
    "not_found", "id.malformed", "idempotency.mismatch", "execution.not_started", "fork.invalid",
    "fork.not_here", "fork.too_long", "fork.incompatible", "patch.malformed", "patch.no_target",
    "patch.test_failed", "patch.too_large", "execution.erased",
)  # fmt: skip

FORKS: tuple[Route, ...] = (
    Route(
        "POST",
        f"{NAMESPACE_PREFIX}/executions/{{execution}}/fork",
        "forkExecution",
        "Begin a new execution with the first events of this one; from there it goes its own way.",
        single.fork,
        _ANSWERS,
        headers=(_KEY, WAIT),
        body={JSON: Fork},
        problems=_PROBLEMS,
        time_limit_s=90.0,
    ),
    Route(
        "POST",
        f"{NAMESPACE_PREFIX}/executions/{{execution}}/redrive",
        "redriveExecution",
        "Try an execution that failed again from there: a fork whose actions are called.",
        single.redrive,
        _ANSWERS,
        headers=(_KEY, WAIT),
        body={JSON: Redrive},
        problems=(*_PROBLEMS, "execution.not_failed", "execution.redriven"),
        time_limit_s=90.0,
    ),
)
