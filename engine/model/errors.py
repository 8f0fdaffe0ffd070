"""Exceptions of the engine: each has a stable code and says what to do.

Refusals that a caller can cause are `engine.model.rejection` values inside the core; at the rim
they, like these, become problems (HTTP) and exit codes (CLI).
"""


class RefoldError(Exception):
    """Base. `code` is stable, `message` is a sentence that says what to do."""

    code = "refold.error"

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class BadIdentifier(RefoldError):
    """A text that is not an id of the wanted kind."""

    code = "id.malformed"

    def __init__(self, prefix: str, text: str) -> None:
        super().__init__(
            f"{text[:60]!r} is not an id of the form {prefix}_...; copy it from a list or answer"
        )


class Fenced(RefoldError):
    """Another engine owns the shard now (epoch), or the head moved: drop what is in memory."""

    code = "shard.fenced"


class OutcomeUnknown(RefoldError):
    """The reply to an append was lost: it may have committed. Re-read under the head lock."""

    code = "append.outcome_unknown"


class NotFound(RefoldError):
    """The thing named does not exist in this namespace."""

    code = "not_found"


class Conflict(RefoldError):
    """The same key, id or version came with other content."""

    code = "conflict"


class Unavailable(RefoldError):
    """A queue is full or a service is away: try again later."""

    code = "unavailable"


class TooLarge(RefoldError):
    """Data beyond a limit of a service that must carry it: trying again does not help."""

    code = "data.too_large"


class Erased(RefoldError):
    """The key of this data was deleted: nobody can read it again."""

    code = "execution.erased"


class Sealed(RefoldError):
    """Sealed data that its key does not open: it was changed, or lies where it was not sealed."""

    code = "data.sealed"


class KeyMissing(RefoldError):
    """A key is wrapped by a master key that this process does not have."""

    code = "key.missing"
