"""One case: a definition, a schedule of stimuli, the core and the reference side by side.

A schedule is made while it runs (what may come next depends on what is open) and can be run again
as a list of stimuli, which is how a failing one is shrunk.
"""

import copy
import json
import random

from engine.dialects.cncf_v08 import read_definition
from tests.property.core_run import CoreRun
from tests.property.generate import CODES, Chance, definition, reachable, text_of, ways
from tests.property.reference import Endless, Reference, canonical

MAX_LOG = 60
MAX_STIMULI = 40
SCHEDULES_OF_A_DEFINITION = 5


class Difference(AssertionError):
    """The core and the reference do not agree."""


def compile_document(document):
    """The program, or None where the dialect refuses."""
    return read_definition(text_of(document), "application/json").program


def random_document(seed):
    chance = Chance(random.Random(seed))
    while True:
        document = definition(chance)
        program = compile_document(document)
        if program is not None:
            return document, program


class Pair:
    """Both sides, and the stimuli they got."""

    def __init__(self, document, program, *, reloading, resumes=False):
        self.reference = Reference(document)
        self.core = CoreRun(program, reloading=reloading, resumes=resumes)
        self.now = 1_000
        self.stimuli = []

    def apply(self, stimulus):
        """Give both sides one stimulus and compare what can be seen."""
        self.stimuli.append(stimulus)
        kind, chance, *details = stimulus
        for side in (self.reference, self.core):
            side.now, side.chance = self.now, chance
        getattr(self, f"_{kind}")(*details)
        self._compare()

    def _start(self, data):
        if self.reference.status == "new":
            self.reference.start(data)
            self.core.start(data)

    def _event(self, event):
        self.reference.publish(event)
        self.core.publish(event)

    def _answer(self, number, result):
        if key := self._picked(self.reference.open_calls(), number):
            assert self.reference.answer(key, result)
            assert self.core.answer(key, result)

    def _fail(self, number, code, aliases):
        if key := self._picked(self.reference.open_calls(), number):
            assert self.reference.fail(key, code, aliases)
            assert self.core.fail(key, code, aliases)

    def _advance(self, length):
        """Time passes; what is due fires, in order of due times. Negative: up to the next timer."""
        timers = self.reference.open_timers()
        if length < 0 and timers:
            self.now = max(self.now, min(timers.values()))
        else:
            self.now += max(length, 0)
        for side in (self.reference, self.core):
            side.now = self.now
        for _ in range(MAX_STIMULI):
            due = {key: at for key, at in self.reference.open_timers().items() if at <= self.now}
            if not due:
                return
            key = min(due, key=lambda one: (due[one], str(one)))
            self.reference.fire(key)
            self.core.fire(key)
            self._compare()

    def _callback(self, data):
        accepted = self.reference.answer_callback(data)
        if self.core.answer_callback(data) != accepted:
            raise Difference("only one of them took the callback's answer")

    def _late(self, number):
        self.core.answer_late(number)

    def _cancel(self):
        if self.core.cancel() != self.reference.cancel():
            raise Difference("only one of them was cancelled")

    @staticmethod
    def _picked(table, number):
        keys = sorted(table, key=str)
        return keys[number % len(keys)] if keys else None

    def _compare(self):
        for name, one, other in self._views():
            if one != other and canonical(one) != canonical(other):
                raise Difference(f"{name}: reference {one!r}, core {other!r}")

    def _views(self):
        core, reference = self.core, self.reference
        state = core.state
        yield "status", reference.status, state.phase
        yield "path", reference.path, core.path
        yield "error", reference.error, state.error.code if state.error else None
        yield "output", reference.output, state.output
        yield "emitted", reference.emitted, core.emitted
        yield "calls", _listed(reference.calls), _listed(core.calls)
        yield (
            "open calls",
            sorted(map(str, reference.open_calls())),
            sorted(map(str, core.open_calls())),
        )
        yield "timers", _listed(reference.open_timers()), _listed(core.open_timers())
        yield "waits", reference.open_wait() is None, core.open_wait() is None

    def over(self):
        return self.core.state.closed or len(self.core.events) >= MAX_LOG


def _listed(table):
    return [[str(key), table[key]] for key in sorted(table, key=str)]


def run_random(document, program, seed, *, reloading=False, resumes=False):
    """Make a schedule, running it. Gives the pair; raises AssertionError with the pair attached."""
    chance = Chance(random.Random(seed))
    pair = Pair(document, program, reloading=reloading, resumes=resumes)
    try:
        starts_by_event = program.trigger is not None and chance.maybe(0.7)
        if not starts_by_event:
            for _ in range(chance.one((0, 0, 1))):
                pair.apply(("event", 0.0, chance.event()))
            pair.apply(("start", 0.0, chance.object() if chance.maybe(0.95) else chance.data()))
        for _ in range(MAX_STIMULI):
            if pair.over():
                break
            pair.apply(next_stimulus(pair, chance))
        pair.apply(("late", 0.0, chance.random.randrange(9)))
        pair.core.check_end()
    except Endless:
        return pair
    except Exception as error:
        error.stimuli = pair.stimuli
        raise
    return pair


