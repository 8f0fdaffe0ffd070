"""Routes of bundles: an execution as a file, and back."""

from schemas.api.bundles import ImportAnswer
from server.api.bundles import gathering, imports
from server.api.door.route import NAMESPACE_PREFIX, Answer, Header, Query, Route, json_answer
from server.bundles.layout import MAX_REDACTIONS

_FLAGS = ("true", "false")

BUNDLES: tuple[Route, ...] = (
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/executions/{{execution}}/bundle",
        "exportExecution",
        "The execution in one file: log, definition, proof (docs/bundles.md).",
        gathering.show,
        {200: Answer("A ZIP file.", {gathering.MEDIA_TYPE: None})},
        query=(
            Query(
                "redact",
                "A JSON pointer: what stands there in the execution's data is left out.",
                most=MAX_REDACTIONS,
            ),
            Query(
                "elsewhere",
                "`false`: what is redacted is left out at its place alone, not wherever the same"
                " value stands.",
                choices=_FLAGS,
            ),
            Query(
                "secrets",
                "`false`: what functions printed, and values of secrets that services told, are"
                " not left out.",
                choices=_FLAGS,
            ),
            Query("definition", "`false`: without the definition.", choices=_FLAGS),
        ),
        headers=(Header("Refold-Reason", "Why, percent-encoded; it is kept in the audit."),),
        problems=(
            "not_found", "id.malformed", "execution.not_started", "bundle.not_possible",
            "bundle.redacts_nothing", "key.missing", "streams.too_many",
        ),
        time_limit_s=None,
    ),
    Route(
        "POST",
        f"{NAMESPACE_PREFIX}/imports",
        "importExecution",
        "Bring in an execution of another installation; it never runs here, its forks do.",
        imports.accept,
        {
            200: json_answer("The same file came before: the execution of then.", ImportAnswer),
            201: json_answer("It is accepted, durably.", ImportAnswer),
        },
        headers=(
            Header("Refold-Reason", "Why, percent-encoded; it is kept in the log."),
            Header("Prefer", "`wait=SECONDS`: answer when its log is complete, or after so long."),
        ),
        body=dict.fromkeys(imports.MEDIA_TYPES),
        problems=(
            "bundle.malformed", "bundle.not_intact", "bundle.too_large", "import.not_possible",
            "key.missing", "streams.too_many",
        ),
        time_limit_s=None,
    ),
)  # fmt: skip
