"""Folding the events of an execution's own life and of its states."""

from msgspec.structs import replace

from engine.core.evolve.frames import Changes, closed, closed_subtree, descendants, written
from engine.model.event import Event
from engine.model.state import ExecutionState, Frame
from schemas.events import bodies


def execution_started(
    state: ExecutionState, event: Event, body: bodies.ExecutionStarted
) -> Changes:
    """Open the root frame with the input as its data."""
    root = Frame(
        id=event.seq, parent=0, kind="execution", node="", name=body.workflow, data=body.input,
        at=event.at,
    )  # fmt: skip
    return {
        "phase": "running",
        "workflow": body.workflow,
        "version": body.version,
        "definition_hash": body.definition_hash,
        "name": body.name,
        "start_key": body.start_key,
        "started_at": event.at,
        "from_position": body.from_position,
        "root": event.seq,
        "frames": {event.seq: root},
        "input": body.input,
    }


def state_entered(state: ExecutionState, event: Event, body: bodies.StateEntered) -> Changes:
    """Open the state's frame."""
    parent = state.frames[event.frame]
    frame = Frame(
        id=event.seq, parent=parent.id, kind="state", node=event.node, name=event.name,
        at=event.at, branch=parent.branch, iteration=parent.iteration, variables=parent.variables,
    )  # fmt: skip
    frame = written(frame, body.writes, {"parent": parent.data})
    return {"frames": {**state.frames, event.seq: frame}}


def state_exited(state: ExecutionState, event: Event, body: bodies.StateExited) -> Changes:
    """Close the state's frame; its data goes to the frame around it."""
    frame = state.frames[event.frame]
    changes = closed_subtree(state, frame.id)
    parent = changes["frames"][frame.parent]
    changes["frames"][frame.parent] = written(parent, body.writes, {"child": frame.data})
    return changes


def variables_assigned(
    state: ExecutionState, event: Event, body: bodies.VariablesAssigned
) -> Changes:
    """Write."""
    frame = written(state.frames[event.frame], body.writes, {})
    return {"frames": {**state.frames, frame.id: frame}}


def error_caught(state: ExecutionState, event: Event, body: bodies.ErrorCaught) -> Changes:
    """Close what is open in the state's frame, keep the frame."""
    frame = replace(
        state.frames[event.frame],
        total=0, needed=0, started=0, done={}, items=None, parameter=None, batch=None,
    )  # fmt: skip
    inside = descendants(state, frame.id)
    changes = closed(state, inside | {frame.id})
    changes["frames"][frame.id] = frame
    return changes


def execution_completed(
    state: ExecutionState, event: Event, body: bodies.ExecutionCompleted
) -> Changes:
    """The root frame's data is the output."""
    output = state.frames[state.root].data
    return {**_ended(event), "phase": "completed", "output": output, "terminated": body.terminated}


def execution_failed(state: ExecutionState, event: Event, body: bodies.ExecutionFailed) -> Changes:
    """Keep the error, close everything."""
    return {**_ended(event), "phase": "failed", "error": body.error}


def execution_cancelled(
    state: ExecutionState, event: Event, body: bodies.ExecutionCancelled
) -> Changes:
    """Close everything."""
    return {**_ended(event), "phase": "cancelled"}


def _ended(event: Event) -> Changes:
    return {
        "closed_at": event.at,
        "frames": {},
        "actions": {},
        "timers": {},
        "waits": {},
        "failed": {},
        "suspended": None,
        "held": {},
        "stepping": False,
    }
