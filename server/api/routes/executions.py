"""Routes that start, find and change executions."""

from schemas.api import answers, projections
from schemas.api.requests import CancelExecution, StartExecution
from server.api.door.route import JSON, NAMESPACE_PREFIX, Header, Query, Route, json_answer
from server.api.executions import callbacks, listing, single, starting
from server.api.routes.parameters import CURSOR, FILTERS, LIMIT, REASON, WAIT

EXECUTIONS: tuple[Route, ...] = (
    Route(
        "POST",
        f"{NAMESPACE_PREFIX}/executions",
        "startExecution",
        "Start an execution; with the same Idempotency-Key or name it is the same one.",
        starting.start,
        {
            200: json_answer("It was started before.", answers.Execution),
            201: json_answer("It is started, durably.", answers.Execution),
        },
        headers=(
            Header("Idempotency-Key", "1 to 255 printable characters of your choosing."),
            WAIT,
            REASON,
        ),
        body={JSON: StartExecution},
        problems=("not_found", "idempotency.mismatch"),
        time_limit_s=90.0,
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/executions",
        "listExecutions",
        "Executions, the newest first, as far as the projection has read.",
        listing.index,
        {200: json_answer("A page.", projections.ExecutionPage)},
        query=(LIMIT, CURSOR, *FILTERS),
        problems=("projection.building",),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/executions/count",
        "countExecutions",
        "How many executions there are, as far as the projection has read.",
        listing.count,
        {200: json_answer("The number, and that of each group.", projections.ExecutionCount)},
        query=(
            *FILTERS,
            Query(
                "by",
                "Count by these too.",
                choices=("workflow", "version", "status"),
                most=3,
            ),
        ),
        problems=("projection.building",),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/executions/{{execution}}",
        "getExecution",
        "An execution as it is now.",
        single.show,
        {200: json_answer("The execution.", answers.Execution)},
        headers=(WAIT,),
        problems=("not_found", "id.malformed"),
        time_limit_s=90.0,
    ),
    Route(
        "POST",
        f"{NAMESPACE_PREFIX}/executions/{{execution}}/cancel",
        "cancelExecution",
        "End an execution. Without a body there is no reason.",
        single.cancel,
        {202: json_answer("It will be cancelled.", answers.Accepted)},
        body={JSON: CancelExecution},
        problems=("not_found", "id.malformed", "execution.closed", "execution.imported"),
    ),
    Route(
        "POST",
        f"{NAMESPACE_PREFIX}/callbacks/{{token}}",
        "answerCallback",
        "Answer a callback state with any JSON value. The token is the capability: no key.",
        callbacks.answer,
        {202: json_answer("The answer is kept.", answers.Accepted)},
        key=False,
        headers=(REASON,),
        body={JSON: None},
        problems=(
            "callback.unknown",
            "callback.not_open",
            "execution.closed",
            "execution.imported",
        ),
    ),
)
