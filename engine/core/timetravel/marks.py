"""The path of an execution: which of its events are steps of it, and where two paths part.

Not steps: data that is written, timers that are set (a timeout that ends a wait is told by the
wait), what holds an execution or lets it go on, where it was copied from. Branches and iterations
are compared one by one, so that it does not matter which of them went first.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import Any, Final

import msgspec

from engine.model.event import Event
from schemas.events import bodies

Mark = tuple[Any, ...]
"""What of a step must be the same: its type, name, and what else its body says of the way."""

Lane = tuple[int | None, int | None]
"""Number of the branch and of the iteration."""

_UNMARKED: Final = (
    bodies.VariablesAssigned,
    bodies.TimerSet,
    bodies.TimerFired,
    bodies.TimerCancelled,
    bodies.ExecutionSuspended,
    bodies.ExecutionResumed,
    bodies.NodeHeld,
    bodies.ExecutionForked,
    bodies.ForkTaken,
    bodies.ExecutionImported,
)

_DETAILS: Final[Mapping[type[bodies.EventBody], Callable[[Any], Mark]]] = {
    bodies.StateExited: lambda body: (body.next,),
    bodies.ChoiceTaken: lambda body: (body.next,),
    bodies.ActionFailed: lambda body: (body.error.code, body.retrying),
    bodies.EventAwaited: lambda body: (tuple(sorted(one.type for one in body.filters)),),
    bodies.EventReceived: lambda body: (None if body.event is None else body.event.position,),
    bodies.EventWaitClosed: lambda body: (body.reason,),
    bodies.EventEmitted: lambda body: (body.type,),
    bodies.BranchStarted: lambda body: (body.total, body.needed),
    bodies.BranchJoined: lambda body: body.branches,
    bodies.IterationsOpened: lambda body: (len(body.items),),
    bodies.ErrorCaught: lambda body: (body.error.code, body.next),
    bodies.ExecutionFailed: lambda body: (body.error.code,),
}


def mark_of(event: Event) -> Mark | None:
    """The mark of a step; None for an event that is none."""
    kind = type(event.body)
    if issubclass(kind, _UNMARKED):
        return None
    if kind is bodies.ExecutionStarted:
        return (kind,)  # its name is the workflow's, which may be another one
    detail = _DETAILS.get(kind)
    more = () if detail is None else detail(event.body)
    return (kind, event.name, event.attempt, *more)


class Parting(msgspec.Struct, frozen=True):
    """Where two paths part: the step of the source and that of the simulation (None: it has come to
    its end there). `seq`: behind how many events of the source, about."""

    seq: int
    was: Event | None
    now: Event | None


def parting(
    source: Iterable[Event], simulated: Iterable[Event], *, held: bool = False
) -> Parting | None:
    """The first step in which the paths differ; None: they are the same. `held`: the source is
    suspended, so that the simulation may be ahead of it."""
    ours, theirs = _lanes(source), _lanes(simulated)
    found = [
        one
        for lane in {**ours, **theirs}
        if (one := _first(ours.get(lane, []), theirs.get(lane, []))) is not None
        and not (held and one.was is None)
    ]
    return min(found, key=lambda one: one.seq, default=None)


def pairs(source: Iterable[Event], simulated: Iterable[Event]) -> Iterator[tuple[Event, Event]]:
    """The steps of two executions on the same path, side by side."""
    theirs = _lanes(simulated)
    for lane, steps in _lanes(source).items():
        for (_, one), (_, other) in zip(steps, theirs.get(lane, ()), strict=False):
            yield one, other


def _lanes(events: Iterable[Event]) -> dict[Lane, list[tuple[Mark, Event]]]:
    lanes: dict[Lane, list[tuple[Mark, Event]]] = {}
    for event in events:
        mark = mark_of(event)
        if mark is not None:
            lanes.setdefault((event.branch, event.iteration), []).append((mark, event))
    return lanes


def _first(ours: list[tuple[Mark, Event]], theirs: list[tuple[Mark, Event]]) -> Parting | None:
    for one, other in zip_longest(ours, theirs):
        if one is None:
            return Parting(other[1].seq, None, other[1])
        if other is None:
            return Parting(one[1].seq, one[1], None)
        if one[0] != other[0]:
            return Parting(one[1].seq, one[1], other[1])
    return None
