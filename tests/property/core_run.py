"""An execution of the real core under the same stimuli as the reference interpreter's, watched.

After every step the invariants of the log are checked: sequence numbers without gap, the state
folded from stored bytes equal to the live state to the byte, effects equal to what the events say,
at most one terminal event and nothing behind it, a refusal that changes nothing.
"""

from uuid import UUID

import jq
from msgspec import UNSET

from engine.core.chain import merkle_root
from engine.core.decide.resumption import Trail
from engine.core.matching import accepting, trigger_accepts
from engine.core.react import react
from engine.core.replay import fold
from engine.core.step import step
from engine.model.breakpoint import Breakpoint
from engine.model.command import (
    Arrived,
    CancelExecution,
    Circumstance,
    CompleteAction,
    DeliverCallback,
    DeliverEvent,
    FailAction,
    FireTimer,
    ForkExecution,
    ImportExecution,
    NoteFork,
    OfferEvent,
    ResumeExecution,
    StartExecution,
    SuspendExecution,
)
from engine.model.effect import NeedsValues
from engine.model.evaluation import EvalAnswer
from engine.model.rejection import Rejection
from engine.model.state import ExecutionState
from schemas import events as log
from schemas.json_text import dumps, loads

EXECUTION = UUID("01900000-0000-7000-8000-000000000001")
MAX_DELIVERIES = 200
TERMINAL = (
    log.ExecutionCompleted, log.ExecutionFailed, log.ExecutionCancelled, log.GatheringExpired,
)  # fmt: skip


