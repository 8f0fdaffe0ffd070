"""Exit codes, and the error that ends a command with one of them."""

OK = 0
ERROR = 1
USAGE = 2
NOT_FOUND = 3
CONFLICT = 4
AUTH = 5
EXECUTION_FAILED = 6
VERIFICATION_FAILED = 7
IMPACT_FOUND = 8
TIMEOUT = 124

MEANINGS = {
    OK: "ok",
    ERROR: "error",
    USAGE: "wrong usage of the command",
    NOT_FOUND: "not found",
    CONFLICT: "conflict: it exists with other content, or has ended",
    AUTH: "an API key is needed, or not accepted",
    EXECUTION_FAILED: "the execution failed, was cancelled or timed out",
    VERIFICATION_FAILED: "verification or replay found a difference",
    IMPACT_FOUND: "impact found: a new version changes recorded executions",
    TIMEOUT: "the time given was not enough",
}


class CommandFault(Exception):
    """End the command: print the message (and the lines below it) and exit with the code."""

    def __init__(
        self, message: str, exit_code: int = ERROR, lines: list[str] | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.exit_code = exit_code
        self.lines = lines or []


ENDED = ("completed", "failed", "cancelled", "timed_out")
"""Statuses of an execution that never change again."""


def exit_code_of_status(status: str) -> int:
    """The exit code of a command that looked at an execution until its end."""
    return EXECUTION_FAILED if status in ENDED and status != "completed" else OK


def exit_code_of(status: int, code: str) -> int:
    """The exit code for a problem of the API."""
    if code == "idempotency.mismatch":
        return CONFLICT
    if code == "bundle.redacts_nothing":
        return USAGE
    return {401: AUTH, 403: AUTH, 404: NOT_FOUND, 409: CONFLICT, 412: CONFLICT}.get(status, ERROR)
