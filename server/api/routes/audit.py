"""Routes of the audit: who did what, heads, exports, verification."""

from schemas.api import audit as answers
from server.api.door.route import JSON, NAMESPACE_PREFIX, Answer, Query, Route, json_answer
from server.api.proof import audit, heads
from server.api.routes.parameters import CURSOR, LIMIT, REASON

_FILTERS = (
    Query("actor", "Only what this actor did, as `key:NAME`."),
    Query("action", "Only this action, or with a dot at the end all of a noun (`definition.`)."),
    Query("target", "Only what was done to this."),
    Query("since", "Only at this time or later.", kind="time"),
    Query("until", "Only at this time or before.", kind="time"),
    LIMIT,
    CURSOR,
)

AUDIT: tuple[Route, ...] = (
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/audit",
        "listDeeds",
        "Who did what in the namespace, from where and why, newest first.",
        audit.index,
        {200: json_answer("A page.", answers.DeedPage)},
        query=(
            *_FILTERS,
            Query(
                "kind",
                "Only commands that executions obeyed, entries of the audit stream, or CloudEvents"
                " that were published.",
                choices=("command", "entry", "event"),
            ),
        ),
        problems=("projection.building",),
    ),
    Route(
        "GET",
        "/v1/audit",
        "listInstallationDeeds",
        "Who did what to the whole installation, newest first.",
        audit.of_installation,
        {200: json_answer("A page.", answers.DeedPage)},
        query=_FILTERS,
    ),
    Route(
        "GET",
        "/v1/audit/head",
        "getHead",
        "The heads of all shards and audit streams, to be kept elsewhere.",
        heads.head,
        {200: json_answer("The heads, and one hash over them.", answers.Head)},
    ),
    Route(
        "GET",
        "/v1/audit/export",
        "exportLog",
        "The log of the installation up to the heads of now (docs/export-format.md).",
        heads.export,
        {200: Answer("A record a line.", {heads.NDJSON: None})},
        query=(Query("namespace", "Only the events of this namespace."),),
        headers=(REASON,),
        problems=("namespace.malformed", "streams.too_many"),
        time_limit_s=None,
    ),
    Route(
        "POST",
        "/v1/audit/verify",
        "verifyLog",
        "Recompute every chain of the installation, and compare with a head that was kept.",
        heads.verify,
        {200: Answer("Progress and faults, then the outcome.", {heads.NDJSON: answers.ProofLine})},
        body={JSON: answers.Head},
        problems=("body.invalid", "streams.too_many"),
        time_limit_s=None,
    ),
)