class CoreRun:
    """The core's side. `reloading`: each step begins from the state folded from stored bytes, as
    after a passivation. `resumes`: steps that were put off go on at once. `now` in ms, `chance`
    for jitter; keys as in the reference."""

    def __init__(self, program, *, reloading=False, resumes=False):
        self.program = program
        self.reloading = reloading
        self.resumes = resumes
        self.now = 0
        self.chance = 0.0
        self.state = self.folded = ExecutionState(id=EXECUTION)
        self.events, self.stored = [], []
        self.path, self.calls, self.emitted = [], {}, []
        self.idempotency = {}
        self.entries = {}
        self.stream = []
        self.answers = {}
        self.asked = 0
        self.breakpoints = ()
        self.remarks = []

    # -------------------------------------------------------------- stimuli

    def start(self, data):
        self._step(StartExecution(input=data, from_position=len(self.stream)))
        self._look()

    def publish(self, event):
        self.stream.append(arrived_of(event, len(self.stream) + 1, self.now))
        if self.state.phase in ("new", "gathering"):
            self._offer(self.stream[-1])
        self._look()

    def answer(self, key, result):
        accepted = self._step(CompleteAction(self._action(key), _copied(result)))
        self._look()
        return accepted

    def fail(self, key, code, aliases):
        error = log.Error(code=code, message="it broke", aliases=tuple(aliases))
        accepted = self._step(FailAction(self._action(key), error))
        self._look()
        return accepted

    def fire(self, key):
        assert self._step(FireTimer(self._timers()[key].id))
        self._look()

    def answer_callback(self, data):
        frames = [one.id for one in self.state.frames.values() if one.kind == "state"]
        accepted = self._step(DeliverCallback(frames[0] if frames else 0, _copied(data)))
        self._look()
        return accepted

    def cancel(self):
        return self._step(CancelExecution(), asked=log.Asked(reason="enough"))

    def break_at(self, *breakpoints):
        self.breakpoints = tuple(Breakpoint(*one) for one in breakpoints)

    def pause(self):
        return self._step(SuspendExecution(), asked=log.Asked(reason="to look"))

    def resume(self, mode="continue", breakpoint_=None):
        accepted = self._step(ResumeExecution(mode, breakpoint_))
        self._look()
        return accepted

    def go_step(self):
        return self.resume("step")

    def fork(self, at, **members):
        """From here on a fork of what was, behind event `at`."""
        trail = Trail(ExecutionState(id=EXECUTION))
        for event in self.stored[:at]:
            trail.note(event)
        self._begin_again(at, trail.state)
        assert self._step(ForkExecution(self.forked_body(at, members), trail.broken_off))
        self._look()

    def fork_anew(self, data, **members):
        """From here on a fork that begins anew."""
        self._begin_again(0, ExecutionState(id=EXECUTION))
        begun = StartExecution(input=data, name=members.get("name"))
        assert self._step(ForkExecution(self.forked_body(0, members), start=begun))
        self._look()

    def note_fork(self, at):
        assert self._step(NoteFork(log.ForkTaken(fork="ex_another", at=at)))

    def note_import(self, **members):
        """The log so far came from elsewhere."""
        body = log.ExecutionImported(
            source="ex_source", cluster="another", events=self.state.seq, source_hash="00" * 32,
            **members,
        )  # fmt: skip
        assert self._step(ImportExecution(body))

    def forked_body(self, at, members):
        program = self.program
        return log.ExecutionForked(
            source="ex_source", at=at, source_hash="00" * 32 if at else "",
            workflow=program.workflow, version=program.version,
            definition_hash=program.definition_hash, dialect=program.dialect,
            ir_version=program.ir_version, **members,
        )  # fmt: skip

    def _begin_again(self, at, state):
        self.state = self.folded = state
        self.events, self.stored = self.events[:at], self.stored[:at]
        self.path, self.calls, self.emitted, self.idempotency = [], {}, [], {}
        self.entries = {frame: f"copied {frame}" for frame in state.frames}

    def answer_late(self, number):
        """An answer to a call that is not open: refused, nothing changes."""
        closed = [
            event.seq for event in self.events
            if isinstance(event.body, log.ActionScheduled) and event.seq not in self.state.actions
        ]  # fmt: skip
        if closed:
            assert not self._step(CompleteAction(closed[number % len(closed)], {"late": True}))

    # -------------------------------------------------------------- what is open

    def open_calls(self):
        return {
            self._key(one, one.attempt): one
            for one in self.state.actions.values()
            if one.call.handler != "expression"
        }

    def open_timers(self):
        return {key: timer.due for key, timer in self._timers().items()}

    def open_wait(self):
        return next(iter(self.state.waits.values()), None) if not self._gathers() else None

    def status(self):
        return self.state.phase

    def _timers(self):
        return {
            "gathering" if not timer.frame else self._key(timer, timer.purpose): timer
            for timer in self.state.timers.values()
        }

    def _gathers(self):
        return self.state.phase == "gathering"

    def _action(self, key):
        return self.open_calls()[key].id

    def _key(self, one, last):
        frame = self.state.frames[one.frame]
        where = (frame.branch, frame.iteration)
        while frame.kind not in ("state", "execution"):
            frame = self.state.frames[frame.parent]
        return (self.entries.get(frame.id), *where, one.node, last)

    # -------------------------------------------------------------- CloudEvents, as the runtime

    def _offer(self, arrived):
        trigger = self.program.trigger
        if trigger is None or trigger_accepts(trigger, self.program.constants, arrived) is None:
            return
        if trigger.mode == "any":
            self._step(StartExecution(trigger=arrived))
        else:
            self._step(OfferEvent(arrived))

    def _look(self):
        for _ in range(MAX_DELIVERIES):
            if self.state.phase != "running":
                return
            if not (self.resumes and self._go_on()) and not self._deliver_one():
                return
        raise AssertionError("CloudEvents are taken without end")

    def _go_on(self):
        """A step that did too much goes on: its timer is due at once."""
        for timer in self.state.timers.values():
            if timer.purpose == "yield":
                return self._step(FireTimer(timer.id))
        return False

    def _deliver_one(self):
        for wait in self.state.waits.values():
            for arrived in self.stream:
                if accepting(self.state, wait, arrived) is not None:
                    assert self._step(DeliverEvent(wait.id, arrived))
                    return True
        return False

    # -------------------------------------------------------------- one step, checked

    def _step(self, command, asked=None):
        """Whether the command was accepted."""
        before = self.folded if self.reloading else self.state
        made = self._stepped(before, command, asked)
        if isinstance(made, Rejection):
            return False
        assert made.events, "an accepted command is a fact"
        assert made.effects == react(before, made.state)
        check_effects(made, before)
        self.remarks.extend(made.remarks)
        for event in made.events:
            self._record(event)
        self.state = made.state
        self._note_calls()
        assert self.folded == made.state, "the fold is not the live state"
        assert dumps(self.folded) == dumps(made.state), "the fold's bytes are not the live state's"
        return True

    def _stepped(self, state, command, asked):
        while True:
            bytes_before = dumps(state)
            circumstance = Circumstance(
                at=self.now, chance=self.chance, asked=asked, breakpoints=self.breakpoints
            )
            made = step(self.program, state, command, circumstance, self.answers)
            assert dumps(state) == bytes_before, "the state given was changed"
            if not isinstance(made, NeedsValues):
                return made
            self.asked += 1
            for request in made.requests:
                assert request not in self.answers, "asked twice"
                self.answers[request] = worker_answer(request)

    def _record(self, event):
        noted = isinstance(event.body, (log.ForkTaken, log.ExecutionImported))
        assert noted or not self.folded.closed, "an event behind the terminal one"
        assert event.seq == self.folded.seq + 1, "a gap in the sequence"
        assert event.at >= self.folded.at
        assert event.causation < event.seq
        data = log.encode_body(event.body)
        merkle_root(data, b"salt")
        body = log.decode_body(log.type_of(event.body), log.version_of(event.body), data)
        assert log.encode_body(body) == data, "the body changes when it is stored"
        stored = _with_body(event, body)
        self.folded = fold(EXECUTION, [stored], self.folded)
        self.events.append(event)
        self.stored.append(stored)
        if isinstance(event.body, log.StateEntered):
            self.path.append(event.name)
            self.entries[event.seq] = len(self.path)
        elif isinstance(event.body, log.EventEmitted):
            body = event.body
            payload = None if body.data is UNSET else body.data
            self.emitted.append([body.ref, body.type, body.source, payload, dict(body.extensions)])
        elif isinstance(event.body, log.ActionScheduled) and body.handler != "expression":
            self._note_call(event)

    def _note_call(self, event):
        action = self.folded.actions[event.seq]
        frame = self.folded.frames[action.frame]
        where = (frame.branch, frame.iteration)
        while frame.kind != "state":
            frame = self.folded.frames[frame.parent]
        key = (self.entries[frame.id], *where, action.node, action.attempt)
        assert key not in self.calls, "the same call twice"
        self.calls[key] = (action.call.function, action.call.arguments)
        place = (event.frame, event.node)
        assert self.idempotency.setdefault(place, key[:-1]) == key[:-1], "one key for two actions"

    def _note_calls(self):
        assert len(set(self.idempotency.values())) == len(self.idempotency), "two keys for one"
        terminal = [event for event in self.stored if isinstance(event.body, TERMINAL)]
        assert len(terminal) == int(self.state.closed)

    def check_end(self):
        """Folding twice gives the same bytes."""
        first, second = (fold(EXECUTION, self.stored) for _ in range(2))
        assert dumps(first) == dumps(second) == dumps(self.state)
        seen = [event.seq for event in self.stored]
        assert seen == list(range(1, len(seen) + 1))


