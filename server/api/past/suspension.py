"""Why an execution is held, and before what, as the API tells it."""

from typing import Any

from engine.model.ids import format_execution
from engine.model.state import ExecutionState, Held
from server.api.door.times import format_time
from server.api.past.reading import status_of


def suspension_members(state: ExecutionState) -> dict[str, Any] | None:
    """The members of `schemas.api.debugging.SuspensionFact`; None: it is not held."""
    held = state.suspended
    if held is None:
        return None
    ends = (timer.due for timer in state.timers.values() if timer.purpose == "hold")
    until = next(ends, None)
    return {
        "cause": held.reason,
        "since": format_time(held.at),
        "actor": held.actor,
        "origin": held.asked.origin,
        "reason": held.asked.reason,
        "breakpoint": held.breakpoint,
        "condition": held.condition,
        "until": None if until is None else format_time(until),
        "held": [_held(state, one) for one in state.held.values()],
    }


def _held(state: ExecutionState, held: Held) -> dict[str, Any]:
    entry = "enter" if held.node else "leave"
    frame = state.frames[held.frame]
    scope = frame
    while scope.kind != "state" and scope.parent in state.frames:
        scope = state.frames[scope.parent]
    return {
        "next": entry if held.stage == "entry" else held.stage,
        "name": held.name,
        "state": scope.name if scope.kind == "state" else None,
        "branch": frame.branch,
        "iteration": frame.iteration,
        "node": held.node,
        "seq": held.id,
    }


def standing_members(state: ExecutionState) -> dict[str, Any]:
    """The members of `schemas.api.debugging.Standing`."""
    return {
        "execution": format_execution(state.id),
        "status": status_of(state),
        "seq": state.seq,
        "states": [one.name for one in state.frames.values() if one.kind == "state"],
        "data": current_data(state),
        "suspension": suspension_members(state),
    }


def current_data(state: ExecutionState) -> Any:
    """Of the state that is open in the main flow, between states the workflow's, at last its
    output."""
    root = state.frames.get(state.root)
    if root is None:
        return state.output
    opened = [one for one in state.frames.values() if one.parent == root.id]
    return next((one.data for one in opened if one.kind == "state"), root.data)
