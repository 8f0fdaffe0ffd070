"""Routes that read what was."""

from schemas.api import answers
from server.api.door.route import JSON, NAMESPACE_PREFIX, Answer, Header, Query, Route, json_answer
from server.api.live import log
from server.api.past import replaying
from server.api.proof import verifying

HISTORY: tuple[Route, ...] = (
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/executions/{{execution}}/events",
        "listExecutionEvents",
        "The log of an execution: a page (JSON), all of it (NDJSON) or live (SSE).",
        log.events,
        {
            200: Answer(
                "Events in order of seq.",
                {JSON: answers.LogPage, log.NDJSON: None, log.SSE: None},
            )
        },
        query=(
            Query(
                "limit",
                "How many at most.",
                kind="integer",
                minimum=1,
                maximum=10_000,
                default=1_000,
            ),
            Query(
                "after",
                "Only events with a larger seq.",
                kind="integer",
                maximum=2**31 - 1,
                default=0,
            ),
        ),
        headers=(Header("Last-Event-ID", "SSE: go on behind the event with this seq."),),
        problems=("not_found", "id.malformed", "streams.too_many"),
        time_limit_s=None,
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/executions/{{execution}}/replay",
        "replayExecution",
        "Fold the log again from its first event and compare with the live state.",
        replaying.replay,
        {200: json_answer("Every step, and whether the ends are equal.", answers.Replay)},
        problems=("not_found", "id.malformed"),
        time_limit_s=120.0,
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/executions/{{execution}}/verify",
        "verifyExecution",
        "Recompute the execution's chain and its shard's commits.",
        verifying.verify,
        {200: json_answer("Whether it is intact, else the first fault.", answers.Verification)},
        query=(
            Query(
                "head",
                "A head kept elsewhere: `SHARD.COMMIT_NO.HASH[.SEQ.EVENT_HASH]` of an earlier"
                " answer's `head`.",
            ),
        ),
        problems=("not_found", "id.malformed"),
        time_limit_s=300.0,
    ),
)
