"""Why the core refused a command: a value, not an exception."""

import msgspec


class Rejection(msgspec.Struct, frozen=True):
    """A refused command. `code` is stable; nothing was changed.

    Codes: `execution.closed` (it already ended), `execution.exists` (it already started),
    `execution.not_started` (there is nothing to cancel), `action.not_pending`, `timer.not_open`,
    `timer.not_due`, `wait.not_open`, `event.not_wanted`, `callback.not_open`.
    """

    code: str
    message: str
