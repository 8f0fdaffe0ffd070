"""Routes that fork many executions at once."""

from schemas.api.bulk import BulkFork, BulkLine, BulkRedrive
from server.api.door.route import JSON, NAMESPACE_PREFIX, Answer, Header, Route
from server.api.forks import bulk

_KEY = Header(
    "Idempotency-Key",
    "1 to 255 printable characters of your choosing: the same key goes on where it broke off.",
)
_ANSWERS = {
    200: Answer(
        "The batch and its count, progress, then what became of it: a line each.",
        {bulk.NDJSON: BulkLine},
    )
}
_PROBLEMS = (
    "body.invalid", "bulk.too_many", "idempotency.mismatch", "patch.malformed", "patch.too_large",
    "projection.building", "streams.too_many",
)  # fmt: skip

BULK: tuple[Route, ...] = (
    Route(
        "POST",
        f"{NAMESPACE_PREFIX}/executions/fork",
        "forkExecutions",
        "Fork every execution that a filter names; or count them and say what would happen.",
        bulk.fork,
        _ANSWERS,
        headers=(_KEY,),
        body={JSON: BulkFork},
        problems=_PROBLEMS,
        time_limit_s=None,
    ),
    Route(
        "POST",
        f"{NAMESPACE_PREFIX}/executions/redrive",
        "redriveExecutions",
        "Try every execution that failed, and that a filter names, again from where it did.",
        bulk.redrive,
        _ANSWERS,
        headers=(_KEY,),
        body={JSON: BulkRedrive},
        problems=_PROBLEMS,
        time_limit_s=None,
    ),
)
