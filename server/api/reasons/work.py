"""Timers, retries, calls in flight, and the branches and iterations that are still open."""

from engine.model.state import Action, ExecutionState, Frame, RunningTimer
from schemas.api.answers import ErrorFact
from schemas.api.why import Deadline, OpenJoin, PendingAction, Reason
from schemas.events.parts import Error
from server.api.door.times import format_time
from server.api.past.describe import error_members
from server.api.reasons.case import Case, place_of, state_of
from server.api.reasons.words import capital, counted, lasting, listed

_SLEEPS = {
    "sleep": "sleeps",
    "before_action": "sleeps before action {name}",
    "after_action": "sleeps after action {name}",
    "yield": "goes on at once: its step was too large for one commit",
}


def timers(case: Case, state: ExecutionState) -> list[Reason]:
    """One reason for each timer but the time-outs of waits and the end of a hold, which are told
    with what they end."""
    told = [
        one
        for one in state.timers.values()
        if one.subject not in state.waits and one.purpose != "hold"
    ]
    told.sort(key=lambda one: one.due)
    return [
        _retry(case, state, one) if one.action is not None else _timer(case, state, one)
        for one in told
    ]


def _timer(case: Case, state: ExecutionState, timer: RunningTimer) -> Reason:
    place = place_of(state, timer.frame)
    words = _SLEEPS.get(timer.purpose, "waits for a timer").format(name=timer.name)
    limit = deadline_of_timer(case, timer, f"{place or 'the execution'} goes on")
    return Reason(
        kind="timer",
        state=state_of(state, timer.frame),
        place=place or None,
        frame=timer.frame,
        text=f"{capital(place) or 'The execution'} {words}; {_due(limit)}.",
        unblock=["Nothing is to be done: the timer ends it."],
        deadline=limit,
    )


def _retry(case: Case, state: ExecutionState, timer: RunningTimer) -> Reason:
    action = timer.action
    assert action is not None, "a retry repeats an action"
    error = case.errors.get(timer.id)
    limit = deadline_of_timer(case, timer, f"attempt {action.attempt} begins")
    place = place_of(state, timer.frame)
    text = (
        f"{capital(place)}: action {timer.name} failed and is tried again, as attempt "
        f"{action.attempt}; {_due(limit)}."
    )
    if error is not None:
        text += f" The last error was {error.code}: {error.message}"
    return Reason(
        kind="retry",
        state=state_of(state, timer.frame),
        place=place or None,
        frame=timer.frame,
        since=format_time(action.at),
        text=text,
        unblock=[
            "Remove the cause of the error; the next attempt comes by itself.",
            f"Give up: refold exec cancel {case.name}",
        ],
        deadline=limit,
        action=_pending(case, action, error),
        error=_error(error),
    )


def deadline_of_timer(case: Case, timer: RunningTimer, then: str) -> Deadline:
    """When the timer fires, and what happens then."""
    return Deadline(
        purpose=timer.purpose,
        due=format_time(timer.due),
        remaining_ms=timer.due - case.now,
        then=then,
    )


def _due(limit: Deadline) -> str:
    if limit.remaining_ms < 0:
        return f"due since {lasting(limit.remaining_ms)} ({limit.due})"
    return f"due in {lasting(limit.remaining_ms)} ({limit.due})"


def actions(case: Case, state: ExecutionState) -> list[Reason]:
    """One reason for each call in flight."""
    return [_action(case, state, one) for one in state.actions.values()]


def _action(case: Case, state: ExecutionState, action: Action) -> Reason:
    call, place = action.call, place_of(state, action.frame)
    pending = _pending(case, action, None)
    text = (
        f"{capital(place)}: action {action.name} calls {call.handler} {call.operation} (attempt "
        f"{action.attempt}) since {lasting(case.now - action.at)}"
    )
    unblock = ["The answer of the call."]
    if call.timeout_ms:
        left = action.at + call.timeout_ms - case.now
        text += f"; this attempt is given up {_when(left)}" if left > 0 else ""
        unblock.append(f"Its time limit of {lasting(call.timeout_ms)}.")
    text += "."
    if pending.worker == "none":
        text += f" No worker listens for the function {call.operation}."
        unblock.insert(0, "Start a worker: refold serve --role worker --functions DIR")
    elif pending.worker == "listening":
        text += " A worker listens for it."
    return Reason(
        kind="action",
        state=state_of(state, action.frame),
        place=place or None,
        frame=action.frame,
        since=format_time(action.at),
        text=text,
        unblock=unblock,
        action=pending,
    )


def _when(left_ms: int) -> str:
    return f"in {lasting(left_ms)}"


def _pending(case: Case, action: Action, error: Error | None) -> PendingAction:
    call = action.call
    worker = None
    if call.handler == "python":
        known = case.workers.get(call.operation)
        worker = "unknown" if known is None else "listening" if known else "none"
    limit = action.at + call.timeout_ms if call.timeout_ms and error is None else None
    return PendingAction(
        function=call.function,
        handler=call.handler,
        operation=call.operation,
        attempt=action.attempt,
        scheduled_at=format_time(action.at),
        timeout_at=None if limit is None else format_time(limit),
        worker=worker,
        last_error=_error(error),
    )


def _error(error: Error | None) -> ErrorFact | None:
    members = error_members(error)
    return None if members is None else ErrorFact(**members)


def joins(state: ExecutionState) -> list[Reason]:
    """One reason for each state whose branches or iterations are not all through."""
    return [_join(state, one) for one in state.frames.values() if one.total]


def _join(state: ExecutionState, frame: Frame) -> Reason:
    of = "branches" if frame.items is None else "iterations"
    noun = "branch" if of == "branches" else "iteration"
    children = [one for one in state.frames.values() if one.parent == frame.id]
    opened = [
        one.name if one.kind == "branch" else f"iteration {(one.iteration or 0) + 1}"
        for one in children
    ]
    completed = len(frame.done)
    unstarted = frame.total - frame.started
    lacking = max(0, frame.needed - completed)
    text = (
        f"{place_of(state, frame.id)} goes on when {lacking} more of its {of} are through: "
        f"{completed} of {frame.total} are, {frame.needed} must be"
    )
    text += f"; open: {listed(opened)}" if opened else ""
    text += (
        f"; {counted(unstarted, noun)} not begun" if unstarted > 0 and of == "iterations" else ""
    )
    return Reason(
        kind="join",
        state=state_of(state, frame.id),
        place=place_of(state, frame.id) or None,
        frame=frame.id,
        since=format_time(frame.at),
        text=capital(text) + ".",
        unblock=[f"What the open {of} wait for, told above."],
        join=OpenJoin(
            of="branches" if of == "branches" else "iterations",
            total=frame.total,
            needed=frame.needed,
            started=frame.started,
            completed=completed,
            open=opened,
        ),
    )
