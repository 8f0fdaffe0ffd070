"""Folding the events of branches and iterations."""

from msgspec.structs import replace

from engine.core.evolve.frames import Changes, closed_subtree, written
from engine.core.merge import result_of
from engine.model.event import Event
from engine.model.state import ExecutionState, Frame
from schemas.events import bodies
from schemas.events.parts import Write


def branch_started(state: ExecutionState, event: Event, body: bodies.BranchStarted) -> Changes:
    """Open the branch's frame with a copy of the data."""
    parent = state.frames[event.frame]
    branch = Frame(
        id=event.seq, parent=parent.id, kind="branch", node=event.node, name=event.name,
        data=parent.data, at=event.at, branch=event.branch, iteration=parent.iteration,
        variables=parent.variables,
    )  # fmt: skip
    started = replace(parent, total=body.total, needed=body.needed, started=parent.started + 1)
    return {"frames": {**state.frames, parent.id: started, branch.id: branch}}


def branch_completed(state: ExecutionState, event: Event, body: bodies.BranchCompleted) -> Changes:
    """Close the branch, keep what it wrote."""
    return _completed(state, state.frames[event.frame], event.branch or 0)


def child_cancelled(
    state: ExecutionState,
    event: Event,
    body: bodies.BranchCancelled | bodies.IterationCancelled,
) -> Changes:
    """Close the branch or iteration, drop what it wrote."""
    return closed_subtree(state, event.frame)


def branch_joined(state: ExecutionState, event: Event, body: bodies.BranchJoined) -> Changes:
    """Write what the branches wrote, in declaration order."""
    frame = state.frames[event.frame]
    writes: list[Write] = []
    for write in body.writes:
        if write.of == "branches":
            writes += [one for branch in body.branches for one in frame.done[branch]]
        else:
            writes.append(write)
    joined = written(_cleared(frame), writes, {})
    return {"frames": {**state.frames, frame.id: joined}}


def iterations_opened(
    state: ExecutionState, event: Event, body: bodies.IterationsOpened
) -> Changes:
    """Keep the elements to iterate over."""
    frame = replace(
        state.frames[event.frame],
        total=len(body.items), needed=len(body.items), started=0, done={},
        items=tuple(body.items), parameter=body.parameter, batch=body.batch, mode=body.mode,
    )  # fmt: skip
    return {"frames": {**state.frames, frame.id: frame}}


def iteration_started(
    state: ExecutionState, event: Event, body: bodies.IterationStarted
) -> Changes:
    """Open the iteration's frame with its element."""
    parent = state.frames[event.frame]
    number = event.iteration or 0
    data, variables = parent.data, parent.variables
    if parent.parameter is not None and parent.items is not None:
        item = parent.items[number]
        rest = data if isinstance(data, dict) else {}
        data = {**rest, parent.parameter: item}
        variables = {**variables, parent.parameter: item}
    frame = Frame(
        id=event.seq, parent=parent.id, kind="iteration", node=event.node, name=event.name,
        data=data, at=event.at, branch=parent.branch, iteration=number, variables=variables,
    )  # fmt: skip
    started = replace(parent, started=parent.started + 1)
    return {"frames": {**state.frames, parent.id: started, frame.id: frame}}


def iteration_completed(
    state: ExecutionState, event: Event, body: bodies.IterationCompleted
) -> Changes:
    """Close the iteration, keep what it wrote."""
    return _completed(state, state.frames[event.frame], event.iteration or 0)


def iterations_joined(
    state: ExecutionState, event: Event, body: bodies.IterationsJoined
) -> Changes:
    """Collect the results in input order."""
    frame = state.frames[event.frame]
    results = [result_of(frame.done[number]) for number in range(frame.total)]
    joined = written(_cleared(frame), body.writes, {"iterations": results})
    return {"frames": {**state.frames, frame.id: joined}}


def _completed(state: ExecutionState, child: Frame, number: int) -> Changes:
    changes = closed_subtree(state, child.id)
    parent = changes["frames"][child.parent]
    changes["frames"][parent.id] = replace(parent, done={**parent.done, number: child.journal})
    return changes


def _cleared(frame: Frame) -> Frame:
    return replace(
        frame, total=0, needed=0, started=0, done={}, items=None, parameter=None, batch=None,
        mode="parallel",
    )  # fmt: skip
