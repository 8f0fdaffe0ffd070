"""What a new version of a definition would have made of a recorded execution.

The execution was simulated with the new version and the answers that were recorded; what differs is
told by the first place where the two ways part, or, on the same way, by what is called with other
arguments and what comes out.
"""

from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Any, Final

import msgspec

from engine.core.replay import fold
from engine.core.timetravel.decisions import decided
from engine.core.timetravel.diff import diff
from engine.core.timetravel.difference import Difference, Ended, Finding, Kind, Sample
from engine.core.timetravel.marks import Parting, pairs, parting
from engine.core.timetravel.pointer import pointer_of
from engine.core.timetravel.supply import Outcome, Stop
from engine.core.timetravel.telling import told
from engine.model.event import Event
from engine.model.program import Program
from engine.model.state import ExecutionState, Frame, Wait
from schemas.events import bodies
from schemas.events.parts import Error


class Case(msgspec.Struct, frozen=True):
    """One execution: its recorded events behind `begun`, the state there, how far the simulation
    came. `old` is the program it ran with, None where it cannot be read any more."""

    source: Sequence[Event]
    begun: ExecutionState
    outcome: Outcome
    new: Program
    old: Program | None


_TIMED: Final = (bodies.ExecutionStarted, bodies.TimerSet, bodies.RetryScheduled)
"""Bodies that differ by times, or by the version that runs."""


def findings_of(case: Case) -> Finding:
    """Compare the execution with its simulation."""
    was = _ended(case.source)
    if _is_same(case.source, case.outcome.events):
        return Finding(was, was)
    now, unknown = _simulated_end(case.outcome)
    parted = parting(case.source, case.outcome.events, held=_is_held(case.source))
    if parted is None and was == "running":
        now, unknown = "running", ""
    found = _on_the_same_path(case) if parted is None else [_parted(case, parted)]
    return Finding(was, now, tuple(found), unknown)


def _is_same(source: Sequence[Event], simulated: Sequence[Event]) -> bool:
    """Whether the events are the same but for their times: the quick answer for most executions."""
    if len(source) != len(simulated):
        return False
    for one, other in zip(source, simulated, strict=True):
        if (
            type(one.body) is not type(other.body)
            or one.frame != other.frame
            or (one.name != other.name and not isinstance(one.body, bodies.ExecutionStarted))
            or (one.body != other.body and not _means_the_same(one.body, other.body))
        ):
            return False
    return True


def _means_the_same(one: bodies.EventBody, other: bodies.EventBody) -> bool:
    """Whether bodies of one type that are not equal say the same of the way."""
    if isinstance(one, bodies.ChoiceTaken) and isinstance(other, bodies.ChoiceTaken):
        return one.next == other.next
    return isinstance(one, _TIMED)


def _ended(events: Sequence[Event]) -> Ended:
    for event in reversed(events):
        if isinstance(event.body, bodies.ExecutionCompleted):
            return "completed"
        if isinstance(event.body, bodies.ExecutionFailed):
            return "failed"
        if isinstance(event.body, bodies.ExecutionCancelled):
            return "cancelled"
        if not isinstance(event.body, bodies.ForkTaken):
            break
    return "running"


def _is_held(events: Sequence[Event]) -> bool:
    for event in reversed(events):
        if isinstance(event.body, bodies.ExecutionResumed):
            return False
        if isinstance(event.body, bodies.ExecutionSuspended):
            return True
    return False


def _simulated_end(outcome: Outcome) -> tuple[Ended, str]:
    stop = outcome.stop
    if stop is None:
        return _ended(outcome.events), ""
    if stop.reason == "end_of_recording":
        return "running", ""
    return "unknown", stop.name or stop.reason


# ------------------------------------------------------------------ other ways


def _parted(case: Case, parted: Parting) -> tuple[Difference, Sample]:
    was, now, stop = parted.was, parted.now, case.outcome.stop
    if was is not None and now is not None and _decide(was) and _decide(now):
        return _branch(case, was, now)
    error = _new_error(case, parted)
    if error is not None:
        return _fails(parted, error)
    if stop is not None and (now is None or now.seq == stop.seq):
        missing = _missing(parted, stop)
        if missing is not None:
            return missing
    state = _state_of(case, was, case.source) or _state_of(case, now, case.outcome.events)
    difference = Difference("path", state, was=told(was), now=told(now))
    return difference, Sample(parted.seq, message=stop.message if stop is not None else "")


def _decide(event: Event) -> bool:
    return isinstance(event.body, bodies.ChoiceTaken)


def _branch(case: Case, was: Event, now: Event) -> tuple[Difference, Sample]:
    before, after = _before(case, case.source, was), _before(case, case.outcome.events, now)
    one, other = decided((case.old, was, before), (case.new, now, after))
    difference = Difference(
        "branch", was.name, was=one.next or "the end", now=other.next or "the end",
        condition_was=one.condition, condition_now=other.condition,
    )  # fmt: skip
    return difference, Sample(was.seq, one.values, other.values)


def _before(case: Case, events: Sequence[Event], event: Event) -> ExecutionState:
    return fold(case.begun.id, takewhile(lambda one: one.seq < event.seq, events), case.begun)


