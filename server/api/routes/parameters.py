"""Parameters that several routes have."""

from server.api.route import Header, Query

LIMIT = Query("limit", "How many at most.", kind="integer", minimum=1, maximum=1_000, default=100)
CURSOR = Query("cursor", "`next` of the page before.")
WAIT = Header("Prefer", "`wait=SECONDS`: answer when the execution has ended, or after so long.")
