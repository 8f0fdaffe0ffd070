"""What a recorded execution was told from outside, found by the path of what asked for it.

A recording answers the calls of a fork or of a simulation: the same action, under the same path, in
the same order of its calls, gets the answer that it got then.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final, Literal

import msgspec
from msgspec import UNSET, UnsetType

from engine.core.paths import Handle, Places
from engine.model.event import Event
from engine.model.state import ExecutionState
from schemas.events import bodies
from schemas.events.parts import Asked, CloudEventRef, Error, EventFilter

_BY_REQUEST: Final = "cancelled"
"""Why what was open is cancelled where somebody cancelled the execution."""


class RecordedAnswer(msgspec.Struct, gc=False):
    """What became of one attempt of a call. `seq` and `at` of the event that said it; `open`: the
    log says nothing of it; `cancelled`: its answer was no longer wanted."""

    outcome: Literal["completed", "failed", "cancelled", "open"] = "open"
    seq: int = 0
    at: int = 0
    result: Any = None
    error: Error | None = None
    printed: str | None = None
    duration_ms: int | None = None

    @property
    def given(self) -> bool:
        """Whether there is an answer."""
        return self.outcome in ("completed", "failed")


class RecordedTimer(msgspec.Struct, gc=False):
    """When a timer fired: `seq` and `at` of TimerFired, 0 if it did not. `cancelled`: it was no
    longer wanted."""

    seq: int = 0
    at: int = 0
    cancelled: bool = False


class RecordedCloudEvent(msgspec.Struct, frozen=True, gc=False):
    """A CloudEvent that was taken for event definition `ref`, or the answer of a callback (`event`
    is None). `payload` as the filters of the state saw it; UNSET: the log holds only what a filter
    made of it, the whole is at its position of the stream. `attributes`: those context attributes
    that the log knows of."""

    seq: int
    at: int
    ref: str
    event: CloudEventRef | None
    payload: Any | UnsetType
    attributes: dict[str, str] = {}
    asked: Asked | None = None


class RecordedWait(msgspec.Struct, gc=False):
    """What a wait took, in order. `over`: it was satisfied, or closed before the end."""

    taken: list[RecordedCloudEvent] = []
    over: bool = False


class Beginning(msgspec.Struct, frozen=True, gc=False):
    """How the execution began: the body of its ExecutionStarted and the CloudEvents that started
    it, in the order in which they came (none: a request did). `gathered`: it needed several."""

    at: int
    body: bodies.ExecutionStarted | None = None
    gathered: bool = False
    events: tuple[RecordedCloudEvent, ...] = ()


class Recording:
    """The answers that the events of one execution hold, behind event `after`.

    `answers`: of each attempt of each call; `timers`, `taken`: of each timer and wait; `callbacks`:
    answers of callbacks, by the handle of their state's frame. `last` is the seq of the last event,
    `closed` whether a terminal event is among them, `cancelled` the (seq, at, asked) of a
    cancellation: what was open then counts as open to the end."""

    __slots__ = (
        "after", "answers", "beginning", "callbacks", "cancelled", "closed", "last", "taken",
        "timers",
    )  # fmt: skip

    def __init__(self, after: int = 0) -> None:
        self.after = after
        self.last = after
        self.closed = False
        self.beginning: Beginning | None = None
        self.cancelled: tuple[int, int, Asked] | None = None
        self.answers: dict[tuple[Handle, int], RecordedAnswer] = {}
        self.timers: dict[Handle, RecordedTimer] = {}
        self.taken: dict[Handle, RecordedWait] = {}
        self.callbacks: dict[Handle, RecordedCloudEvent] = {}

    @classmethod
    def of(
        cls, events: Iterable[Event], after: int = 0, state: ExecutionState | None = None
    ) -> "Recording":
        """The recording of these events. They begin at the first event, or behind `state`; what was
        open at event `after` is found by its seq, what was opened later by its path."""
        return RecordingReader(cls(after), state).read(events)

    @property
    def is_over(self) -> bool:
        """Whether the execution ended by itself: nothing that it left open would still come."""
        return self.closed and self.cancelled is None

    def answer(self, path: str, occurrence: int, attempt: int) -> RecordedAnswer | None:
        """What became of an attempt of the call that was asked for behind `after`; None: the source
        made no such call."""
        return self.answers.get((("call", path, occurrence), attempt))

    def pending_answer(self, first: int, attempt: int) -> RecordedAnswer | None:
        """What became of an attempt of a call that was open at `after`; `first` is the seq of its
        first attempt."""
        return self.answers.get((("call", first), attempt))

    def callback(self, frame: Handle) -> RecordedCloudEvent | None:
        """The answer that a callback state got; `frame` as in `Places.visits`."""
        return self.callbacks.get(frame)


class RecordingReader:
    """Reads events into a recording, all at once or a page after the other. Tables lead from the
    seq of what is open to its handle."""

    def __init__(self, recording: Recording, state: ExecutionState | None = None) -> None:
        self._recording = recording
        self._places = Places(recording.after, state)
        self._calls: dict[int, tuple[Handle, int]] = {}
        self._timers: dict[int, Handle] = {}
        self._waits: dict[int, Handle] = {}
        self._filters: dict[int, tuple[EventFilter, ...]] = {}
        self._correlation: dict[str, str] = {}
        self._closed_waits: list[tuple[int, Handle]] = []
        self._gathering = 0
        if state is not None:
            self._go_on_from(state)

    def _go_on_from(self, state: ExecutionState) -> None:
        self._correlation.update(state.correlation)
        for action in state.actions.values():
            self._open_call(action.id, ("call", action.first), action.attempt)
        for timer in state.timers.values():
            self._open_timer(timer.id, (timer.purpose, timer.id))
        for wait in state.waits.values():
            self._open_wait(wait.id, ("call" if wait.callback else "wait", wait.id), wait.filters)
            if not wait.frame:
                self._gathering = wait.id

    def read(self, events: Iterable[Event]) -> Recording:
        """These events too, which follow those read before; gives the recording so far."""
        recording, places = self._recording, self._places
        for event in events:
            recording.last = event.seq
            handle = places.note(event)
            if handle is not None:
                self._open(event, handle)
            else:
                read = _READ.get(type(event.body))
                if read is not None:
                    read(self, event, event.body)
        return recording

    # -------------------------------------------------------------- what opens

    def _open(self, event: Event, handle: Handle) -> None:
        body = event.body
        if isinstance(body, bodies.ActionScheduled):
            self._open_call(event.seq, handle, event.attempt or 1)
        elif isinstance(body, bodies.EventAwaited | bodies.GatheringOpened):
            self._open_wait(event.seq, handle, body.filters)
            if isinstance(body, bodies.GatheringOpened):
                self._gathering = event.seq
                self._recording.beginning = Beginning(event.at, gathered=True)
        else:
            self._open_timer(event.seq, handle)

    def _open_call(self, seq: int, handle: Handle, attempt: int) -> None:
        self._calls[seq] = (handle, attempt)
        self._recording.answers[handle, attempt] = RecordedAnswer()

    def _open_timer(self, seq: int, handle: Handle) -> None:
        self._timers[seq] = handle
        self._recording.timers[handle] = RecordedTimer()

    def _open_wait(self, seq: int, handle: Handle, filters: tuple[EventFilter, ...]) -> None:
        self._waits[seq], self._filters[seq] = handle, filters
        self._recording.taken[handle] = RecordedWait()

    # -------------------------------------------------------------- what is told from outside

    def started(self, event: Event, body: bodies.ExecutionStarted) -> None:
        before = self._recording.beginning
        events = () if before is None else before.events
        gathered = before is not None
        self._recording.beginning = Beginning(event.at, body, gathered, events)

    def completed(self, event: Event, body: bodies.ActionCompleted) -> None:
        key = self._calls.pop(body.action, None)
        if key is not None and event.seq > self._recording.after:
            self._recording.answers[key] = RecordedAnswer(
                "completed", event.seq, event.at, None if body.result is UNSET else body.result,
                printed=body.printed, duration_ms=body.duration_ms,
            )  # fmt: skip

    def failed(self, event: Event, body: bodies.ActionFailed) -> None:
        key = self._calls.pop(body.action, None)
        if key is not None and event.seq > self._recording.after:
            self._recording.answers[key] = RecordedAnswer(
                "failed", event.seq, event.at, error=body.error, printed=body.printed,
                duration_ms=body.duration_ms,
            )  # fmt: skip

    def call_cancelled(self, event: Event, body: bodies.ActionCancelled) -> None:
        key = self._calls.pop(body.action, None)
        if key is not None and body.reason != _BY_REQUEST:
            self._recording.answers[key] = RecordedAnswer("cancelled", event.seq, event.at)

    def fired(self, event: Event, body: bodies.TimerFired) -> None:
        handle = self._timers.pop(body.timer, None)
        if handle is not None and event.seq > self._recording.after:
            self._recording.timers[handle] = RecordedTimer(event.seq, event.at)

    def timer_cancelled(self, _event: Event, body: bodies.TimerCancelled) -> None:
        handle = self._timers.pop(body.timer, None)
        if handle is not None and body.reason != _BY_REQUEST:
            self._recording.timers[handle] = RecordedTimer(cancelled=True)

    def received(self, event: Event, body: bodies.EventReceived) -> None:
        attributes = self._attributes(body)
        self._correlation.update(body.correlation)
        taken = RecordedCloudEvent(
            event.seq, event.at, body.ref, body.event, body.data, attributes, body.asked
        )
        if body.wait in (0, self._gathering):
            self._begun_by(taken)
        if event.seq > self._recording.after:
            self._take(event, body, taken)
        if body.done:
            self._end_wait(body.wait)

    def wait_closed(self, event: Event, body: bodies.EventWaitClosed) -> None:
        if (handle := self._waits.get(body.wait)) is not None:
            self._closed_waits.append((event.seq, handle))
        self._end_wait(body.wait)

    def _end_wait(self, wait: int) -> None:
        handle = self._waits.pop(wait, None)
        self._filters.pop(wait, None)
        if handle is not None:
            self._recording.taken[handle].over = True

    def _begun_by(self, taken: RecordedCloudEvent) -> None:
        before = self._recording.beginning
        if before is not None:
            events = (*before.events, taken)
            self._recording.beginning = Beginning(before.at, before.body, before.gathered, events)

    def _take(self, event: Event, body: bodies.EventReceived, taken: RecordedCloudEvent) -> None:
        handle = self._waits.get(body.wait)
        if handle is not None:
            self._recording.taken[handle].taken.append(taken)
        if body.event is None:
            self._answer_callback(event, taken)

    def _attributes(self, body: bodies.EventReceived) -> dict[str, str]:
        """The context attributes that the wait's filter looked at, with the values they had."""
        known = {**self._correlation, **body.correlation}
        attributes = dict(body.correlation)
        for one in self._filters.get(body.wait, ()):
            if one.ref == body.ref:
                for name, value in one.correlation:
                    found = value if value is not None else known.get(name)
                    if found is not None:
                        attributes[name] = found
        return attributes

    def called_back(self, event: Event, body: bodies.CallbackReceived) -> None:
        if event.seq > self._recording.after:
            answer = RecordedCloudEvent(event.seq, event.at, "", None, body.data, asked=body.asked)
            self._answer_callback(event, answer)

    def _answer_callback(self, event: Event, answer: RecordedCloudEvent) -> None:
        frame = self._places.visits.get(event.frame)
        if frame is not None:
            self._recording.callbacks.setdefault(frame, answer)

    def cancelled(self, event: Event, body: bodies.ExecutionCancelled) -> None:
        self._recording.cancelled = (event.seq, event.at, body.asked)
        self._recording.closed = True
        first = event.causation or event.seq  # of the turn that cancelled
        for seq, handle in self._closed_waits:
            if seq >= first:
                self._recording.taken[handle].over = False

    def ended(self, _event: Event, _body: Any) -> None:
        self._recording.closed = True


_READ: Final[dict[type[bodies.EventBody], Callable[[RecordingReader, Event, Any], None]]] = {
    bodies.ExecutionStarted: RecordingReader.started,
    bodies.ActionCompleted: RecordingReader.completed,
    bodies.ActionFailed: RecordingReader.failed,
    bodies.ActionCancelled: RecordingReader.call_cancelled,
    bodies.TimerFired: RecordingReader.fired,
    bodies.TimerCancelled: RecordingReader.timer_cancelled,
    bodies.EventReceived: RecordingReader.received,
    bodies.CallbackReceived: RecordingReader.called_back,
    bodies.EventWaitClosed: RecordingReader.wait_closed,
    bodies.ExecutionCancelled: RecordingReader.cancelled,
    bodies.ExecutionCompleted: RecordingReader.ended,
    bodies.ExecutionFailed: RecordingReader.ended,
    bodies.GatheringExpired: RecordingReader.ended,
}
