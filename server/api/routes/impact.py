"""The route of impact reports."""

from schemas.api.impact import ImpactLine
from schemas.api.requests import ApplyDefinition
from server.api.definitions import impact, versions
from server.api.door.route import JSON, NAMESPACE_PREFIX, Answer, Query, Route

IMPACT: tuple[Route, ...] = (
    Route(
        "POST",
        f"{NAMESPACE_PREFIX}/definitions/impact",
        "reportImpact",
        "Try a definition on recorded executions and store nothing: what would it change?",
        impact.report,
        {200: Answer("Progress, then the report: a line each.", {impact.NDJSON: ImpactLine})},
        body={
            "application/yaml": None,
            JSON: None,
            versions.ENVELOPE: ApplyDefinition,
        },
        query=(
            Query("workflow", "Executions of this workflow; the definition's own unless given."),
            Query("version", "Only those of this version. Several: of any of them.", most=50),
            Query(
                "status", "Only those with this status. Several: with any of them.",
                choices=impact.STATUSES, most=len(impact.STATUSES),
            ),
            Query("started_after", "Only those started at this time or later.", kind="time"),
            Query("started_before", "Only those started before this time.", kind="time"),
            Query(
                "limit", "The newest so many of those that workflow, version and time name.",
                kind="integer", minimum=1, maximum=impact.MAX_EXECUTIONS,
                default=impact.DEFAULT_EXECUTIONS,
            ),
        ),
        problems=("definition.invalid", "impact.busy"),
        time_limit_s=None,
    ),
)  # fmt: skip
