"""Errors of calls as facts of the log: codes, aliases and messages (docs/errors.md)."""

from typing import Any

from engine.ports.world import Failed
from schemas.events.parts import Error

MAX_MESSAGE_CHARS = 2_000

CONNECTION_ALIASES = ("connection", "http.connection", "unavailable")


class CallRefused(Exception):
    """A call that ends with this error; handlers turn it into a `Failed`."""

    def __init__(self, error: Error) -> None:
        super().__init__(error.message)
        self.error = error

    @property
    def answer(self) -> Failed:
        """The answer that carries the error."""
        return Failed(self.error)


def refused(code: str, message: str, *aliases: str, detail: Any = None) -> CallRefused:
    """An error with a message cut to what the log takes."""
    return CallRefused(Error(code, message[:MAX_MESSAGE_CHARS], aliases, detail=detail))


def connection_lost(message: str, *more_aliases: str) -> CallRefused:
    """The other side could not be reached, or went away before it had answered."""
    return refused("connection", message, *CONNECTION_ALIASES[1:], *more_aliases)


def too_large(what: str, limit_bytes: int) -> CallRefused:
    """Data beyond a limit. `what` begins the sentence."""
    return refused(
        "data.too_large",
        f"{what} is larger than {limit_bytes} bytes; store it elsewhere and pass its address.",
    )


def status_error(shown: str, status: int, reason: str, detail: Any) -> Error:
    """An HTTP answer other than 2xx. Its aliases name the status and its class."""
    family = f"{status // 100}xx"
    aliases = (str(status), f"http.{status}", family, f"http.{family}", "http")
    message = f"{shown} answered {status} {reason}".rstrip() + "."
    return Error("http.status", message[:MAX_MESSAGE_CHARS], aliases, status=status, detail=detail)
