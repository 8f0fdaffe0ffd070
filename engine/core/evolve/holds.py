"""Folding the events of executions that are held: suspended, resumed."""

from engine.core.evolve.frames import Changes, without
from engine.model.event import Event
from engine.model.state import ExecutionState, Held, Suspension
from schemas.events import bodies
from schemas.events.parts import Asked


def execution_suspended(
    state: ExecutionState, event: Event, body: bodies.ExecutionSuspended
) -> Changes:
    """From now on what would be entered is held."""
    suspension = Suspension(
        id=event.seq, reason=body.reason, breakpoint=body.breakpoint, condition=body.condition, at=event.at,
        actor=event.actor, asked=body.asked or Asked(),
    )  # fmt: skip
    return {"suspended": suspension, "stepping": False}


def node_held(state: ExecutionState, event: Event, body: bodies.NodeHeld) -> Changes:
    """Keep what is to be entered later."""
    held = Held(
        id=event.seq, frame=event.frame, node=event.node, name=event.name, stage=body.stage
    )
    return {"held": {**state.held, held.id: held}}


def execution_resumed(
    state: ExecutionState, event: Event, body: bodies.ExecutionResumed
) -> Changes:
    """What was held is entered by the events that follow; nothing is to be let go later."""
    holds = [key for key, timer in state.timers.items() if timer.purpose == "hold"]
    return {
        "suspended": None,
        "held": {},
        "stepping": body.mode == "step",
        "timers": without(state.timers, holds) if holds else state.timers,
    }
