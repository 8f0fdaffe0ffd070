"""Executions run in memory: the core's own steps, a clock that jumps, answers from a policy.

Nothing here waits and nothing is asked of the world. With the answers of a recording and the same
definition, a simulation gives the events of the source again.
"""

from collections.abc import Mapping

from engine.core.step import step
from engine.core.timetravel.agenda import Agenda, Due
from engine.core.timetravel.recording import Beginning, Recording
from engine.core.timetravel.supply import Outcome, Policy, Rules, Stop, arrived_of, recorded
from engine.model.command import Circumstance, Command, OfferEvent, StartExecution
from engine.model.effect import NeedsValues
from engine.model.evaluation import EvalAnswer, EvalRequest
from engine.model.event import Event
from engine.model.program import Program
from engine.model.rejection import Rejection
from engine.model.state import ExecutionState

_NO_RULES = Rules()


class Simulation:
    """One run. It begins with `state` (a new one: `begin` or `begin_as_recorded` says how), answers
    calls as `policy` says and takes everything else in the order of the recording; what is not in
    the recording comes by the clock.

    `run` gives `NeedsValues` where expressions need libjq (give the answers to `answer`, which goes
    on), else the outcome."""

    def __init__(
        self,
        program: Program,
        state: ExecutionState,
        recording: Recording | None = None,
        *,
        policy: Policy = recorded,
        rules: Rules = _NO_RULES,
    ) -> None:
        self.program = program
        self.state = state
        self.events: list[Event] = []
        self._recording = recording if recording is not None else Recording(state.seq)
        self._rules = rules
        self._agenda = Agenda(state, self._recording, policy, rules)
        self._begun_at = state.at
        self._now = state.at
        self._answers: dict[EvalRequest, EvalAnswer] = {}
        self._current: tuple[Due, Circumstance] | None = None
        self._stop: Stop | None = None

    def begin(self, command: Command, at: int) -> None:
        """Give a command before everything else, at a time (ms since 1970)."""
        self._agenda.first(command, at)
        self._set_clock(at)

    def _set_clock(self, at: int) -> None:
        if not self.state.seq and not self._begun_at:
            self._begun_at = self._now = at

    def begin_as_recorded(self) -> None:
        """Start as the recorded execution was started."""
        beginning = self._recording.beginning
        if beginning is None:
            raise ValueError("the recording does not begin with the start of its execution")
        self._stop = _unstartable(self.program, beginning)
        if self._stop is not None:
            return
        arrived = [arrived_of(one, self._rules) for one in beginning.events]
        events = [one for one in arrived if one is not None]
        if len(events) < len(arrived):
            message = "the log does not hold the payload of the CloudEvent that started it"
            self._stop = Stop("no_payload", message)
        elif beginning.gathered:
            self.begin(OfferEvent(events[0]), beginning.at)  # its wait takes the others
        elif (body := beginning.body) is not None:
            command = StartExecution(
                input=body.input, name=body.name, start_key=body.start_key,
                from_position=body.from_position, trigger=events[0] if events else None,
                labels=body.labels,
            )  # fmt: skip
            self._agenda.first(command, beginning.at, body.asked)
            self._set_clock(beginning.at)

    def run(self) -> NeedsValues | Outcome:
        """Go on until the execution ends or nothing can answer it."""
        while self._stop is None and not self.state.closed:
            if self._current is None and not self._choose():
                break
            needed = self._step()
            if needed is not None:
                return needed
        return Outcome(self.events, self.state, self._stop)

    def answer(self, answers: Mapping[EvalRequest, EvalAnswer]) -> NeedsValues | Outcome:
        """Go on with the values that `run` asked for."""
        self._answers.update(answers)
        return self.run()

    def _choose(self) -> bool:
        """Take what comes next. False: nothing does, and `_stop` says why."""
        due = self._agenda.next(self.state)
        if isinstance(due, Stop):
            self._stop = due
            return False
        self._now = max(self._now, due.at)
        self._current = (
            due,
            Circumstance(at=self._now, chance=self._rules.chance(), asked=due.asked),
        )
        return True

    def _step(self) -> NeedsValues | None:
        assert self._current is not None, "chosen before"
        due, circumstance = self._current
        made = step(self.program, self.state, due.command, circumstance, self._answers)
        if isinstance(made, NeedsValues):
            return made
        self._current = None
        self._answers.clear()
        if not isinstance(made, Rejection):
            self.state = made.state
            self.events.extend(made.events)
            self._agenda.follow(made.events, made.state)
            self._check_bounds()
        return None

    def _check_bounds(self) -> None:
        rules = self._rules
        if self.state.closed:
            return
        if len(self.events) > rules.max_events:
            message = f"more than {rules.max_events} events were simulated; end the loop earlier"
            self._stop = Stop("too_many_events", message)
        elif self._now - self._begun_at > rules.max_ms:
            message = f"more than {rules.max_ms} ms of virtual time went by"
            self._stop = Stop("too_long", message)


def _unstartable(program: Program, beginning: Beginning) -> Stop | None:
    """Why what started the recorded execution does not start this program."""
    mode = None if program.trigger is None else program.trigger.mode
    if beginning.gathered and mode != "all":
        return Stop("other_trigger", "it was started by several CloudEvents; this is not")
    if beginning.events and mode == "all" and not beginning.gathered:
        return Stop("other_trigger", "it was started by one CloudEvent; this needs several")
    return None
