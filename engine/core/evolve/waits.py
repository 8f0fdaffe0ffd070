"""Folding the events of waits, CloudEvents, callbacks and gatherings."""

from typing import Any

from msgspec import UNSET
from msgspec.structs import replace

from engine.core.evolve.forks import answered
from engine.core.evolve.frames import Changes, without, written
from engine.model.event import Event
from engine.model.state import ExecutionState, Wait
from schemas.events import bodies


def event_awaited(state: ExecutionState, event: Event, body: bodies.EventAwaited) -> Changes:
    """A wait is open."""
    wait = Wait(
        id=event.seq, frame=event.frame, node=event.node, name=event.name, at=event.at,
        mode=body.mode, filters=body.filters, callback=body.callback,
    )  # fmt: skip
    changes: Changes = {"waits": {**state.waits, wait.id: wait}}
    return changes | answered(state.fork, body.path, body.occurrence)


def event_received(state: ExecutionState, event: Event, body: bodies.EventReceived) -> Changes:
    """The wait took a CloudEvent, and closes when it was the last."""
    changes: Changes = {}
    wait = state.waits.get(body.wait)
    if body.event is not None:
        consumed = max(body.event.position, state.consumed.get(body.ref, 0))
        changes["consumed"] = {**state.consumed, body.ref: consumed}
    if body.correlation:
        changes["correlation"] = {**state.correlation, **body.correlation}
    if wait is not None:
        changes["waits"] = _received(state, wait, body)
    if body.writes:
        facts: dict[str, Any] = {"data": body.data}
        if wait is not None:
            facts.update((f"received:{ref}", value) for ref, value in wait.received.items())
        frame = written(state.frames[event.frame], body.writes, facts)
        changes["frames"] = {**state.frames, frame.id: frame}
    if body.done:
        timers = [key for key, timer in state.timers.items() if wait and timer.subject == wait.id]
        changes["timers"] = without(state.timers, timers) if timers else state.timers
    return changes


def _received(state: ExecutionState, wait: Wait, body: bodies.EventReceived) -> dict[int, Wait]:
    if body.done:
        return without(state.waits, (wait.id,))
    data = None if body.data is UNSET else body.data
    taken = wait.taken if body.event is None else (*wait.taken, body.event.position)
    fuller = replace(wait, received={**wait.received, body.ref: data}, taken=taken)
    return {**state.waits, wait.id: fuller}


def event_wait_closed(state: ExecutionState, event: Event, body: bodies.EventWaitClosed) -> Changes:
    """The wait and its time-out are gone."""
    timers = [key for key, timer in state.timers.items() if timer.subject == body.wait]
    return {
        "waits": without(state.waits, (body.wait,)),
        "timers": without(state.timers, timers),
    }


def callback_received(
    state: ExecutionState, event: Event, body: bodies.CallbackReceived
) -> Changes:
    """Keep the answer in the state's frame."""
    frame = replace(state.frames[event.frame], answer=(body.data,))
    return {"frames": {**state.frames, frame.id: frame}}


def gathering_opened(state: ExecutionState, event: Event, body: bodies.GatheringOpened) -> Changes:
    """A start waits for all its CloudEvents."""
    wait = Wait(
        id=event.seq, frame=0, node=event.node, name=event.name, at=event.at, mode="all",
        filters=body.filters,
    )  # fmt: skip
    return {
        "phase": "gathering",
        "workflow": body.workflow,
        "version": body.version,
        "definition_hash": body.definition_hash,
        "from_position": body.from_position,
        "waits": {wait.id: wait},
    }


def gathering_expired(
    state: ExecutionState, event: Event, body: bodies.GatheringExpired
) -> Changes:
    """The gathering is closed for good."""
    return {"phase": "expired", "closed_at": event.at, "waits": {}, "timers": {}}
