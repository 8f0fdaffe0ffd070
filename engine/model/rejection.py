"""Why the core refused a command: a value, not an exception."""

import msgspec


class Rejection(msgspec.Struct, frozen=True):
    """A refused command. `code` is stable; nothing was changed.

    Codes: `execution.closed` (it already ended), `execution.exists` (it already started),
    `action.not_pending`, `timer.not_open`, `wait.not_open`, `event.not_wanted`,
    `callback.not_open`, `execution.too_many_events`.
    """

    code: str
    message: str