def check_effects(made, before):
    """The effects, read from the events of the step instead of from the states."""
    effects, after = made.effects, made.state
    seqs = {
        kind: {event.seq for event in made.events if isinstance(event.body, kind)}
        for kind in (log.ActionScheduled, log.TimerSet, log.RetryScheduled, log.EventAwaited)
    }
    assert {one.id for one in effects.calls} == seqs[log.ActionScheduled] & set(after.actions)
    assert set(effects.recalls) == set(before.actions) - set(after.actions)
    started = seqs[log.TimerSet] | seqs[log.RetryScheduled]
    assert {one.id for one in effects.timers_set} == started & set(after.timers)
    assert set(effects.timers_cleared) == set(before.timers) - set(after.timers)
    assert {one.id for one in effects.waits_opened} >= seqs[log.EventAwaited] & set(after.waits)
    assert set(effects.waits_closed) == set(before.waits) - set(after.waits)
    assert effects.closed == any(isinstance(event.body, TERMINAL) for event in made.events)


def _with_body(event, body):
    return type(event)(
        event.seq, event.at, body, event.frame, event.node, event.name, event.branch,
        event.iteration, event.attempt, event.actor, event.causation, event.traceparent,
    )  # fmt: skip


def _copied(value):
    return loads(dumps(value))


def arrived_of(event, position, at):
    reference = log.CloudEventRef(position, f"id-{position}", event["source"], event["type"])
    return Arrived(
        event=reference, at=at, attributes=event["attributes"], payload=event["data"],
        whole=event["whole"],
    )  # fmt: skip


def worker_answer(request):
    """What an expression worker would say: libjq, in the process."""
    program = jq.compile(request.source, args=loads(request.variables))
    try:
        outputs = program.input_text(request.input.decode()).all()
    except ValueError as error:
        return EvalAnswer(error_code="expression.failed", error=str(error))
    return EvalAnswer(outputs=dumps(outputs))
