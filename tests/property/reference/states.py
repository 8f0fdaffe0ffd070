"""What each of the eight states does, as a generator that yields what it waits for."""

from tests.property.reference import rules
from tests.property.reference.fibers import Breath, Call, Listen, Pause, Together
from tests.property.reference.values import (
    Endless,
    WorkflowError,
    appended_at,
    bare,
    condition,
    evaluated,
    filled,
    merged,
    merged_at,
    places,
)

MAX_ELEMENTS = 100


class Frame:
    """Data of a state, branch or iteration, and what was written there."""

    def __init__(self, data, where, variables):
        self.data = data
        self.where = where  # (entry of the state, branch, iteration)
        self.variables = variables
        self.journal = []

    def write(self, names, value):
        self.data = merged_at(self.data, names, value)
        self.journal.append((names, value))

    def write_all(self, journals):
        """What branches wrote, in order of declaration, or nothing of it."""
        data = self.data
        for names, value in [write for journal in journals for write in journal]:
            data = merged_at(data, names, value)
        self.data = data


class Action:
    """One action in one frame."""

    def __init__(self, machine, frame, action, pointer, *, iterates=False):
        self.machine = machine
        self.frame = frame
        self.action = action
        self.pointer = pointer
        self.iterates = iterates
        self.filter = action.get("actionDataFilter", {})

    def run(self):
        frame, action = self.frame, self.action
        if "condition" in action and not condition(
            action["condition"], frame.data, frame.variables
        ):
            return
        pauses = action.get("sleep", {})
        if rules.milliseconds(pauses.get("before", "PT0S")):
            yield self._pause("before_action", rules.milliseconds(pauses["before"]))
        result = yield from self._with_retries()
        self._keep(result)
        if rules.milliseconds(pauses.get("after", "PT0S")):
            yield self._pause("after_action", rules.milliseconds(pauses["after"]))

    def _pause(self, purpose, length):
        key = (*self.frame.where, self.pointer, purpose)
        return Pause(key, self.machine.now + length)

    def _with_retries(self):
        seen = self.frame.data
        if "fromStateData" in self.filter:
            seen = evaluated(self.filter["fromStateData"], seen, self.frame.variables)
        call = self.action["functionRef"]
        name = call if isinstance(call, str) else call["refName"]
        given = {} if isinstance(call, str) else call.get("arguments", {})
        arguments = filled(given, seen, self.frame.variables)
        (function,) = [one for one in self.machine.document["functions"] if one["name"] == name]
        for tries in range(1_000_000):
            try:
                if function.get("type") == "expression":
                    return evaluated(function["operation"], seen, self.frame.variables)
                key = (*self.frame.where, self.pointer, tries + 1)
                self.machine.calls[key] = (name, arguments)
                return (yield Call(key, name, arguments))
            except WorkflowError as error:
                delay = rules.retry_delay(
                    self.machine.document, self.action, error, tries, self.machine.chance
                )
                if delay is None:
                    raise
                yield self._pause("retry", delay)
        raise AssertionError("a policy without end")

    def _keep(self, result):
        """0.8, "Action data filters": what of the result goes where."""
        if self.filter.get("useResults") is False:
            return
        chosen = self.filter.get("results")
        value = result if chosen is None else evaluated(chosen, result, self.frame.variables)
        place = self.filter.get("toStateData")
        if place is not None and places(place):
            self.frame.write(places(place), value)
        elif isinstance(value, dict):
            self.frame.write([], value)
        elif value is None:
            return
        elif self.iterates:
            self.frame.journal.append(("result", value))
        elif place is not None:
            self.frame.write([], value)
        else:
            self.frame.write([_last_place(chosen)], value)


def _last_place(expression):
    names = places(expression) if expression is not None else []
    plain = names and all(name.isidentifier() for name in names) and bare(expression)[0] == "."
    return names[-1] if plain else "response"


def numbered(actions, pointer):
    """Actions with their places in the document."""
    return [(action, f"{pointer}/{number}") for number, action in enumerate(actions)]


def chain(machine, frame, steps, *, iterates=False):
    """One action after the other."""
    for action, pointer in steps:
        yield from Action(machine, frame, action, pointer, iterates=iterates).run()
        yield Breath()


def side_by_side(machine, frame, bodies, needed):
    """`bodies`: the steps of each. On copies; what the first `needed` wrote is written, in order
    of declaration."""
    entry, _, iteration = frame.where
    copies = [
        Frame(frame.data, (entry, number, iteration), frame.variables)
        for number in range(len(bodies))
    ]
    parts = [chain(machine, copy, steps) for copy, steps in zip(copies, bodies, strict=True)]
    done = yield Together(parts, needed)
    frame.write_all([copies[number].journal for number in done])


def operation(machine, frame, state, pointer):
    yield from actions_of(machine, frame, state, f"{pointer}/actions")


def actions_of(machine, frame, part, pointer):
    """The actions of an operation or of an onEvents entry, in their actionMode."""
    steps = numbered(part.get("actions", []), pointer)
    if part.get("actionMode") == "parallel" and steps:
        yield from side_by_side(machine, frame, [[step] for step in steps], len(steps))
    else:
        yield from chain(machine, frame, steps)


def parallel(machine, frame, state, pointer):
    branches = state["branches"]
    needed = len(branches)
    if state.get("completionType") == "atLeast":
        needed = state["numCompleted"]
        if isinstance(needed, str):
            needed = (
                int(needed) if needed.isdigit() else evaluated(needed, frame.data, frame.variables)
            )
    if not isinstance(needed, int) or isinstance(needed, bool):
        raise WorkflowError("parallel.bad_number")
    if not 1 <= needed <= len(branches):
        raise WorkflowError("parallel.bad_number")
    bodies = [
        numbered(branch["actions"], f"{pointer}/branches/{number}/actions")
        for number, branch in enumerate(branches)
    ]
    yield from side_by_side(machine, frame, bodies, needed)


