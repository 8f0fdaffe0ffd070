"""The fold of provenance: beside the state, the shades of all data in it.

Every fold of `engine.core.evolve` that changes data has its mirror here, and a test holds that all
event types are told of; a second one, that what the shades say is the data of the state.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from msgspec import UNSET, UnsetType

from engine.core.evolve import evolve
from engine.core.merge import apply, with_value
from engine.core.timetravel.blame_shades import Call, Landing, Move, Put, Shade
from engine.model.event import Event
from engine.model.state import ExecutionState, Frame
from schemas.events import bodies
from schemas.events.parts import Write

REMEMBERED: Final = 20_000
"""Values of which it is remembered what they were computed from, the newest."""

Journal = tuple[tuple[Write, Shade], ...]
Facts = Mapping[str, tuple[Any, Shade]]


class FrameTrace:
    """Beside a frame: shades of its data, of what it wrote (a branch, an iteration), of what its
    completed children wrote, of the elements it iterates over."""

    __slots__ = ("data", "done", "items", "journal")

    def __init__(self, data: Shade) -> None:
        self.data = data
        self.journal: Journal = ()
        self.done: dict[int, Journal] = {}
        self.items: Shade | None = None


class Provenance:
    """`state` after the events so far, and the shades beside it: of each open frame, of payloads
    that waits hold, of the output; `calls` that have not answered. `definition_hashes` were in
    force. `forgotten`: how many older values do not know any more what they were computed from.
    `place`: the name of the state that the last event happened in."""

    def __init__(self, state: ExecutionState) -> None:
        self.state = state
        self.frames: dict[int, FrameTrace] = {}
        self.received: dict[tuple[int, str], Shade] = {}
        self.output: Shade | None = None
        self.forgotten = 0
        self.place = ""
        self.definition_hashes: set[str] = set()
        self.calls: dict[int, Call] = {}
        self._enough = 1_000
        self._computed: deque[Put] = deque()

    def advance(self, event: Event) -> None:
        """Fold one more event."""
        before, self.state = self.state, evolve(self.state, event)
        self.place = _state_of(before, event)
        mirror = MIRRORS.get(type(event.body))
        if mirror is not None:
            mirror(self, event, event.body, before)
        else:
            assert type(event.body) in UNTOUCHED, type(event.body)
        if len(self.state.frames) < len(self.frames):
            for frame in [one for one in self.frames if one not in self.state.frames]:
                del self.frames[frame]
        if len(self.calls) + len(self.received) > self._enough:
            self._forget_closed()

    def _forget_closed(self) -> None:
        """Calls and waits that ended with what they were in."""
        state = self.state
        timers = [one.action for one in state.timers.values() if one.action is not None]
        waiting = [*state.actions.values(), *state.failed.values(), *timers]
        open_calls = {one.first for one in waiting}
        self.calls = {key: call for key, call in self.calls.items() if key in open_calls}
        self.received = {key: one for key, one in self.received.items() if key[0] in state.waits}
        self._enough = 2 * (len(self.calls) + len(self.received)) + 1_000

    def put(self, kind: str, event: Event, value: Any, **rest: Any) -> Shade:
        """The shade of a value that comes into the log here."""
        made = Put(
            kind, event, value,
            state=self.place, definition_hash=self.state.definition_hash, **rest,
        )  # fmt: skip
        if made.given is not None or made.call is not None:
            self._computed.append(made)
            if len(self._computed) > REMEMBERED:
                oldest = self._computed.popleft()
                oldest.given = oldest.call = None
                self.forgotten += 1
        return Shade(made)

    def landing(self, event: Event, number: int, write: Write) -> Landing:
        """The write on its way; what it makes there is its own."""
        return Landing(
            write, lambda empty: self.put("made", event, empty, number=number, write=write)
        )

    def write(
        self,
        trace: FrameTrace,
        frame: Frame,
        event: Event,
        writes: Iterable[Write],
        facts: Facts,
        given: Shade | None = None,
        kind: str = "computed",
    ) -> None:
        """See `engine.core.evolve.frames.written`. `given`: what the expression of a write with a
        value of its own saw; `kind`: what such a value is."""
        data = frame.data
        keeps = frame.kind in ("branch", "iteration")
        for number, write in enumerate(writes):
            if write.of is None:
                value = write.value
                shade = self.put(kind, event, value, number=number, write=write, given=given)
            else:
                value, came = facts[write.of]
                shade = came.moved(Move(event, number, write.of, self.place, write))
            trace.data = self.landing(event, number, write).applied(trace.data, data, shade, value)
            data = apply(data, write, value)
            if keeps:
                trace.journal = (*trace.journal, (with_value(write, value), shade))


def _state_of(before: ExecutionState, event: Event) -> str:
    """The name of the state that the event happened in; nothing outside of any."""
    if isinstance(event.body, bodies.StateEntered):
        return event.name
    frame = before.frames.get(event.frame)
    while frame is not None and frame.kind != "state":
        frame = before.frames.get(frame.parent)
    return "" if frame is None else frame.name


def _execution_started(
    trace: Provenance, event: Event, body: bodies.ExecutionStarted, before: ExecutionState
) -> None:
    trace.definition_hashes.add(body.definition_hash)
    trace.frames[event.seq] = FrameTrace(trace.put("input", event, body.input))


def _execution_forked(
    trace: Provenance, event: Event, body: bodies.ExecutionForked, before: ExecutionState
) -> None:
    trace.definition_hashes.add(body.definition_hash)
    for edit in body.edits:
        frame = before.frames[edit.frame]
        trace.write(trace.frames[edit.frame], frame, event, edit.writes, {}, kind="edited")


def _execution_completed(
    trace: Provenance, event: Event, body: bodies.ExecutionCompleted, before: ExecutionState
) -> None:
    trace.output = trace.frames[before.root].data


def _state_entered(
    trace: Provenance, event: Event, body: bodies.StateEntered, before: ExecutionState
) -> None:
    parent, frame = before.frames[event.frame], trace.state.frames[event.seq]
    around = trace.frames[parent.id].data
    made = trace.frames[event.seq] = FrameTrace(trace.put("made", event, None))
    empty = Frame(frame.id, frame.parent, frame.kind, frame.node, frame.name)
    trace.write(made, empty, event, body.writes, {"parent": (parent.data, around)}, around)


def _state_exited(
    trace: Provenance, event: Event, body: bodies.StateExited, before: ExecutionState
) -> None:
    frame = before.frames[event.frame]
    left = trace.frames[frame.id].data
    around = trace.frames[frame.parent]
    facts = {"child": (frame.data, left)}
    trace.write(around, before.frames[frame.parent], event, body.writes, facts, left)


def _variables_assigned(
    trace: Provenance, event: Event, body: bodies.VariablesAssigned, before: ExecutionState
) -> None:
    here = trace.frames[event.frame]
    trace.write(here, before.frames[event.frame], event, body.writes, {}, here.data)


def _error_caught(
    trace: Provenance, event: Event, body: bodies.ErrorCaught, before: ExecutionState
) -> None:
    here = trace.frames[event.frame]
    here.done, here.items = {}, None


def _action_scheduled(
    trace: Provenance, event: Event, body: bodies.ActionScheduled, before: ExecutionState
) -> None:
    if body.retry_of is None:
        trace.calls[event.seq] = Call(event, trace.frames[event.frame].data)


def _action_completed(
    trace: Provenance, event: Event, body: bodies.ActionCompleted, before: ExecutionState
) -> None:
    action = before.actions[body.action]
    call = trace.calls.pop(action.first, None)
    if call is not None:
        call.attempt = action.attempt
    result = trace.put("result", event, body.result, call=call)
    facts = {"result": (body.result, result)}
    frame = before.frames[event.frame]
    trace.write(trace.frames[event.frame], frame, event, body.writes, facts, result)


def _action_failed(
    trace: Provenance, event: Event, body: bodies.ActionFailed, before: ExecutionState
) -> None:
    if not body.retrying:
        trace.calls.pop(before.actions[body.action].first, None)


def _action_cancelled(
    trace: Provenance, event: Event, body: bodies.ActionCancelled, before: ExecutionState
) -> None:
    trace.calls.pop(before.actions[body.action].first, None)


def _event_received(
    trace: Provenance, event: Event, body: bodies.EventReceived, before: ExecutionState
) -> None:
    kind = "callback" if body.event is None else "cloudevent"
    payload = trace.put(kind, event, body.data)
    wait = before.waits.get(body.wait)
    facts: dict[str, tuple[Any, Shade]] = {"data": (body.data, payload)}
    if wait is not None:
        for ref, value in wait.received.items():
            facts[f"received:{ref}"] = (value, trace.received[wait.id, ref])
        if not body.done:
            trace.received[wait.id, body.ref] = payload
        else:
            for ref in wait.received:
                del trace.received[wait.id, ref]
    if body.writes:
        frame = before.frames[event.frame]
        alone = payload if wait is None or not wait.received else None  # else: which of them?
        trace.write(trace.frames[event.frame], frame, event, body.writes, facts, alone, kind)


def _branch_started(
    trace: Provenance, event: Event, body: bodies.BranchStarted, before: ExecutionState
) -> None:
    around = trace.frames[event.frame].data
    trace.frames[event.seq] = FrameTrace(around.moved(Move(event, 0, "parent", trace.place)))


def _branch_completed(
    trace: Provenance, event: Event, body: bodies.BranchCompleted, before: ExecutionState
) -> None:
    _completed(trace, before.frames[event.frame], event.branch or 0)


def _iteration_completed(
    trace: Provenance, event: Event, body: bodies.IterationCompleted, before: ExecutionState
) -> None:
    _completed(trace, before.frames[event.frame], event.iteration or 0)


def _completed(trace: Provenance, child: Frame, number: int) -> None:
    trace.frames[child.parent].done[number] = trace.frames[child.id].journal


def _branch_joined(
    trace: Provenance, event: Event, body: bodies.BranchJoined, before: ExecutionState
) -> None:
    here, frame = trace.frames[event.frame], before.frames[event.frame]
    facts: dict[str, tuple[Any, Shade]] = {}
    writes: list[Write] = []
    for write in body.writes:
        if write.of != "branches":
            writes.append(write)
            continue
        journals = [one for branch in body.branches for one in here.done[branch]]
        for done, shade in journals:
            name = f"branches:{len(writes)}"
            facts[name] = (done.value, shade)
            writes.append(Write(done.path, done.mode, of=name, source=done.source))
    here.done = {}
    trace.write(here, frame, event, writes, facts)


def _iterations_opened(
    trace: Provenance, event: Event, body: bodies.IterationsOpened, before: ExecutionState
) -> None:
    here = trace.frames[event.frame]
    here.items = trace.put("elements", event, body.items, given=here.data)
    here.done = {}


def _iteration_started(
    trace: Provenance, event: Event, body: bodies.IterationStarted, before: ExecutionState
) -> None:
    parent, around = before.frames[event.frame], trace.frames[event.frame]
    data = around.data.moved(Move(event, 0, "parent", trace.place))
    if parent.parameter is not None and parent.items is not None and around.items is not None:
        if not isinstance(parent.data, dict):
            data = trace.put("made", event, {})
        item = around.items.child(event.iteration or 0).moved(
            Move(event, 1, "elements", trace.place)
        )
        data = data.under({parent.parameter: item})
    trace.frames[event.seq] = FrameTrace(data)


def _iterations_joined(
    trace: Provenance, event: Event, body: bodies.IterationsJoined, before: ExecutionState
) -> None:
    here, frame = trace.frames[event.frame], before.frames[event.frame]
    results = [_result_of(trace, event, here.done[number]) for number in range(frame.total)]
    collected = trace.put("collected", event, []).under(
        {number: shade for number, (_, shade) in enumerate(results)}, len(results)
    )
    values = [value for value, _ in results]
    here.done, here.items = {}, None
    trace.write(here, frame, event, body.writes, {"iterations": (values, collected)})


def _result_of(trace: Provenance, event: Event, journal: Journal) -> tuple[Any, Shade]:
    """See `engine.core.merge.result_of`."""
    result: Any | UnsetType = UNSET
    shade = trace.put("collected", event, None)
    for number, (write, arrived) in enumerate(journal):
        if write.mode == "result" or (not write.path and not isinstance(write.value, dict)):
            result, shade = write.value, arrived
            continue
        if not isinstance(result, dict):
            result, shade = {}, trace.put("made", event, {})
        shade = trace.landing(event, number, write).applied(shade, result, arrived, write.value)
        result = apply(result, write, write.value)
    return (None if result is UNSET else result), shade


Mirror = Callable[[Provenance, Event, Any, ExecutionState], None]

MIRRORS: Final[Mapping[type[bodies.EventBody], Mirror]] = {
    bodies.ExecutionStarted: _execution_started,
    bodies.ExecutionForked: _execution_forked,
    bodies.ExecutionCompleted: _execution_completed,
    bodies.StateEntered: _state_entered,
    bodies.StateExited: _state_exited,
    bodies.VariablesAssigned: _variables_assigned,
    bodies.ErrorCaught: _error_caught,
    bodies.ActionScheduled: _action_scheduled,
    bodies.ActionCompleted: _action_completed,
    bodies.ActionFailed: _action_failed,
    bodies.ActionCancelled: _action_cancelled,
    bodies.EventReceived: _event_received,
    bodies.BranchStarted: _branch_started,
    bodies.BranchCompleted: _branch_completed,
    bodies.BranchJoined: _branch_joined,
    bodies.IterationsOpened: _iterations_opened,
    bodies.IterationStarted: _iteration_started,
    bodies.IterationCompleted: _iteration_completed,
    bodies.IterationsJoined: _iterations_joined,
}
"""What each event type does to shades, where it touches data."""

UNTOUCHED: Final[frozenset[type[bodies.EventBody]]] = frozenset(
    {
        bodies.GatheringOpened, bodies.GatheringExpired, bodies.ChoiceTaken, bodies.ActionSkipped,
        bodies.RetryScheduled, bodies.TimerSet, bodies.TimerFired, bodies.TimerCancelled,
        bodies.EventAwaited, bodies.CallbackReceived, bodies.EventWaitClosed, bodies.EventEmitted,
        bodies.BranchCancelled, bodies.IterationCancelled, bodies.ExecutionFailed,
        bodies.ExecutionCancelled, bodies.ExecutionSuspended, bodies.ExecutionResumed,
        bodies.NodeHeld, bodies.ForkTaken, bodies.ExecutionImported,
    }
)  # fmt: skip
"""Event types that change no data."""
