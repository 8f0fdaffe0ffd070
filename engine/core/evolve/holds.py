"""Folding the events of executions that are held: suspended, resumed."""

from engine.core.evolve.frames import Changes, without
from engine.model.event import Event
from engine.model.state import ExecutionState, Held, RunningTimer, Suspension
from schemas.events import bodies
from schemas.events.parts import Asked


def execution_suspended(
    state: ExecutionState, event: Event, body: bodies.ExecutionSuspended
) -> Changes:
    """From now on what would be entered is held."""
    suspension = Suspension(
        id=event.seq, reason=body.reason, breakpoint=body.breakpoint, condition=body.condition,
        at=event.at, actor=event.actor, asked=body.asked or Asked(),
    )  # fmt: skip
    changes: Changes = {"suspended": suspension, "stepping": False}
    if body.reason != "step":  # a step stays within the hold that it began in
        changes["timers"] = _without_holds(state)
    return changes


def node_held(state: ExecutionState, event: Event, body: bodies.NodeHeld) -> Changes:
    """Keep what is to be entered later."""
    held = Held(id=event.seq, frame=event.frame, node=event.node, name=event.name, stage=body.stage)
    return {"held": {**state.held, held.id: held}}


def execution_resumed(
    state: ExecutionState, event: Event, body: bodies.ExecutionResumed
) -> Changes:
    """What was held is entered by the events that follow."""
    changes: Changes = {"suspended": None, "held": {}, "stepping": body.mode == "step"}
    if body.mode != "step":
        changes["timers"] = _without_holds(state)
    return changes


def _without_holds(state: ExecutionState) -> dict[int, RunningTimer]:
    holds = [key for key, timer in state.timers.items() if timer.purpose == "hold"]
    return without(state.timers, holds) if holds else state.timers
