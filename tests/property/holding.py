"""The same schedule for the reference, which knows no holds, and for a core that is paused, stepped
and stopped at breakpoints at random moments. Whenever it stands free the two must be equal."""

import random

from engine.model.breakpoint import Breakpoint
from engine.model.command import ResumeExecution
from schemas import events as log
from tests.property.case import MAX_STIMULI, Pair, next_stimulus, random_document
from tests.property.core_run import CoreRun
from tests.property.generate import Chance
from tests.property.reference import Endless

JITTER = 0.5
CONDITIONS = (None, None, "true", 'has("n")', ". == {}", "def same: true; same", ".n + 1", "oh(")
MAX_HOLDS = 500


class HeldCore(CoreRun):
    """Goes on by itself where the reference is ahead."""

    def __init__(self, program, *, reloading, chance):
        super().__init__(program, reloading=reloading)
        self.random = chance.random
        self.holds = 0
        self.apart = self.behind = False

    @property
    def held(self):
        return self.state.suspended is not None

    def open_timers(self):
        """Without that of the hold, which runs on while it is stepped."""
        holds = {key for key, one in self._timers().items() if one.purpose == "hold"}
        return {key: due for key, due in super().open_timers().items() if key not in holds}

    def hold_perhaps(self):
        if self.state.phase == "running" and not self.held and self.random.random() < 0.5:
            assert self.pause()
            assert not self.pause(), "held twice"

    def go_on(self):
        while self.held:
            self.holds += 1
            assert self.holds < MAX_HOLDS, "held without end"
            assert self.resume(self.random.choice(("continue", "step", "step")))

    def answer(self, key, result):
        if key not in self.open_calls():
            self.go_on()
        return super().answer(key, result)

    def fire(self, key):
        if key not in self.open_timers():
            self.go_on()
        super().fire(key)

    def _stepped(self, state, command, asked):
        self.behind = bool(state.held) and not isinstance(command, ResumeExecution)
        return super()._stepped(state, command, asked)

    def _record(self, event):
        super()._record(event)
        self.apart |= self.behind and isinstance(event.body, (log.ErrorCaught, log.ExecutionFailed))
        if self.folded.suspended is not None:
            assert not isinstance(event.body, (log.StateEntered, log.ActionScheduled))


class HeldPair(Pair):
    """`apart`: an error came while something was held; then the core rightly called less."""

    def __init__(self, document, program, chance, *, reloading):
        super().__init__(document, program, reloading=reloading)
        self.core = HeldCore(program, reloading=reloading, chance=chance)
        self.chance = chance
        names = [state["name"] for state in document["states"]]
        self.core.breakpoints = tuple(
            Breakpoint(f"bp_{number}", name, chance.one(CONDITIONS), chance.one((1.0, 0.5)),
                       chance.one((None, 60_000)))
            for number, name in enumerate(names) if chance.maybe(0.3)
        )  # fmt: skip

    def apply(self, stimulus):
        kind, _, *details = stimulus
        if kind != "answer":
            self.core.go_on()
        self.core.hold_perhaps()
        super().apply((kind, JITTER, *details))
        if kind != "answer" or self.chance.maybe(0.5):
            self.settle()

    def settle(self):
        self.core.go_on()
        self._compare()

    def _compare(self):
        if not self.core.held and not self.core.apart:
            super()._compare()

    def over(self):
        return self.core.apart or super().over()


def check_held(seed):
    """Raises AssertionError. Gives how often the core was held, and whether it was at its end."""
    document, program = random_document(seed)
    chance = Chance(random.Random(seed))
    pair = HeldPair(document, program, chance, reloading=seed % 2 == 1)
    try:
        if program.trigger is None or chance.maybe(0.3):
            pair.apply(("start", JITTER, chance.object()))
        for _ in range(MAX_STIMULI):
            if pair.over():
                break
            pair.apply(next_stimulus(pair, chance))
        pair.settle()
        pair.core.check_end()
    except Endless:
        pass
    return pair.core
