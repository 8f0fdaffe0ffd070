"""Parameters that several routes have."""

from server.api.door.route import Header, Query

LIMIT = Query("limit", "How many at most.", kind="integer", minimum=1, maximum=1_000, default=100)
CURSOR = Query("cursor", "`next` of the page before.")
REASON = Header(
    "Refold-Reason", "Why, percent-encoded UTF-8; it is kept in the log (docs/audit.md)."
)
WAIT = Header("Prefer", "`wait=SECONDS`: answer when the execution has ended, or after so long.")

STATUSES = (
    "running",
    "waiting",
    "suspended",
    "completed",
    "failed",
    "cancelled",
    "timed_out",
)

FILTERS = (
    Query("workflow", "Only of this workflow."),
    Query("version", "Only of this version."),
    Query("status", "Only with this status.", choices=STATUSES),
    Query("error", "Only failed with this error (its code)."),
    Query("forked_from", "Only forks of this execution."),
    Query("forks", "Only forks, or no forks.", choices=("only", "none")),
    Query("batch", "Only made by this bulk fork: `ba_...`."),
    Query("started_after", "Only started at this time or later.", kind="time"),
    Query("started_before", "Only started before this time.", kind="time"),
    Query("label", "`NAME=VALUE`: only with this label. Several: with all of them.", most=10),
    Query(
        "where",
        "`PATH=VALUE`: only with this value in their input or output, as `input.customer.id=42` or"
        " `output.items[].sku=A-1`. Several: with all of them. See docs/projections.md.",
        most=10,
    ),
)
"""Which executions: read by `server.api.executions.listing.execution_filter`."""
