"""What errors of Postgres and its driver mean to the engine."""

import asyncpg

from engine.model.errors import Conflict, Fenced, OutcomeUnknown, Unavailable

DRIVER_FAILURES = (
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    OSError,
    TimeoutError,
)
"""Everything that a call may raise, but for the caller's own cancellation."""

_FENCED = {"RF001", "23505"}  # 23505: this seq of this execution is in the log
_CUT_SHORT = {"08", "57"}  # connection, operator intervention: no word on the transaction
_PASSING = {"08", "40", "53", "55", "57"}  # ... rollback, resources, locks
_REFUSED = {"28", "3D"}  # the login or its password, the name of the database
_NO_PARTITION = "23514"


class HeadLocked(Unavailable):
    """The head row of a shard stayed locked: an append of the old owner is stuck."""

    code = "shard.locked"


def of_append(error: Exception) -> Exception:
    """What an error of the append statement means; the error itself where it is a bug."""
    state = _state(error)
    if state in _FENCED:
        return Fenced(f"{error}: drop what is in memory and read the log again")
    if state is None or state[:2] in _CUT_SHORT:
        return OutcomeUnknown(f"{_text(error)}: read the head under its lock before anything else")
    if state == _NO_PARTITION:
        return Unavailable(f"{error}: make the partitions of the log ahead, as its owner")
    return of_statement(error)


def of_statement(error: Exception) -> Exception:
    """What an error of any other statement means; the error itself where it is a bug."""
    state = _state(error)
    if state == "RF001":
        return Fenced(str(error))
    if state == "RF002":
        return Conflict(str(error))
    if state == "RF004":
        return AssertionError(str(error))
    if state == "55P03":
        return HeadLocked(f"{error}: end the sessions of the old owner")
    if state is not None and state[:2] in _REFUSED:
        return Unavailable(f"Postgres lets nobody in there ({error}): correct the database's URL")
    if state is None or state[:2] in _PASSING:
        return Unavailable(f"Postgres is away or busy ({_text(error)}): try again")
    return error


def _state(error: Exception) -> str | None:
    """The SQLSTATE, None where the server said nothing."""
    return error.sqlstate if isinstance(error, asyncpg.PostgresError) else None


def _text(error: Exception) -> str:
    return str(error) or type(error).__name__