def _new_error(case: Case, parted: Parting) -> Error | None:
    """The error that makes the difference: it shows in the very turn in which the ways part."""
    if parted.was is not None and isinstance(parted.was.body, _ERRORS):
        return None
    events = case.outcome.events
    begun = parted.now.seq if parted.now is not None else parted.seq
    for event in events[max(0, begun - case.begun.seq - 1) :]:
        body = event.body
        if isinstance(body, bodies.ErrorCaught | bodies.ExecutionFailed):
            return body.error
        if not isinstance(body, _CLOSING) and event is not parted.now:
            break
    return case.outcome.state.error if parted.now is None else None


_ERRORS: Final = (bodies.ActionFailed, bodies.ErrorCaught, bodies.ExecutionFailed)
_CLOSING: Final = (
    bodies.ActionFailed,
    bodies.ActionCancelled,
    bodies.EventWaitClosed,
    bodies.TimerCancelled,
    bodies.BranchCancelled,
    bodies.IterationCancelled,
)
"""What is told of an error before it is caught or ends the execution."""


def _fails(parted: Parting, error: Error) -> tuple[Difference, Sample]:
    difference = Difference(
        "fails", error.state, error.action, was=told(parted.was), now=error.code
    )
    return difference, Sample(parted.seq, message=error.message)


def _missing(parted: Parting, stop: Stop) -> tuple[Difference, Sample] | None:
    kind: Kind
    if stop.reason in ("no_recorded_answer", "live_call"):
        kind = "no_answer"
    elif stop.reason in ("no_recorded_event", "no_payload", "other_trigger"):
        kind = "no_event"
    else:
        return None
    difference = Difference(kind, stop.state, stop.name, was=told(parted.was), now=told(parted.now))
    return difference, Sample(parted.seq, message=stop.message)


def _state_of(case: Case, event: Event | None, events: Sequence[Event]) -> str:
    """The name of the state in which the event happened."""
    if event is None:
        return ""
    if isinstance(event.body, bodies.StateEntered):
        return event.name
    first, frame = case.begun.seq + 1, event.frame
    while frame >= first:
        opener = events[frame - first]
        if isinstance(opener.body, bodies.StateEntered):
            return opener.name
        frame = opener.frame
    inside: Frame | None = case.begun.frames.get(frame)
    while inside is not None and inside.kind != "state":
        inside = case.begun.frames.get(inside.parent)
    return "" if inside is None else inside.name


# ------------------------------------------------------------------ the same way


def _on_the_same_path(case: Case) -> Iterator[tuple[Difference, Sample]]:
    told_of = set()
    for one, other in pairs(case.source, case.outcome.events):
        found = _other_data(case, one, other)
        if found is not None and found[0] not in told_of:
            told_of.add(found[0])
            yield found
    state = fold(case.begun.id, case.source, case.begun)
    if state.phase == "completed":
        yield from _differing("output", "", state.seq, state.output, case.outcome.state.output)
    elif not state.closed and not _is_held(case.source):
        yield from _open_differences(state, case.outcome.state)


def _other_data(case: Case, one: Event, other: Event) -> tuple[Difference, Sample] | None:
    kind: Kind = "call"
    if isinstance(one.body, bodies.ActionScheduled):
        if one.body.handler == "expression":
            return None  # it was evaluated anew: what came of it tells
        before, after = (_call(event.body) for event in (one, other))
    elif isinstance(one.body, bodies.EventEmitted):
        kind = "emission"
        before, after = (_emission(event.body) for event in (one, other))
    else:
        return None
    found = next(_differing(kind, one.name, one.seq, before, after), None)
    if found is None:
        return None
    difference, sample = found
    return msgspec.structs.replace(difference, state=_state_of(case, one, case.source)), sample


def _call(body: Any) -> dict[str, Any]:
    deferred = [[list(path), source] for path, source in body.deferred]
    return {
        "handler": body.handler, "operation": body.operation, "arguments": body.arguments,
        "deferred": deferred,
    }  # fmt: skip


def _emission(body: Any) -> dict[str, Any]:
    data = None if body.data is msgspec.UNSET else body.data
    return {"source": body.source, "extensions": body.extensions, "data": data}


def _differing(
    kind: Kind, name: str, seq: int, before: Any, after: Any
) -> Iterator[tuple[Difference, Sample]]:
    """The first place where the values differ, if they do."""
    changes = diff(before, after)
    if changes:
        first = changes[0]
        pointer = pointer_of(first.path)
        sample = Sample(seq, first.before, first.after)
        yield Difference(kind, name=name, pointer=pointer), sample


def _open_differences(
    one: ExecutionState, other: ExecutionState
) -> Iterator[tuple[Difference, Sample]]:
    """What differs of an execution that goes on: the data of its frames, and its waits."""
    for frame, twin in zip(one.frames.values(), other.frames.values(), strict=False):
        found = list(_differing("data", frame.name, one.seq, frame.data, twin.data))
        if found:
            yield from found
            break  # the frames inside have it from there
    for wait, its_twin in zip(one.waits.values(), other.waits.values(), strict=False):
        before, after = _filters(wait), _filters(its_twin)
        yield from _differing("wait", wait.name, one.seq, before, after)


def _filters(wait: Wait) -> list[Any]:
    """What the wait accepts, wherever in the stream."""
    return [
        {"ref": one.ref, "type": one.type, "source": one.source,
         "correlation": [list(pair) for pair in one.correlation]}
        for one in wait.filters
    ]  # fmt: skip
