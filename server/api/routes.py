"""The table of all routes: the server is made of it, and so is the OpenAPI document."""

from schemas.api import answers
from schemas.api.requests import ApplyDefinition, CancelExecution, StartExecution
from server.api import (
    callbacks,
    definitions,
    events,
    executions,
    history,
    replaying,
    scopes,
    starting,
    system,
    verifying,
)
from server.api.route import JSON, NAMESPACE_PREFIX, Answer, Header, Query, Route, json_answer

_LIMIT = Query("limit", "How many at most.", kind="integer", minimum=1, maximum=1_000, default=100)
_CURSOR = Query("cursor", "`next` of the page before.")
_STATUSES = (
    "running",
    "waiting",
    "suspended",
    "completed",
    "failed",
    "cancelled",
    "timed_out",
)
_WAIT = Header("Prefer", "`wait=SECONDS`: answer when the execution has ended, or after so long.")
_DEFINITION_BODIES = {
    "application/yaml": None,
    JSON: None,
    definitions.ENVELOPE: ApplyDefinition,
}

DEFINITIONS = (
    Route(
        "POST",
        f"{NAMESPACE_PREFIX}/definitions",
        "applyDefinition",
        "Check a definition, store this version for ever and activate it.",
        definitions.apply,
        {
            200: json_answer("This very version was active already.", answers.AppliedDefinition),
            201: json_answer("Stored and activated.", answers.AppliedDefinition),
        },
        body=_DEFINITION_BODIES,
        problems=("definition.invalid", "conflict"),
    ),
    Route(
        "POST",
        f"{NAMESPACE_PREFIX}/definitions/validate",
        "validateDefinition",
        "Check a definition and store nothing.",
        definitions.validate,
        {200: json_answer("What was found.", answers.Validation)},
        body=_DEFINITION_BODIES,
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/definitions",
        "listDefinitions",
        "All definition versions.",
        definitions.index,
        {200: json_answer("A page.", answers.DefinitionPage)},
        query=(_LIMIT, _CURSOR),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/definitions/{{workflow}}",
        "getDefinition",
        "The active version of a definition, with its text.",
        definitions.show,
        {200: json_answer("The version.", answers.DefinitionSource)},
        problems=("not_found",),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/definitions/{{workflow}}/graph",
        "drawDefinition",
        "The active version as a Mermaid flowchart.",
        definitions.graph,
        {200: Answer("The flowchart.", {"text/vnd.mermaid": None})},
        problems=("not_found",),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/definitions/{{workflow}}/{{version}}",
        "getDefinitionVersion",
        "One version of a definition, with its text.",
        definitions.show,
        {200: json_answer("The version.", answers.DefinitionSource)},
        problems=("not_found",),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/definitions/{{workflow}}/{{version}}/graph",
        "drawDefinitionVersion",
        "One version as a Mermaid flowchart.",
        definitions.graph,
        {200: Answer("The flowchart.", {"text/vnd.mermaid": None})},
        problems=("not_found",),
    ),
)

EVENTS = (
    Route(
        "POST",
        f"{NAMESPACE_PREFIX}/events",
        "publishEvents",
        "Publish CloudEvents in binary (`ce-` headers), structured or batch mode; durable once"
        " answered.",
        events.publish,
        {202: json_answer("Stored, or stored before.", answers.Receipts)},
        body={
            "application/cloudevents+json": None,
            "application/cloudevents-batch+json": None,
            "*/*": None,
        },
        problems=("cloudevent.malformed", "cloudevent.conflict"),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/events",
        "listEvents",
        "The namespace's stream of CloudEvents, oldest first.",
        events.index,
        {200: json_answer("A page.", answers.StoredEventPage)},
        query=(_LIMIT, _CURSOR, Query("type", "Only CloudEvents of this type.")),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/events/dead-letters",
        "listDeadLetters",
        "Messages from NATS that could not be read as CloudEvents.",
        events.dead_letters,
        {200: json_answer("A page.", answers.DeadLetterPage)},
        query=(_LIMIT, _CURSOR),
    ),
)

