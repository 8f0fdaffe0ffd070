"""The reference interpreter: an execution of a definition, driven from outside move by move."""

from tests.property.reference import rules
from tests.property.reference.fibers import Call, Listen, Pause, Scheduler
from tests.property.reference.states import STATES, Frame, event
from tests.property.reference.values import Endless, WorkflowError, evaluated, filled, text_of

MAX_STATES_ENTERED = 40


class Reference:
    """Every method is one stimulus and says whether it was accepted. `now` in ms.

    What can be seen of it: `path` (names of the states entered), `calls` (key -> (function,
    arguments), every one ever made), `emitted`, `status`, `output`, `error`, and what is open now:
    `open_calls()`, `open_timers()`, `open_wait()`. A key is (entry of the state, branch, iteration,
    pointer, attempt or purpose).
    """

    def __init__(self, document, instance="x"):
        self.document = document
        self.instance = instance
        self.constants = document.get("constants")
        self.now = 0
        self.chance = 0.0
        self.status = "new"
        self.path, self.calls, self.emitted = [], {}, []
        self.output = self.error = None
        self.stream = []
        self.after = 0
        self.last_taken = {}
        self.known = {}
        self.gathered = {}
        self.gathering_due = None
        self.early = None
        self.calling_back = False
        self.scheduler = None
        self.heard = {}

    # -------------------------------------------------------------- stimuli

    def start(self, data):
        self._begin({} if data is None else data, len(self.stream), None)

    def publish(self, event):
        """A CloudEvent comes into the stream: (position from 1) type, source, attributes, data."""
        self.stream.append(event)
        if self.status in ("new", "gathering"):
            self._maybe_start(event)
        self._match()

    def answer(self, key, result):
        return self._resume_call(key, result=result)

    def fail(self, key, code, aliases):
        return self._resume_call(key, error=WorkflowError(code, aliases))

    def fire(self, key):
        """The time of this timer has come."""
        if key == "gathering":
            self.status, self.gathering_due = "expired", None
            return
        for fiber in self.scheduler.waiting((Pause, Listen)):
            if fiber.want.key == key:
                self.scheduler.resume(fiber)
                self._match()
                return

    def answer_callback(self, data):
        if self.status != "running":
            return False
        for fiber in self.scheduler.waiting(Listen):
            if fiber.want.callback:
                self.scheduler.resume(fiber, {fiber.want.wanted[0]["ref"]: data})
                self._match()
                return True
        if self.calling_back and self.early is None:
            self.early = (data,)
            return True
        return False

    def cancel(self):
        if self.status != "running":
            return False
        self.status, self.scheduler = "cancelled", None
        return True

    # -------------------------------------------------------------- what is open

    def open_calls(self):
        return {one.want.key: one.want for one in self._waiting(Call)}

    def open_timers(self):
        found = {one.want.key: one.want.due for one in self._waiting(Pause)}
        for one in self._waiting(Listen):
            if one.want.due is not None:
                found[one.want.key] = one.want.due
        if self.gathering_due is not None:
            found["gathering"] = self.gathering_due
        return found

    def open_wait(self):
        return next((one.want for one in self._waiting(Listen)), None)

    def _waiting(self, kind):
        return self.scheduler.waiting(kind) if self.status == "running" else []

    # -------------------------------------------------------------- the life of an execution

    def _begin(self, data, position, received):
        self.status, self.after = "running", position
        self.gathering_due = None
        self.scheduler = Scheduler(
            self._run(data, received), self._completed, self._failed, WorkflowError
        )
        self.scheduler.settle()
        self._match()

    def _completed(self, output):
        self.status, self.output = "completed", output

    def _failed(self, error):
        self.status, self.error = "failed", error.code

    def _run(self, data, received):
        name = self._start_name()
        while name is not None:
            (number,) = [n for n, one in enumerate(self.document["states"]) if one["name"] == name]
            if len(self.path) == MAX_STATES_ENTERED:
                raise Endless
            self.path.append(name)
            name, data = yield from self._state(number, data, received)
            received = None
        return data

    def _state(self, number, data, received):
        """Gives the name of the next state (None: end) and the data it gets."""
        state = self.document["states"][number]
        frame = Frame(data, (len(self.path), None, None), {"CONST": self.constants})
        filters = state.get("stateDataFilter", {})
        try:
            if "input" in filters:
                chosen = evaluated(filters["input"], data, frame.variables)
                frame.data = data if chosen is None else chosen
            way = yield from self._body(state, frame, f"/states/{number}", received)
            return self._leave(way or state, frame, filters.get("output"))
        except WorkflowError as error:
            handler = rules.handler_for(self.document, state, error)
            if handler is None:
                raise
            return self._leave(handler, frame, None)

    def _body(self, state, frame, pointer, received):
        if state["type"] == "event":
            return (yield from event(self, frame, state, pointer, received))
        return (yield from STATES[state["type"]](self, frame, state, pointer))

    def _leave(self, way, frame, output_filter):
        output = frame.data
        if output_filter is not None:
            chosen = evaluated(output_filter, output, frame.variables)
            output = output if chosen is None else chosen
        detail = way.get("transition", way.get("end"))
        produced = detail.get("produceEvents", []) if isinstance(detail, dict) else []
        emitted = [self._emission(one, output, frame.variables) for one in produced]
        self.emitted += emitted
        target = way.get("transition")
        return target["nextState"] if isinstance(target, dict) else target, output

    def _emission(self, produced, data, variables):
        (definition,) = [
            one for one in self.document["events"] if one["name"] == produced["eventRef"]
        ]
        given = produced.get("data")
        payload = None
        if isinstance(given, str):
            payload = evaluated(given, data, variables)
        elif given is not None:
            payload = filled(given, data, variables)
        extensions = {
            name: text_of(filled(value, data, variables))
            for name, value in produced.get("contextAttributes", {}).items()
        }
        return [definition["name"], definition["type"], definition["source"], payload, extensions]

    def _start_name(self):
        return self.document.get("start", self.document["states"][0]["name"])

    # -------------------------------------------------------------- calls

    def _resume_call(self, key, result=None, error=None):
        for fiber in self._waiting(Call):
            if fiber.want.key == key:
                if error is None:
                    self.scheduler.resume(fiber, result)
                else:
                    self.scheduler.throw(fiber, error)
                self._match()
                return True
        return False

    # -------------------------------------------------------------- CloudEvents

    def _match(self):
        """Whatever the open wait takes of the stream, by position, until it takes nothing more."""
        while self.status == "running" and self._take_one():
            pass

    def _take_one(self):
        for fiber in self.scheduler.waiting(Listen):
            got = self.heard.setdefault(id(fiber.want), (fiber.want, {}, set()))
            for position, one in enumerate(self.stream, 1):
                for wanted in fiber.want.wanted:
                    if self._fits(wanted, one, position, got):
                        self._take(fiber, wanted, one, position, got)
                        return True
        return False

    def _fits(self, wanted, one, position, got):
        _, payloads, positions = got
        ref = wanted["ref"]
        if ref in payloads or position in positions:
            return False
        if position <= max(self.after, self.last_taken.get(ref, 0)):
            return False
        return rules.takes(wanted, one, self.known)

    def _take(self, fiber, wanted, one, position, got):
        _, payloads, positions = got
        self.last_taken[wanted["ref"]] = position
        self.known.update(rules.learned(wanted, one, self.known))
        payloads[wanted["ref"]] = rules.payload_of(wanted, one)
        positions.add(position)
        if not fiber.want.all or len(payloads) == len(fiber.want.wanted):
            self.scheduler.resume(fiber, payloads)

    def _maybe_start(self, one):
        """A definition that begins with an event state is started by its CloudEvents."""
        (state,) = [s for s in self.document["states"] if s["name"] == self._start_name()]
        if state["type"] != "event":
            return
        variables = {"CONST": self.constants}
        names = [name for entry in state["onEvents"] for name in entry["eventRefs"]]
        definitions = {definition["name"]: definition for definition in self.document["events"]}
        for name in dict.fromkeys(names):
            try:
                wanted = rules.wanted_by(definitions[name], {}, variables)
            except WorkflowError:
                continue
            fresh = name not in self.gathered
            if fresh and rules.takes(wanted, one, self.known):
                self._started_by(state, wanted, one, set(names))
                return

    def _started_by(self, state, wanted, one, names):
        self.known.update(rules.learned(wanted, one, self.known))
        self.last_taken[wanted["ref"]] = len(self.stream)
        self.gathered[wanted["ref"]] = rules.payload_of(wanted, one)
        if state.get("exclusive") is not False or set(self.gathered) == names:
            self._begin({}, len(self.stream), self.gathered)
            return
        if self.status == "new":
            length = state.get("timeouts", {}).get("eventTimeout")
            self.gathering_due = None if length is None else self.now + rules.milliseconds(length)
        self.status = "gathering"
