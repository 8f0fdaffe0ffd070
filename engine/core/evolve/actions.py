"""Folding the events of actions and timers."""

from msgspec.structs import replace

from engine.core.evolve.forks import answered
from engine.core.evolve.frames import Changes, without, written
from engine.model.event import Event
from engine.model.state import Action, ExecutionState, RunningTimer
from schemas.events import bodies


def action_scheduled(state: ExecutionState, event: Event, body: bodies.ActionScheduled) -> Changes:
    """A call is pending."""
    changes: Changes = {}
    call, first = body, event.seq
    if body.retry_of is not None:
        before = state.failed[body.retry_of]
        call, first = before.call, before.first
        changes["failed"] = without(state.failed, (first,))
    action = Action(
        id=event.seq, first=first, frame=event.frame, node=event.node, name=event.name,
        attempt=event.attempt or 1, at=event.at, call=call,
    )  # fmt: skip
    changes["actions"] = {**state.actions, action.id: action}
    return changes | answered(state.fork, body.path, body.occurrence)


def action_completed(state: ExecutionState, event: Event, body: bodies.ActionCompleted) -> Changes:
    """The call is no longer pending; write its result."""
    changes: Changes = {"actions": without(state.actions, (body.action,))}
    if body.writes:
        frame = written(state.frames[event.frame], body.writes, {"result": body.result})
        changes["frames"] = {**state.frames, frame.id: frame}
    return changes


def action_failed(state: ExecutionState, event: Event, body: bodies.ActionFailed) -> Changes:
    """The call is no longer pending; keep it when it will be made again."""
    action = state.actions[body.action]
    changes: Changes = {"actions": without(state.actions, (action.id,))}
    if body.retrying:
        changes["failed"] = {**state.failed, action.first: action}
    return changes


def action_cancelled(state: ExecutionState, event: Event, body: bodies.ActionCancelled) -> Changes:
    """The call is no longer pending."""
    return {"actions": without(state.actions, (body.action,))}


def retry_scheduled(state: ExecutionState, event: Event, body: bodies.RetryScheduled) -> Changes:
    """The failed call waits for its timer."""
    action = state.failed[body.action]
    timer = RunningTimer(
        id=event.seq, frame=event.frame, node=event.node, name=event.name, purpose="retry",
        due=body.due, action=replace(action, attempt=body.attempt),
    )  # fmt: skip
    return {
        "failed": without(state.failed, (body.action,)),
        "timers": {**state.timers, timer.id: timer},
    }


def timer_set(state: ExecutionState, event: Event, body: bodies.TimerSet) -> Changes:
    """A timer runs."""
    timer = RunningTimer(
        id=event.seq, frame=event.frame, node=event.node, name=event.name, purpose=body.purpose,
        due=body.due, subject=body.subject,
    )  # fmt: skip
    return {"timers": {**state.timers, timer.id: timer}}


def timer_cancelled(state: ExecutionState, event: Event, body: bodies.TimerCancelled) -> Changes:
    """The timer is gone."""
    return {"timers": without(state.timers, (body.timer,))}


def timer_fired(state: ExecutionState, event: Event, body: bodies.TimerFired) -> Changes:
    """The timer is gone; a call that waited for it can be made again."""
    timer = state.timers[body.timer]
    changes: Changes = {"timers": without(state.timers, (timer.id,))}
    if timer.action is not None:
        changes["failed"] = {**state.failed, timer.action.first: timer.action}
    return changes
