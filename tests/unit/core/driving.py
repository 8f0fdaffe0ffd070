"""An execution of a definition file, driven by the names that its author gave."""

from pathlib import Path

import yaml

from engine.dialects.cncf_v08 import program_of
from tests.property.core_run import CoreRun
from tests.property.generate import reachable, text_of

DEFINITIONS = Path(__file__).parent / "definitions"


def program(name, start):
    """The program of a definition file, begun at one of its states."""
    document = yaml.safe_load((DEFINITIONS / f"{name}.yaml").read_text())
    return program_of(text_of(reachable({**document, "start": start})), "application/json")


class Execution(CoreRun):
    """What happens is checked after every step (see `CoreRun`)."""

    def __init__(self, name, start):
        super().__init__(program(name, start))
        self.now = 1_000

    def begin(self, data=None):
        self.start({} if data is None else data)
        return self

    def pending(self):
        """Names of the actions whose answers are awaited, in order."""
        return [one.name for one in self.state.actions.values()]

    def arguments(self, action, nth=0):
        return self._named(action, nth).call.arguments

    def reply(self, action, result, nth=0):
        assert self.answer(self._key_of(action, nth), result)

    def break_down(self, action, code="broken", aliases=(), nth=0):
        assert self.fail(self._key_of(action, nth), code, aliases)

    def receive(self, kind, data=None, source="/s", **attributes):
        event = {"type": kind, "source": source, "attributes": attributes, "data": data}
        self.publish({**event, "whole": {"type": kind, "source": source, "data": data}})

    def pass_time(self, length_ms):
        """Timers that come due fire, in order."""
        self.now += length_ms
        for _ in range(100):
            due = {key: at for key, at in self.open_timers().items() if at <= self.now}
            if not due:
                return
            self.fire(min(due, key=due.get))

    def types(self, *wanted):
        """Names of the event types so far; only the wanted ones if any are given."""
        names = [type(event.body).__name__ for event in self.events]
        return [name for name in names if not wanted or name in wanted]

    def bodies(self, kind):
        return [event.body for event in self.events if type(event.body).__name__ == kind]

    @property
    def outcome(self):
        """The status with the output or the error's code."""
        error = self.state.error
        return self.state.phase, self.state.output if error is None else error.code

    def _named(self, action, nth):
        return [one for one in self.state.actions.values() if one.name == action][nth]

    def _key_of(self, action, nth):
        wanted = self._named(action, nth)
        return next(key for key, one in self.open_calls().items() if one is wanted)