def foreach(machine, frame, state, pointer):
    items = evaluated(state["inputCollection"], frame.data, frame.variables)
    if not isinstance(items, list):
        raise WorkflowError("foreach.not_array")
    if len(items) > MAX_ELEMENTS:
        raise Endless
    width = state.get("batchSize") or len(items) or 1
    if state.get("mode") == "sequential":
        width = 1
    results = []
    for first in range(0, len(items), width):
        numbers = range(first, min(first + width, len(items)))
        frames = [_iteration(frame, state, items[number], number) for number in numbers]
        parts = [
            chain(machine, one, numbered(state["actions"], f"{pointer}/actions"), iterates=True)
            for one in frames
        ]
        yield Together(parts, len(parts))
        results += [_result(one.journal) for one in frames]
    if "outputCollection" in state:
        frame.data = appended_at(frame.data, places(state["outputCollection"]), results)


def _iteration(frame, state, item, number):
    data, variables = frame.data, frame.variables
    name = state.get("iterationParam")
    if name is not None:
        data = {**(data if isinstance(data, dict) else {}), name: item}
        variables = {**variables, name: item}
    return Frame(data, (frame.where[0], None, number), variables)


def _result(journal):
    """What was written, alone; a plain result and objects take each other's place."""
    result = None
    for names, value in journal:
        if names == "result" or (names == [] and not isinstance(value, dict)):
            result = value
        else:
            result = merged_at(result if isinstance(result, dict) else {}, names, value)
    return result


def inject(machine, frame, state, pointer):
    frame.data = merged(frame.data, state["data"])
    return
    yield


def sleep(machine, frame, state, pointer):
    due = machine.now + rules.milliseconds(state["duration"])
    yield Pause((*frame.where, f"{pointer}/duration", "sleep"), due)


def switch(machine, frame, state, pointer):
    """Gives the part that says where to go."""
    if "dataConditions" in state:
        for case in state["dataConditions"]:
            if condition(case["condition"], frame.data, frame.variables):
                return case
        if "defaultCondition" not in state:
            raise WorkflowError("switch.no_match")
        return state["defaultCondition"]
    cases = state["eventConditions"]
    names = [case["eventRef"] for case in cases]
    got = yield from wait(machine, frame, state, names, f"{pointer}/eventConditions")
    if got is None:
        return state["defaultCondition"]
    ((name, payload),) = got.items()
    case = cases[names.index(name)]
    keep_payload(frame, case.get("eventDataFilter"), payload)
    return case


def wait(machine, frame, state, names, pointer, *, every=False, callback=False):
    """Gives the payloads by event definition, None when the time is over."""
    wanted = wanted_of(machine, frame, names)
    length = state.get("timeouts", {}).get("eventTimeout")
    due = None if length is None else machine.now + rules.milliseconds(length)
    key = (*frame.where, pointer, "event_timeout")
    return (yield Listen(wanted, every, due, key, callback))


def wanted_of(machine, frame, names):
    """What a wait for these event definitions accepts."""
    definitions = {one["name"]: one for one in machine.document["events"]}
    return [
        rules.wanted_by(definitions[name], frame.data, frame.variables)
        for name in dict.fromkeys(names)
    ]


def keep_payload(frame, given, payload):
    """0.8, "Event data filters"."""
    for names, value in kept_of(frame, given, payload):
        frame.write(names, value)


def kept_of(frame, given, payload):
    """What of a payload goes where: nothing or one (place, value)."""
    given = given or {}
    if given.get("useData") is False:
        return []
    if "data" in given:
        payload = evaluated(given["data"], payload, frame.variables)
    names = places(given.get("toStateData", "."))
    return [(names, payload)] if names or payload is not None else []


def event(machine, frame, state, pointer, received=None):
    """`received`: what started the execution, by event definition."""
    entries = state["onEvents"]
    names = [name for entry in entries for name in entry["eventRefs"]]
    every = state.get("exclusive") is False
    got = received
    if got is None:
        got = yield from wait(machine, frame, state, names, f"{pointer}/onEvents", every=every)
    if got is None:
        return
    chosen = []
    for number, entry in enumerate(entries):
        found = [name for name in entry["eventRefs"] if name in got]
        if found and (every or not chosen):
            chosen.append((entry, found, f"{pointer}/onEvents/{number}/actions"))
    kept = []
    for entry, found, _ in chosen:
        for name in found:
            kept += kept_of(frame, entry.get("eventDataFilter"), got[name])
    frame.write_all([kept])
    for entry, _, place in chosen:
        yield from actions_of(machine, frame, entry, place)


def callback(machine, frame, state, pointer):
    machine.early = None
    machine.calling_back = True
    try:
        yield from Action(machine, frame, state["action"], f"{pointer}/action").run()
    finally:
        machine.calling_back = False
    name = state["eventRef"]
    if machine.early is not None:
        got = {name: machine.early[0]}
        wanted_of(machine, frame, [name])
    else:
        got = yield from wait(machine, frame, state, [name], f"{pointer}/eventRef", callback=True)
    if got is not None:
        keep_payload(frame, state.get("eventDataFilter"), got[name])


STATES = {
    "operation": operation,
    "parallel": parallel,
    "foreach": foreach,
    "inject": inject,
    "sleep": sleep,
    "switch": switch,
    "event": event,
    "callback": callback,
}
