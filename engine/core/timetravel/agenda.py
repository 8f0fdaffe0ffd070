"""What may come next in a simulation: recorded answers in their order, then the clock."""

import heapq
from collections import deque
from collections.abc import Sequence

import msgspec

from engine.core.matching import accepting
from engine.core.paths import Handle, Places, state_of
from engine.core.timetravel.recording import RecordedWait, Recording
from engine.core.timetravel.supply import (
    Call,
    Mocked,
    Policy,
    Rules,
    Stop,
    StopReason,
    arrived_of,
    command_of,
)
from engine.model.command import (
    CancelExecution,
    Command,
    CompleteAction,
    DeliverCallback,
    DeliverEvent,
    FailAction,
    FireTimer,
    OfferEvent,
)
from engine.model.event import Event
from engine.model.state import Action, ExecutionState, RunningTimer, Wait
from schemas.events import bodies
from schemas.events.parts import Asked

_NEVER_OPENED = RecordedWait(over=True)


class Due(msgspec.Struct, frozen=True):
    """A command and when it comes (ms since 1970)."""

    command: Command
    at: int
    asked: Asked | None = None


class Agenda:
    """Follows a simulation's events and knows what can answer what they open.

    `_recorded` is a heap of what the recording says, by the seq of its event, `_timed` one of what
    only the clock brings, by time. `_stuck`: what nothing answers, and why."""

    def __init__(
        self, state: ExecutionState, recording: Recording, policy: Policy, rules: Rules
    ) -> None:
        self._recording = recording
        self._policy = policy
        self._rules = rules
        self._places = Places(recording.after, state)
        self._first: deque[Due] = deque()
        self._recorded: list[tuple[int, int, Due]] = []
        self._timed: list[tuple[int, int, Command]] = []
        self._stuck: dict[int, Stop] = {}
        self._pushed = 0
        self._is_cancelled = False
        self._seed(state)

    def first(self, command: Command, at: int, asked: Asked | None = None) -> None:
        """Give this command before anything else, in the order of these calls."""
        self._first.append(Due(command, at, asked))

    def _seed(self, state: ExecutionState) -> None:
        """What the state the simulation begins with has open."""
        for action in state.actions.values():
            self._call(action, ("call", action.first))
        for timer in state.timers.values():
            self._timer(timer, (timer.purpose, timer.id))
        for wait in state.waits.values():
            self._wait(wait, ("call" if wait.callback else "wait", wait.id))
        for frame in state.frames:
            self._callback(frame)

    # -------------------------------------------------------------- following

    def follow(self, events: Sequence[Event], state: ExecutionState) -> None:
        """Note what these events opened; `state` is the one after them."""
        for event in events:
            handle = self._places.note(event)
            if handle is not None:
                self._opened(event, handle, state)
            elif isinstance(event.body, bodies.StateEntered):
                self._callback(event.seq)

    def _opened(self, event: Event, handle: Handle, state: ExecutionState) -> None:
        """What is closed again by the end of the step needs no answer."""
        if (action := state.actions.get(event.seq)) is not None:
            self._call(action, handle)
        elif (timer := state.timers.get(event.seq)) is not None:
            self._timer(timer, handle)
        elif (wait := state.waits.get(event.seq)) is not None:
            self._wait(wait, handle)
            if wait.callback:
                self._callback(wait.frame)

    def _call(self, action: Action, handle: Handle) -> None:
        path, occurrence = (handle[1], handle[2]) if len(handle) == 3 else ("", handle[1])
        answer = self._recording.answers.get((handle, action.attempt))
        choice = self._policy(Call(path, occurrence, action.attempt, action))
        if isinstance(choice, Mocked):
            command = command_of(action.id, choice.answer)
            if answer is not None and answer.given:
                self._push_recorded(answer.seq, Due(command, answer.at))
            else:
                self._push_timed(action.at + choice.after_ms, command)
        elif choice == "live":
            self._stick(action, handle, "live_call", "is to be called for real", action.attempt)
        elif answer is None or answer.outcome == "cancelled":
            self._stick(
                action, handle, "no_recorded_answer", "has no recorded answer", action.attempt
            )
        elif not answer.given:
            self._stick(action, handle, "end_of_recording", "has not answered", action.attempt)
        elif answer.error is not None:
            failed = FailAction(action.id, answer.error, answer.printed, answer.duration_ms)
            self._push_recorded(answer.seq, Due(failed, answer.at))
        else:
            completed = CompleteAction(action.id, answer.result, answer.printed, answer.duration_ms)
            self._push_recorded(answer.seq, Due(completed, answer.at))

    def _timer(self, timer: RunningTimer, handle: Handle) -> None:
        command, known = FireTimer(timer.id), self._recording.timers.get(handle)
        ends_a_wait, rules = timer.purpose == "event_timeout", self._rules
        if known is not None and known.seq:
            self._push_recorded(known.seq, Due(command, max(known.at, timer.due)))
        elif ends_a_wait and not (rules.wait_out or rules.go_beyond):
            return  # its wait is what has no answer
        elif known is None or known.cancelled or self._recording.is_over or rules.go_beyond:
            self._push_timed(timer.due, command)
        elif not ends_a_wait:
            self._stick(timer, handle, "end_of_recording", "is running")

    def _wait(self, wait: Wait, handle: Handle) -> None:
        known = self._recording.taken.get(handle, _NEVER_OPENED)
        self._stick(wait, handle, *_why(known, is_over=self._recording.is_over))
        for one in known.taken:
            if one.event is None:
                continue  # the answer of a callback, which its frame looks for
            arrived = arrived_of(one, self._rules)
            if arrived is not None:
                gathers = not wait.frame
                command = OfferEvent(arrived) if gathers else DeliverEvent(wait.id, arrived)
                self._push_recorded(one.seq, Due(command, one.at))
            else:
                why = f"took a CloudEvent whose payload is at position {one.event.position}"
                self._stick(wait, handle, "no_payload", why)

    def _callback(self, frame: int) -> None:
        """A callback may be answered before its state waits, so the frame looks for it too."""
        if not self._recording.callbacks:
            return
        visit = self._places.visits.get(frame)
        answer = None if visit is None else self._recording.callbacks.get(visit)
        if answer is not None:
            command = DeliverCallback(frame, answer.payload)
            self._push_recorded(answer.seq, Due(command, answer.at, answer.asked))

    def _push_recorded(self, seq: int, due: Due) -> None:
        self._pushed += 1
        heapq.heappush(self._recorded, (seq, self._pushed, due))

    def _push_timed(self, at: int, command: Command) -> None:
        self._pushed += 1
        heapq.heappush(self._timed, (at, self._pushed, command))

    def _stick(
        self, one: Action | RunningTimer | Wait, handle: Handle, reason: StopReason, why: str,
        attempt: int = 0,
    ) -> None:  # fmt: skip
        path, occurrence = (handle[1], handle[2]) if len(handle) == 3 else ("", 0)
        state = state_of(self._places.path(one.frame))
        self._stuck[one.id] = Stop(
            reason, f"{one.name!r} {why}", one.id, path, one.name, state, occurrence, attempt
        )

    # -------------------------------------------------------------- choosing

    def next(self, state: ExecutionState) -> Due | Stop:
        """What comes next in this state."""
        if self._first:
            return self._first.popleft()
        while self._recorded:
            _, _, due = heapq.heappop(self._recorded)
            if _is_open(state, due.command):
                return due
        offered = self._offered(state)
        if offered is not None:
            return offered
        self._stuck = {seq: one for seq, one in self._stuck.items() if _holds(state, seq)}
        stuck = self._unanswered(state)
        return stuck if stuck is not None else self._by_the_clock(state)

    def _offered(self, state: ExecutionState) -> Due | None:
        for arrived in self._rules.offered if state.phase == "running" else ():
            for wait in state.waits.values():
                if accepting(state, wait, arrived) is not None:
                    return Due(DeliverEvent(wait.id, arrived), arrived.at)
        return None

    def _unanswered(self, state: ExecutionState) -> Stop | None:
        """The first thing that the recording ought to have answered."""
        limited = {
            timer.subject
            for timer in state.timers.values()
            if timer.purpose == "event_timeout" and self._rules.wait_out
        }
        for seq, one in sorted(self._stuck.items()):
            if one.reason != "end_of_recording" and seq not in limited:
                return one
        return None

    def _by_the_clock(self, state: ExecutionState) -> Due | Stop:
        while self._timed and not _is_open(state, self._timed[0][2]):
            heapq.heappop(self._timed)
        cancelled = self._recording.cancelled
        if cancelled is not None and not self._is_cancelled:
            _, at, asked = cancelled
            if not self._timed or self._timed[0][0] > at:
                self._is_cancelled = True
                return Due(CancelExecution(), at, asked)
        if self._timed:
            at, _, command = heapq.heappop(self._timed)
            return Due(command, at)
        if self._stuck:
            return self._stuck[min(self._stuck)]
        return Stop("end_of_recording", "nothing is open that could be answered")


def _why(known: RecordedWait, *, is_over: bool) -> tuple[StopReason, str]:
    """Why a wait stays open when all that the recording has for it was offered."""
    if known.over or is_over:
        return "no_recorded_event", "takes nothing that the recording has"
    return "end_of_recording", "is still waiting"


def _is_open(state: ExecutionState, command: Command) -> bool:
    """Whether what the command answers is still open. A callback's frame is asked by the step."""
    if isinstance(command, CompleteAction | FailAction):
        return command.action in state.actions
    if isinstance(command, FireTimer):
        return command.timer in state.timers
    return not isinstance(command, DeliverEvent) or command.wait in state.waits


def _holds(state: ExecutionState, seq: int) -> bool:
    return seq in state.actions or seq in state.waits or seq in state.timers
