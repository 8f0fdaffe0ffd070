"""Steps and differences in a few words, the same for all executions that have them."""

from collections.abc import Mapping
from typing import Final

from engine.core.timetravel.difference import Difference
from engine.model.event import Event
from schemas.events import bodies

_WORDS: Final[Mapping[type[bodies.EventBody], str]] = {
    bodies.ExecutionStarted: "starts",
    bodies.ExecutionForked: "goes its own way",
    bodies.ForkTaken: "is forked",
    bodies.ExecutionImported: "is brought here",
    bodies.ExecutionSuspended: "is held ({body.reason})",
    bodies.ExecutionResumed: "is let go on",
    bodies.NodeHeld: "stands before {event.name}",
    bodies.VariablesAssigned: "writes the data of {event.name}",
    bodies.TimerSet: "sets a timer ({body.purpose})",
    bodies.TimerFired: "is woken by a timer ({body.purpose})",
    bodies.TimerCancelled: "ends a timer",
    bodies.StateEntered: "enters {event.name}",
    bodies.StateExited: "leaves {event.name} for {next}",
    bodies.ChoiceTaken: "{event.name} decides for {next}",
    bodies.ActionScheduled: "calls {event.name}{answered}",
    bodies.ActionCompleted: "{event.name} answers",
    bodies.ActionFailed: "{event.name} fails with {body.error.code}{again}",
    bodies.ActionSkipped: "skips {event.name}",
    bodies.ActionCancelled: "no longer waits for {event.name}",
    bodies.RetryScheduled: "tries {event.name} again",
    bodies.EventAwaited: "waits for {types}",
    bodies.EventReceived: "receives {body.ref}",
    bodies.CallbackReceived: "is called back",
    bodies.EventWaitClosed: "no longer waits ({body.reason})",
    bodies.EventEmitted: "emits {body.type}",
    bodies.BranchStarted: "starts branch {event.name}",
    bodies.BranchCompleted: "ends branch {event.name}",
    bodies.BranchCancelled: "cancels branch {event.name}",
    bodies.BranchJoined: "joins the branches of {event.name}",
    bodies.IterationsOpened: "iterates over {event.name}",
    bodies.IterationStarted: "starts an iteration of {event.name}",
    bodies.IterationCompleted: "ends an iteration of {event.name}",
    bodies.IterationCancelled: "cancels an iteration of {event.name}",
    bodies.IterationsJoined: "has iterated over {event.name}",
    bodies.ErrorCaught: "catches {body.error.code}",
    bodies.ExecutionCompleted: "completes",
    bodies.ExecutionFailed: "fails with {body.error.code}",
    bodies.ExecutionCancelled: "is cancelled",
}

_ANSWERED: Final = {"live": "", "recorded": " (answer recorded)", "mock": " (answer made up)"}


def told(event: Event | None) -> str:
    """The step in words; None: there is none, the execution stays where it is."""
    if event is None:
        return "stays where it is"
    body = event.body
    following = getattr(body, "next", None) or "the end"
    types = ", ".join(one.type for one in getattr(body, "filters", ()))
    again = ", to be tried again" if getattr(body, "retrying", False) else ""
    words = _WORDS.get(type(body), type(body).__name__)
    return words.format(
        event=event, body=body, next=following, types=types, again=again, answered=_answered(body)
    )


def _answered(body: bodies.EventBody) -> str:
    """That nothing is really called. Expressions are evaluated, whoever answers the calls."""
    if not isinstance(body, bodies.ActionScheduled):
        return ""
    return _ANSWERED[body.answered_by]


def told_difference(one: Difference) -> str:
    """A difference in a sentence without its end."""
    place = f"at {one.state}" if one.state else "from the start"
    match one.kind:
        case "branch":
            was, now = one.condition_was or "the default", one.condition_now or "the default"
            condition = now if was == now else f"{now} (was {was})"
            return f"{place}, {condition}: was {one.was}, now {one.now}"
        case "no_answer":
            return f"{place}, action {one.name} has no recorded result; it was: {one.was}"
        case "no_event":
            return f"{place}, {one.name} takes none of the recorded CloudEvents; it was: {one.was}"
        case "fails":
            return f"{place}, fails with {one.now}; it was: {one.was}"
        case "path":
            return f"{place}, was: {one.was}; now: {one.now}"
        case "call":
            return f"{place}, calls {one.name} with something else at {one.pointer}"
        case "emission":
            return f"{place}, emits {one.name} with something else at {one.pointer}"
        case "output":
            return f"on the same path, another output at {one.pointer or 'its root'}"
        case "data":
            return f"still running, other data of {one.name} at {one.pointer or 'its root'}"
        case "wait":
            return f"still running, {one.name} waits for other CloudEvents"