def next_stimulus(pair, chance):
    """A stimulus that is likely to do something."""
    jitter = chance.random.random()
    options = [("event", 1), ("late", 0.3), ("cancel", 0.05), ("callback", 0.2)]
    if pair.reference.open_calls():
        options += [("answer", 7), ("fail", 1.5)]
    if pair.reference.open_timers():
        options += [("advance", 3)]
    if pair.reference.open_wait() or pair.reference.status in ("new", "gathering"):
        options += [("event", 8)]
    if pair.reference.calling_back or pair.reference.open_wait():
        options += [("callback", 1)]
    kinds, weights = zip(*options, strict=True)
    kind = chance.random.choices(kinds, weights)[0]
    number = chance.random.randrange(100)
    if kind == "answer":
        return (kind, jitter, number, chance.result())
    if kind == "fail":
        code = chance.one(CODES)
        return (kind, jitter, number, code, chance.one(((), ("e.two",))))
    if kind == "advance":
        return (kind, jitter, chance.one((-1, -1, -1, 500, 3_000, 100_000)))
    if kind == "event":
        return (kind, jitter, chance.event())
    if kind == "callback":
        return (kind, jitter, chance.result())
    return (kind, jitter, number) if kind == "late" else (kind, jitter)


def replay(document, stimuli, *, reloading=False):
    """Run a given schedule. The error it ends in, None if it agrees."""
    program = compile_document(document)
    if program is None:
        return None
    pair = Pair(document, program, reloading=reloading)
    try:
        for stimulus in stimuli:
            pair.apply(stimulus)
        pair.core.check_end()
    except Endless:
        return None
    except Exception as error:  # noqa: BLE001
        return error
    return None


# ------------------------------------------------------------------ shrinking


def shrunk(document, stimuli, *, reloading=False):
    """A smaller case that fails with the same kind of error."""
    first = replay(document, stimuli, reloading=reloading)
    if first is None:
        return document, stimuli

    def fails(one, other):
        error = replay(one, other, reloading=reloading)
        return type(error) is type(first)

    changed = True
    while changed:
        changed = False
        for number in reversed(range(len(stimuli))):
            fewer = stimuli[:number] + stimuli[number + 1 :]
            if fails(document, fewer):
                stimuli, changed = fewer, True
        for smaller in smaller_documents(document):
            if fails(smaller, stimuli):
                document, changed = smaller, True
                break
    return document, stimuli


def smaller_documents(document):
    """The document with one part taken out, in every way."""
    for state_number in range(len(document["states"])):
        for part_number in range(len(ways(document)[state_number])):
            made = copy.deepcopy(document)
            part = ways(made)[state_number][part_number]
            if part.get("end") is not True:
                part.pop("transition", None)
                part["end"] = True
                yield reachable(made)
    yield from _without_parts(document)


def _without_parts(document):
    for path in _paths(document["states"]):
        made = copy.deepcopy(document)
        parent = made["states"]
        for part in path[:-1]:
            parent = parent[part]
        del parent[path[-1]]
        yield made
    for number, definition_ in enumerate(document["events"]):
        if "correlation" in definition_:
            made = copy.deepcopy(document)
            del made["events"][number]["correlation"]
            yield made


def _paths(value, path=()):
    """Places of everything that may be left out."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key not in ("name", "type", "end", "transition", "functionRef"):
                yield (*path, key)
            yield from _paths(item, (*path, key))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            if len(path) > 1:
                yield (*path, number)
            yield from _paths(item, (*path, number))


def report(seed, document, stimuli, error):
    """What a person needs to run it again."""
    lines = [f"{type(error).__name__}: {error}", f"seed {seed}", json.dumps(document), "stimuli:"]
    return "\n".join([*lines, *(f"  {one!r}," for one in stimuli)])


def check_seed(seed, *, shrink=True):
    """All schedules of one seed's definition. Gives (schedules, events); raises Difference."""
    document, program = random_document(seed)
    events = 0
    for number in range(SCHEDULES_OF_A_DEFINITION):
        reloading = number % 2 == 1
        try:
            pair = run_random(document, program, seed * 1_000 + number, reloading=reloading)
        except Exception as error:
            stimuli = error.stimuli
            if shrink:
                document, stimuli = shrunk(document, stimuli, reloading=reloading)
            raise Difference(report(seed, document, stimuli, error)) from error
        events += len(pair.core.events)
    return SCHEDULES_OF_A_DEFINITION, events
