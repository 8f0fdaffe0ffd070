"""Paths: what a call, a wait or a timer of an execution is called across its forks and versions.

A path leads from the outside in: names of states and branches, numbers of iterations (`#0`), then
the author's name of the thing itself, joined by `/`: `Ship orders/#2/reserve`. It says nothing of
sequence numbers or of places in a definition, so it means the same in a fork and in another
version. What happens again under the same path is told apart by its occurrence, counted from 1.

Live forks (`decide`) and recordings (`timetravel`) both take paths and counts from here.
"""

from collections.abc import Mapping
from typing import Final

from engine.model.event import Event
from engine.model.state import ExecutionState, Frame
from schemas.events import bodies

Handle = tuple[str, str, int] | tuple[str, int]
"""A thing that an execution opened: (kind, path, occurrence), or (kind, seq) if it was open before
counting began. Kinds: `call` (actions; waits of callbacks share their numbers), `wait`, `timer`
with its purpose, `frame`."""

_OPENERS: Final = (bodies.StateEntered, bodies.BranchStarted, bodies.IterationStarted)
_CLOSERS: Final = (
    bodies.StateExited,
    bodies.BranchCompleted,
    bodies.BranchCancelled,
    bodies.IterationCompleted,
    bodies.IterationCancelled,
)
_NOTED: Final = frozenset(
    {
        *_OPENERS,
        *_CLOSERS,
        bodies.ActionScheduled,
        bodies.EventAwaited,
        bodies.GatheringOpened,
        bodies.TimerSet,
        bodies.RetryScheduled,
    }
)


def path_of(frames: Mapping[int, Frame], frame_id: int, name: str) -> str:
    """The path of the thing called `name` in this open frame."""
    return within(_path_of_frame(frames, frame_id), _escaped(name))


def state_of(path: str) -> str:
    """The name of the outermost state of a path."""
    label = path.partition("/")[0]
    if label.startswith("~2"):
        label = f"#{label[2:]}"
    return label.replace("~1", "/").replace("~0", "~")


def within(outer: str, label: str) -> str:
    """A label inside a path."""
    return f"{outer}/{label}" if outer else label


def _path_of_frame(frames: Mapping[int, Frame], frame_id: int) -> str:
    labels = []
    frame = frames.get(frame_id)
    while frame is not None and frame.kind != "execution":
        number = frame.iteration if frame.kind == "iteration" else None
        labels.append(_label(frame.name, number))
        frame = frames.get(frame.parent)
    return "/".join(reversed(labels))


def _label(name: str, iteration: int | None) -> str:
    return _escaped(name) if iteration is None else f"#{iteration}"


def _escaped(name: str) -> str:
    """A name as one label: `~` is `~0`, `/` is `~1`, a `#` in front is `~2`."""
    if "~" in name or "/" in name:
        name = name.replace("~", "~0").replace("/", "~1")
    return f"~2{name[1:]}" if name.startswith("#") else name


class Places:
    """Follows the events of one execution in order and names what they open. `state`: where the
    events begin (None: at the first); counting begins behind event `after`."""

    __slots__ = ("_after", "_counts", "_firsts", "_frames", "visits")

    def __init__(self, after: int = 0, state: ExecutionState | None = None) -> None:
        self._after = after
        self._counts: dict[tuple[str, str], int] = {}
        self._firsts: dict[int, Handle] = {}
        self._frames: dict[int, str] = {}
        self.visits: dict[int, Handle] = {}
        for frame in state.frames.values() if state is not None else ():
            self._frames[frame.id] = _path_of_frame(state.frames, frame.id) if state else ""
            self.visits[frame.id] = ("frame", frame.id)

    def path(self, frame_id: int) -> str:
        """The path of an open frame; that of the execution is empty."""
        return self._frames.get(frame_id, "")

    def note(self, event: Event) -> Handle | None:
        """Follow one event. The handle of the call, wait or timer it opens; None for others."""
        body = event.body
        if type(body) not in _NOTED:
            return None
        if isinstance(body, _OPENERS):
            self._open(event)
        elif isinstance(body, _CLOSERS):
            self._frames.pop(event.frame, None)
            self.visits.pop(event.frame, None)
        elif isinstance(body, bodies.ActionScheduled):
            return self._call(event, body.retry_of)
        elif isinstance(body, bodies.EventAwaited):
            return self._counted("call" if body.callback else "wait", event)
        elif isinstance(body, bodies.GatheringOpened):
            return self._counted("wait", event)
        elif isinstance(body, bodies.TimerSet):
            return self._counted(body.purpose, event)
        elif isinstance(body, bodies.RetryScheduled):
            return self._counted("retry", event)
        return None

    def _open(self, event: Event) -> None:
        number = event.iteration if isinstance(event.body, bodies.IterationStarted) else None
        path = within(self._frames.get(event.frame, ""), _label(event.name, number))
        self._frames[event.seq] = path
        self.visits[event.seq] = self._next("frame", path, event.seq)

    def _call(self, event: Event, retry_of: int | None) -> Handle:
        """Every attempt of a call has the handle of its first."""
        if retry_of is None:
            handle = self._firsts[event.seq] = self._counted("call", event)
            return handle
        return self._firsts.get(retry_of, ("call", retry_of))

    def _counted(self, kind: str, event: Event) -> Handle:
        path = within(self._frames.get(event.frame, ""), _escaped(event.name))
        return self._next(kind, path, event.seq)

    def _next(self, kind: str, path: str, seq: int) -> Handle:
        if seq <= self._after:
            return (kind, seq)
        number = self._counts.get((kind, path), 0) + 1
        self._counts[kind, path] = number
        return (kind, path, number)
