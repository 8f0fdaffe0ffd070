"""Running generators side by side, one move each in turn: what a state or branch waits for, it
yields, and it is resumed with what it waited for."""

from collections import deque
from dataclasses import dataclass, field


@dataclass
class Call:
    """A function is called."""

    key: tuple
    function: str
    arguments: object


@dataclass
class Pause:
    """Time passes, until `due`."""

    key: tuple
    due: int


@dataclass
class Listen:
    """CloudEvents are waited for."""

    wanted: list
    all: bool
    due: int | None
    key: tuple
    callback: bool = False


@dataclass
class Together:
    """Parts run side by side until `needed` of them are done."""

    parts: list
    needed: int


@dataclass
class Breath:
    """Everybody else who is ready has a move first."""


@dataclass(eq=False)
class Fiber:
    """A generator that runs. `want`: what it waits for."""

    run: object
    parent: "Fiber | None" = None
    number: int = 0
    want: object = None
    children: list = field(default_factory=list)
    done: list = field(default_factory=list)
    over: bool = False


class Scheduler:
    """Everybody ready moves in turn; an error goes to the parent, and its other parts stop."""

    def __init__(self, run, finished, failed, error_type):
        self.main = Fiber(run)
        self.ready = deque([(self.main, "send", None)])
        self.finished = finished
        self.failed = failed
        self.error_type = error_type

    def alive(self):
        found, left = [], [self.main]
        while left:
            fiber = left.pop()
            if not fiber.over:
                found.append(fiber)
                left.extend(fiber.children)
        return found

    def waiting(self, kind):
        return [fiber for fiber in self.alive() if isinstance(fiber.want, kind)]

    def resume(self, fiber, value=None):
        self.ready.append((fiber, "send", value))
        self.settle()

    def throw(self, fiber, error):
        self.ready.append((fiber, "throw", error))
        self.settle()

    def settle(self):
        """Until everybody waits for something from outside."""
        while self.ready:
            fiber, how, value = self.ready.popleft()
            if not fiber.over:
                self._move(fiber, how, value)

    def _move(self, fiber, how, value):
        fiber.want = None
        try:
            want = fiber.run.send(value) if how == "send" else fiber.run.throw(value)
        except StopIteration as stop:
            fiber.over = True
            self._ended(fiber, stop.value)
        except self.error_type as error:
            fiber.over = True
            self._fell(fiber, error)
        else:
            self._wait(fiber, want)

    def _wait(self, fiber, want):
        fiber.want = want
        if isinstance(want, Breath):
            self.ready.append((fiber, "send", None))
        elif isinstance(want, Together):
            fiber.children = [Fiber(run, fiber, n) for n, run in enumerate(want.parts)]
            fiber.done = []
            for child in fiber.children:
                self.ready.append((child, "send", None))

    def _ended(self, fiber, value):
        parent = fiber.parent
        if parent is None:
            self.finished(value)
            return
        parent.done.append(fiber.number)
        if len(parent.done) == parent.want.needed:
            self._stop(parent)
            self._move(parent, "send", sorted(parent.done))

    def _fell(self, fiber, error):
        if fiber.parent is None:
            self.failed(error)
            return
        self._stop(fiber.parent)
        self._move(fiber.parent, "throw", error)

    def _stop(self, parent):
        for child in parent.children:
            child.over = True
        parent.children = []