EXECUTIONS = (
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
            _WAIT,
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
        executions.index,
        {200: json_answer("A page.", answers.ExecutionPage)},
        query=(
            _LIMIT,
            _CURSOR,
            Query("workflow", "Only of this workflow."),
            Query("version", "Only of this version."),
            Query("status", "Only with this status.", choices=_STATUSES),
            Query("started_after", "Only started at this time or later.", kind="time"),
            Query("started_before", "Only started before this time.", kind="time"),
        ),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/executions/{{execution}}",
        "getExecution",
        "An execution as it is now.",
        executions.show,
        {200: json_answer("The execution.", answers.Execution)},
        headers=(_WAIT,),
        problems=("not_found", "id.malformed"),
        time_limit_s=90.0,
    ),
    Route(
        "POST",
        f"{NAMESPACE_PREFIX}/executions/{{execution}}/cancel",
        "cancelExecution",
        "End an execution. Without a body there is no reason.",
        executions.cancel,
        {202: json_answer("It will be cancelled.", answers.Accepted)},
        body={JSON: CancelExecution},
        problems=("not_found", "id.malformed", "execution.closed"),
    ),
    Route(
        "POST",
        f"{NAMESPACE_PREFIX}/callbacks/{{token}}",
        "answerCallback",
        "Answer a callback state with any JSON value. The token is the capability: no key.",
        callbacks.answer,
        {202: json_answer("The answer is kept.", answers.Accepted)},
        key=False,
        body={JSON: None},
        problems=("callback.unknown", "callback.not_open", "execution.closed"),
    ),
)

HISTORY = (
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/executions/{{execution}}/events",
        "listExecutionEvents",
        "The log of an execution: a page (JSON), all of it (NDJSON) or live (SSE).",
        history.events,
        {
            200: Answer(
                "Events in order of seq.",
                {JSON: answers.LogPage, history.NDJSON: None, history.SSE: None},
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
        f"{NAMESPACE_PREFIX}/executions/{{execution}}/history",
        "getHistory",
        "Its states, branches, iterations and attempts, as far as the projection has read.",
        scopes.history,
        {200: json_answer("What was entered and left when.", answers.History)},
        problems=("not_found", "id.malformed"),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/executions/{{execution}}/state",
        "getPastState",
        "The state that the events up to one of them fold into.",
        history.state_at,
        {200: json_answer("The state.", answers.PastState)},
        query=(Query("at", "The seq of an event (0: before the first) or an RFC 3339 time."),),
        problems=("not_found", "id.malformed"),
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

SYSTEM = (
    Route(
        "GET",
        "/healthz",
        "getHealth",
        "Whether the server answers.",
        system.healthz,
        {200: json_answer("It does.", answers.Health)},
        key=False,
    ),
    Route(
        "GET",
        "/readyz",
        "getReadiness",
        "Whether the services it depends on answer too.",
        system.readyz,
        {
            200: json_answer("They do.", answers.Health),
            503: json_answer("One of them does not.", answers.Health),
        },
        key=False,
    ),
    Route(
        "GET",
        "/metrics",
        "getMetrics",
        "Numbers for Prometheus.",
        system.metrics,
        {200: Answer("The text form of Prometheus.", {"text/plain": None})},
    ),
    Route(
        "GET",
        "/openapi.json",
        "getOpenApi",
        "This document.",
        system.openapi,
        {200: Answer("OpenAPI 3.1.", {JSON: None})},
        key=False,
    ),
    Route(
        "GET",
        "/errors/{code}",
        "getProblemPage",
        "What a problem means and what to do about it.",
        system.problem_page,
        {200: Answer("A page.", {"text/html": None})},
        key=False,
        problems=("not_found",),
    ),
)

ROUTES: tuple[Route, ...] = (*DEFINITIONS, *EVENTS, *EXECUTIONS, *HISTORY, *SYSTEM)
