"""Routes that answer from the read tables: history, timeline, lineage, waits, statistics."""

from schemas.api import projections
from server.api import progress
from server.api.definitions import statistics
from server.api.door.route import NAMESPACE_PREFIX, Query, Route, json_answer
from server.api.events import lineage
from server.api.executions import history, timeline, waits
from server.api.routes.parameters import CURSOR, LIMIT

_EXECUTION = f"{NAMESPACE_PREFIX}/executions/{{execution}}"
_AFTER = Query(
    "after",
    "Only what was opened behind the event with this seq; `next` of the page before.",
    kind="integer",
    maximum=2**31 - 1,
    default=0,
)
_DEPTH = Query(
    "depth",
    "How many steps away from the execution at most.",
    kind="integer",
    minimum=1,
    maximum=10,
    default=3,
)
_PROBLEMS = ("not_found", "id.malformed", "projection.building")

PROJECTIONS: tuple[Route, ...] = (
    Route(
        "GET",
        f"{_EXECUTION}/history",
        "getHistory",
        "Its states, branches, iterations and attempts with their data, as far as the projection"
        " has read.",
        history.history,
        {200: json_answer("What was entered and left when.", projections.History)},
        query=(
            LIMIT,
            _AFTER,
            Query(
                "data",
                "So many bytes of each input and output are shown at most; larger ones are left"
                " out and named in `cut`. 0: none is shown.",
                kind="integer",
                maximum=65_536,
                default=2_048,
            ),
        ),
        problems=_PROBLEMS,
        time_limit_s=60.0,
    ),
    Route(
        "GET",
        f"{_EXECUTION}/timeline",
        "getTimeline",
        "A bar for everything that took time, as far as the projection has read.",
        timeline.timeline,
        {200: json_answer("The bars.", projections.Timeline)},
        query=(LIMIT, _AFTER),
        problems=_PROBLEMS,
    ),
    Route(
        "GET",
        f"{_EXECUTION}/lineage",
        "getExecutionLineage",
        "The CloudEvents that an execution took and emitted, and the executions at their other"
        " ends.",
        lineage.of_execution,
        {200: json_answer("Where it came from, what came of it.", projections.ExecutionLineage)},
        query=(_DEPTH,),
        problems=_PROBLEMS,
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/events/{{position}}/lineage",
        "getEventLineage",
        "Which execution emitted a CloudEvent, which ones it started or resumed.",
        lineage.of_event,
        {200: json_answer("Where it came from, what it did.", projections.EventLineage)},
        query=(LIMIT, CURSOR),
        problems=("not_found", "projection.building"),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/waits",
        "listOpenWaits",
        "Open timers, waits for CloudEvents and callbacks, as far as the projection has read.",
        waits.index,
        {200: json_answer("A page.", projections.OpenWaitPage)},
        query=(
            LIMIT,
            CURSOR,
            Query("kind", "Only of this kind.", choices=("timer", "event", "callback")),
            Query("workflow", "Only in executions of this workflow."),
            Query("type", "Only for CloudEvents of this type."),
            Query("due_before", "Only due, or timed out, before this time.", kind="time"),
        ),
        problems=("projection.building",),
    ),
    Route(
        "GET",
        f"{NAMESPACE_PREFIX}/definitions/{{workflow}}/statistics",
        "getStatistics",
        "How often the states of a workflow were entered, failed and were tried again, and how"
        " long they took, for each version.",
        statistics.show,
        {200: json_answer("Counts and percentiles.", projections.WorkflowStatistics)},
        query=(
            Query("version", "Only of this version."),
            Query("since", "Only executions started at this time or later.", kind="time"),
            Query("until", "Only executions started before this time.", kind="time"),
        ),
        problems=("not_found", "projection.building"),
    ),
    Route(
        "GET",
        "/projections",
        "getProjections",
        "How far the read tables are behind the log, for all namespaces together.",
        progress.show,
        {200: json_answer("Events and seconds behind, and rows.", projections.ProjectionState)},
        problems=("projection.building",),
    ),
)
