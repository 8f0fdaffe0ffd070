"""An execution's state, and the events of its log, as the API tells them."""

from typing import Any
from uuid import UUID

import msgspec

from engine.core.chain import JSON_CODEC
from engine.model.ids import callback_token, format_event, format_execution
from engine.model.state import ExecutionState, Wait
from engine.ports.rows import EventRow
from schemas.events.parts import Error
from server.api.door.times import format_time
from server.api.past.reading import status_of
from server.api.past.suspension import current_data, suspension_members


def execution_members(
    execution_id: UUID, state: ExecutionState | None, secret: bytes | None, reason: str = ""
) -> dict[str, Any]:
    """The members of `schemas.api.answers.Execution`. `secret`: shows callback tokens; `reason`:
    why it was cancelled."""
    if state is None:
        return {**_unstarted(execution_id)}
    return {
        "id": format_execution(execution_id),
        "workflow": state.workflow,
        "version": state.version,
        "name": state.name,
        "status": status_of(state),
        "started_at": format_time(state.started_at),
        "closed_at": _time(state.closed_at),
        "last_seq": state.seq,
        "input": state.input,
        "output": state.output,
        "error": error_members(state.error),
        "reason": reason or None,
        "waits": [_wait(execution_id, wait, secret) for wait in state.waits.values()],
        "suspension": suspension_members(state),
    }


def _unstarted(execution_id: UUID) -> dict[str, Any]:
    """Accepted and committed, but no engine has taken it yet."""
    absent = ("workflow", "version", "name", "started_at", "closed_at", "input", "output", "error",
              "reason", "suspension")  # fmt: skip
    return {
        "id": format_execution(execution_id),
        "status": "running",
        "last_seq": 0,
        **dict.fromkeys(absent),
        "waits": [],
    }


def _wait(execution_id: UUID, wait: Wait, secret: bytes | None) -> dict[str, Any]:
    shown = wait.callback and secret is not None
    return {
        "state": wait.name,
        "since": format_time(wait.at),
        "types": sorted({one.type for one in wait.filters}),
        "callback_token": callback_token(secret, execution_id, wait.frame)
        if shown and secret is not None
        else None,
    }


def error_members(error: Error | None) -> dict[str, Any] | None:
    """An error as the API tells it."""
    if error is None:
        return None
    return {
        "code": error.code,
        "message": error.message,
        "aliases": list(error.aliases),
        "status": error.status,
        "detail": error.detail,
        "state": error.state or None,
        "action": error.action or None,
        "node": error.node or None,
        "expression": error.expression or None,
    }


def event_members(row: EventRow) -> dict[str, Any]:
    """The members of `schemas.api.answers.LogEvent`. `data` is what the log holds, as stored or as
    opened; None where it was erased, or does not open."""
    in_the_clear = row.data if row.codec == JSON_CODEC else row.opened
    return {
        "id": format_event(row.execution_id, row.seq),
        "seq": row.seq,
        "type": row.type,
        "version": row.version,
        "at": format_time(row.at),
        "actor": row.actor,
        "causation": row.causation,
        "frame": row.frame,
        "node": row.node,
        "name": row.name,
        "branch": row.branch,
        "iteration": row.iteration,
        "attempt": row.attempt,
        "traceparent": row.traceparent,
        "data": None if in_the_clear is None else msgspec.Raw(in_the_clear),
        "erased": row.erased,
    }


def past_members(execution_id: UUID, state: ExecutionState) -> dict[str, Any]:
    """The members of `schemas.api.answers.PastState`."""
    frames = list(state.frames.values())
    return {
        "execution": format_execution(execution_id),
        "seq": state.seq,
        "at": _time(state.at) if state.seq else None,
        "status": status_of(state),
        "workflow": state.workflow or None,
        "version": state.version or None,
        "name": state.name,
        "input": state.input,
        "output": state.output,
        "error": error_members(state.error),
        "data": current_data(state),
        "states": [frame.name for frame in frames if frame.kind == "state"],
        "frames": frames,
        "actions": list(state.actions.values()),
        "timers": list(state.timers.values()),
        "waits": list(state.waits.values()),
        "suspension": suspension_members(state),
    }


def _time(at_ms: int | None) -> str | None:
    return None if at_ms is None else format_time(at_ms)
