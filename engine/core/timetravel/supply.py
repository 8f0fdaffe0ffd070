"""Who answers the calls of a simulation, within which bounds, and why it came no further."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import msgspec
from msgspec import UNSET

from engine.core.timetravel.recording import RecordedCloudEvent
from engine.model.command import Arrived, CompleteAction, FailAction
from engine.model.event import Event
from engine.model.state import Action, ExecutionState
from schemas.events.parts import MockAnswer

StopReason = Literal[
    "live_call",
    "no_recorded_answer",
    "no_recorded_event",
    "no_payload",
    "other_trigger",
    "end_of_recording",
    "too_many_events",
    "too_long",
]
"""`live_call`: an action is to be called for real. `no_recorded_answer`: the source made no such
call, or its answer was not waited for. `no_recorded_event`: the source took no CloudEvent (or
callback) for this wait, or the filter refuses it. `no_payload`: it took one, and the log holds only
what a filter made of it. `other_trigger`: the definition is not started by the CloudEvents that
started the source. `end_of_recording`: the source is where this simulation is. The rest: bounds."""


class Call(msgspec.Struct, frozen=True, gc=False):
    """A call that a simulation needs an answer for. `path` and `occurrence` as in
    `engine.core.paths` (`path` is empty and `occurrence` the seq of its first attempt for one that
    was open in the state the simulation began with); `attempt` from 1."""

    path: str
    occurrence: int
    attempt: int
    action: Action


class Mocked(msgspec.Struct, frozen=True, gc=False):
    """An answer that was made up; it comes `after_ms` (virtual time) behind its call, or where the
    recording has an answer, in its place."""

    answer: MockAnswer
    after_ms: int = 0


Choice = Literal["recorded", "live"] | Mocked
Policy = Callable[[Call], Choice]


def recorded(_call: Call) -> Choice:
    """Every answer comes from the recording."""
    return "recorded"


def command_of(action: int, answer: MockAnswer) -> CompleteAction | FailAction:
    """The command that gives the answer."""
    if answer.error is not None:
        return FailAction(action, answer.error)
    return CompleteAction(action, answer.result)


def no_chance() -> float:
    """Jitter always adds nothing."""
    return 0.0


class Rules(msgspec.Struct, frozen=True):
    """How a simulation runs. `cloudevents`: by position of the stream, CloudEvents as they are (or
    were edited) where the recording names them; `offered`: CloudEvents for waits that recorded
    none, in order. `chance` gives numbers in [0, 1) for the jitter of retries. `wait_out`: a wait
    without a CloudEvent runs into its time limit. `go_beyond`: timers that are still open in the
    source fire too. `max_events` and `max_ms` (of virtual time) bound the run."""

    cloudevents: Mapping[int, Arrived] = {}
    offered: Sequence[Arrived] = ()
    chance: Callable[[], float] = no_chance
    wait_out: bool = False
    go_beyond: bool = False
    max_events: int = 1_000_000
    max_ms: int = 100 * 366 * 24 * 3600 * 1000


def arrived_of(one: RecordedCloudEvent, rules: Rules) -> Arrived | None:
    """The CloudEvent as it came. None: the log does not hold its payload, and the rules neither."""
    assert one.event is not None, "the answer of a callback is no CloudEvent"
    given = rules.cloudevents.get(one.event.position)
    if given is not None or one.payload is UNSET:
        return given
    return Arrived(one.event, one.at, one.attributes, one.payload, one.payload)


class Stop(msgspec.Struct, frozen=True, gc=False):
    """Where a simulation stopped. `seq` is that of the event that opened what has no answer (0: it
    is not about one thing), `path`, `name` and `state` say where it is, `message` what to do."""

    reason: StopReason
    message: str
    seq: int = 0
    path: str = ""
    name: str = ""
    state: str = ""
    occurrence: int = 0
    attempt: int = 0


class Outcome(msgspec.Struct, frozen=True):
    """What a simulation came to: its own events, the state after them, and why it stopped (None:
    the execution ended)."""

    events: Sequence[Event]
    state: ExecutionState
    stop: Stop | None = None
