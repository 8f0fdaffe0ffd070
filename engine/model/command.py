"""What may be asked of an execution. Everything from clock, chance and the outside is in here."""

from typing import Any, Literal

import msgspec

from engine.model.breakpoint import Breakpoint
from schemas.events.bodies import ExecutionForked, ExecutionImported, ForkTaken
from schemas.events.parts import Asked, CloudEventRef, Error


class Circumstance(msgspec.Struct, frozen=True, gc=False):
    """Who asks, when and with which chance. `at`: ms since 1970, database-derived. `chance` is in
    [0, 1), for jitter. `actor`: the key's name with how it was authenticated, or `engine`; `asked`:
    of a command from outside, from where and why. `breakpoints`: those that may hold this
    execution."""

    at: int
    actor: str = "engine"
    traceparent: str | None = None
    chance: float = 0.0
    asked: Asked | None = None
    breakpoints: tuple[Breakpoint, ...] = ()


class Arrived(msgspec.Struct, frozen=True, gc=False):
    """A CloudEvent of the stream as the core needs it. `attributes`: context attributes and
    extensions, names in lower case, values as text. `payload`: its data as JSON value;
    `whole`: the event in its JSON form (for definitions that are not `dataOnly`)."""

    event: CloudEventRef
    at: int
    attributes: dict[str, str]
    payload: Any
    whole: Any


class StartExecution(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Begin. `trigger` is the CloudEvent that starts it, if one does."""

    input: Any = None
    name: str | None = None
    start_key: str | None = None
    from_position: int = 0
    trigger: Arrived | None = None
    labels: dict[str, str] = {}


class OfferEvent(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A CloudEvent for a start that gathers several: opens or adds to the gathering."""

    arrived: Arrived


class CompleteAction(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The action with this seq answered."""

    action: int
    result: Any
    printed: str | None = None
    duration_ms: int | None = None


class FailAction(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The action with this seq failed."""

    action: int
    error: Error
    printed: str | None = None
    duration_ms: int | None = None


class FireTimer(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The timer with this seq is due."""

    timer: int


class DeliverEvent(msgspec.Struct, frozen=True, gc=False, tag=True):
    """A CloudEvent that passes a filter of the wait (see `engine.core.matching`)."""

    wait: int
    arrived: Arrived


class DeliverCallback(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The answer to the callback state whose frame is `frame`; its token was already verified."""

    frame: int
    data: Any


class CancelExecution(msgspec.Struct, frozen=True, gc=False, tag=True):
    """End it now."""


class FailExecution(msgspec.Struct, frozen=True, gc=False, tag=True):
    """End it with an error that no handler takes: the action with this seq cannot be answered."""

    action: int
    error: Error


class ForkExecution(msgspec.Struct, frozen=True, tag=True):
    """The prefix is copied (or, at 0, there is none): become an execution of its own. `broken_off`:
    how the prefix stands; `start` or `offers`: at 0, how to begin."""

    body: ExecutionForked
    broken_off: Any = None
    start: StartExecution | None = None
    offers: tuple[Arrived, ...] = ()


class NoteFork(msgspec.Struct, frozen=True, gc=False, tag=True):
    """This execution was forked: a fact for its log, also when it has ended."""

    body: ForkTaken


class ImportExecution(msgspec.Struct, frozen=True, gc=False, tag=True):
    """The log so far is a copy of another installation's: say so, and let nothing of it go on."""

    body: ExecutionImported


class SuspendExecution(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Enter nothing from now on."""


class ResumeExecution(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Enter what is held; `step`: no further than to the next state or action. `breakpoint`: only
    if it is this one that holds the execution."""

    mode: Literal["continue", "step"] = "continue"
    breakpoint: str | None = None


Command = (
    StartExecution
    | OfferEvent
    | CompleteAction
    | FailAction
    | FireTimer
    | DeliverEvent
    | DeliverCallback
    | CancelExecution
    | FailExecution
    | ForkExecution
    | NoteFork
    | ImportExecution
    | SuspendExecution
    | ResumeExecution
)
