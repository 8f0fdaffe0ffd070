"""What a fork begins with: its prefix and how that stands, what is edited in it, whether another
version of the definition fits. Pure; who asks reads the source's log and accepts the fork."""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from engine.core.decide.resumption import Interruption, Trail
from engine.core.merge import identity
from engine.core.timetravel.patch import apply_patch
from engine.model.errors import RefoldError
from engine.model.event import Event
from engine.model.program import (
    Act,
    AnyNode,
    Choose,
    Each,
    Fork,
    Listen,
    Pass,
    Program,
    Scope,
    Timer,
)
from engine.model.state import ExecutionState, Frame
from schemas.events import bodies
from schemas.events.parts import AnswerPolicy, EditedCloudEvent, FrameEdit, Write

MAX_FORK_EVENTS: Final = 100_000
"""Events that a fork copies: they are read, folded and written again."""

EDITED: Final = "/"
"""`source` of a write that a person made: no part of a definition asked for it."""


class ForkFault(RefoldError):
    """A fork that cannot be made. `code`: fork.invalid, fork.not_here, fork.too_long,
    fork.incompatible; `pointer`: the member of the request that asks for it."""

    def __init__(self, code: str, message: str, pointer: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.pointer = pointer


class Origin(msgspec.Struct):
    """How the source began: the body of its ExecutionStarted, and the positions of the CloudEvents
    that started it (`gathered`: it needed them all). `taken`: positions of all taken so far.
    `is_opening`: of a start by CloudEvents, the last one is yet to be taken."""

    started: bodies.ExecutionStarted | None = None
    positions: tuple[int, ...] = ()
    gathered: bool = False
    taken: frozenset[int] = frozenset()
    is_opening: bool = True


class Prefix:
    """The source's events up to where it is forked, followed from the first."""

    def __init__(self, state: ExecutionState) -> None:
        self._trail = Trail(state)
        self.origin = Origin()

    @property
    def state(self) -> ExecutionState:
        """The state after the events so far."""
        return self._trail.state

    @property
    def broken_off(self) -> Interruption | None:
        """How they stand: what was to be done next."""
        return self._trail.broken_off

    def note(self, event: Event) -> None:
        """One more event."""
        self._trail.note(event)
        origin, body = self.origin, event.body
        if isinstance(body, bodies.GatheringOpened):
            origin.gathered = True
        elif isinstance(body, bodies.ExecutionStarted):
            origin.started = body
            origin.is_opening = origin.gathered or body.trigger is not None
        elif isinstance(body, bodies.EventReceived) and body.event is not None:
            origin.taken |= {body.event.position}
            if origin.is_opening:
                origin.positions = (*origin.positions, body.event.position)
                origin.is_opening = origin.started is None
        elif isinstance(body, (bodies.ErrorCaught, bodies.ExecutionFailed)):
            self._fail_opening()

    def _fail_opening(self) -> None:
        """Its first state failed before it took the last CloudEvent of its start, whose position it
        began behind."""
        origin = self.origin
        if origin.is_opening and origin.started is not None:
            origin.positions = (*origin.positions, origin.started.from_position)
            origin.is_opening = False


def main_frame(state: ExecutionState) -> Frame:
    """The frame whose data an execution shows: of the state open in the main flow, else its own."""
    root = state.frames[state.root]
    opened = (one for one in state.frames.values() if one.parent == root.id)
    return next((one for one in opened if one.kind == "state"), root)


def edited_frame(state: ExecutionState, frame_id: int | None, patch: Any) -> FrameEdit:
    """The edit that a JSON Patch of the frame's data asks for (None: the main one's). Raises
    PatchFault, ForkFault."""
    if frame_id is not None and frame_id not in state.frames:
        known = ", ".join(str(one) for one in state.frames)
        raise ForkFault(
            "fork.invalid", f"no frame {frame_id} is open there, only {known}", "/frame"
        )
    frame = main_frame(state) if frame_id is None else state.frames[frame_id]
    patched = apply_patch(frame.data, patch)
    return FrameEdit(frame.id, tuple(writes_between(frame.data, patched)))


def writes_between(before: Any, after: Any, path: tuple[str | int, ...] = ()) -> Iterator[Write]:
    """The smallest writes that make the one of the other: members that are new or differ are
    replaced, an object that lost a member as a whole."""
    if identity(before) == identity(after):
        return
    if isinstance(before, dict) and isinstance(after, dict) and before.keys() <= after.keys():
        for name, value in after.items():
            if name in before:
                yield from writes_between(before[name], value, (*path, name))
            else:
                yield Write(path=(*path, name), mode="replace", value=value, source=EDITED)
        return
    yield Write(path=path, mode="replace", value=after, source=EDITED)


def edited_cloudevent(position: int, whole: Any, patch: Any) -> EditedCloudEvent:
    """A CloudEvent with a JSON Patch applied to its JSON form. Raises PatchFault; ForkFault where
    the patch is about more than its data: which waits it goes to is a fact of the stream."""
    pointer = f"/patch_events/{position}"
    patched = apply_patch(whole, patch)
    if not isinstance(patched, dict) or _attributes(patched) != _attributes(whole):
        message = "only /data of a CloudEvent can be edited; what it is stays a fact of its stream"
        raise ForkFault("fork.invalid", message, pointer)
    payload = patched["data"] if "data" in patched else patched.get("data_base64")
    return EditedCloudEvent(position, payload, patched)


def _attributes(whole: dict[str, Any]) -> dict[str, Any]:
    return {name: one for name, one in whole.items() if name not in ("data", "data_base64")}


# -------------------------------------------------------------- another version


def check_program(program: Program, prefix: Prefix) -> None:
    """Whether the program has all that is open in the prefix, and of the same kind. Raises
    ForkFault (fork.incompatible), naming what it lacks."""
    lacking = list(dict.fromkeys(_lacking(program, prefix.state, prefix.broken_off)))
    if lacking:
        named = "; ".join(lacking[:10])
        raise ForkFault("fork.incompatible", f"version {program.version} lacks {named}", "/version")


def _lacking(program: Program, state: ExecutionState, broken: Interruption | None) -> Iterator[str]:
    for frame in state.frames.values():
        if frame.kind != "execution" and not _has_frame(program, frame):
            yield f"{frame.kind} {frame.name!r} ({frame.node})"
    for action in (*state.actions.values(), *state.failed.values()):
        yield from _lacks(program, "action", action.name, action.node, Act)
    for wait in state.waits.values():
        refs = {one.ref for one in wait.filters}
        yield from _lacks_events(program, wait.name, wait.node, refs)
    for timer in state.timers.values():
        kind = _TIMER_NODES.get(timer.purpose)
        if kind is not None:
            yield from _lacks(program, f"{timer.purpose} timer", timer.name, timer.node, kind)
    for held in state.held.values():
        if held.node and held.node not in program.nodes:
            yield f"{held.name!r} ({held.node}), which is held"
    if broken is not None:
        yield from _lacks_moves(program, state, broken)


_TIMER_NODES: Final[dict[str, type[Any]]] = {
    "sleep": Timer, "event_timeout": Listen, "before_action": Act, "after_action": Act,
    "retry": Act, "yield": object,
}  # fmt: skip


def _has_frame(program: Program, frame: Frame) -> bool:
    node: AnyNode | None = program.nodes.get(frame.node)
    if frame.kind == "state":
        return isinstance(node, Scope) and node.name == frame.name
    if frame.kind == "iteration":
        return isinstance(node, Each)
    number = frame.branch or 0
    return (
        isinstance(node, Fork)
        and number < len(node.branches)
        and (node.branches[number].name == frame.name)
    )


def _lacks(program: Program, what: str, name: str, node: str, kind: type[Any]) -> Iterator[str]:
    if not isinstance(program.nodes.get(node), kind):
        yield f"the {what} {name!r} ({node})"


def _lacks_events(program: Program, name: str, node: str, refs: set[str]) -> Iterator[str]:
    listen = program.nodes.get(node)
    if not isinstance(listen, Listen):
        yield f"the wait {name!r} ({node})"
        return
    known = {event.ref for entry in listen.entries for event in entry.events}
    yield from (f"the event {ref!r} of the wait {name!r} ({node})" for ref in sorted(refs - known))


_EVENT_NODES: Final[dict[type[bodies.EventBody], type[Any]]] = {
    bodies.StateEntered: Scope,
    bodies.StateExited: Scope,
    bodies.VariablesAssigned: Pass,
    bodies.ActionScheduled: Act,
    bodies.ActionCompleted: Act,
    bodies.ActionFailed: Act,
    bodies.ActionSkipped: Act,
    bodies.RetryScheduled: Act,
    bodies.EventAwaited: Listen,
    bodies.EventWaitClosed: Listen,
    bodies.BranchStarted: Fork,
    bodies.BranchCompleted: Fork,
    bodies.BranchJoined: Fork,
    bodies.IterationsOpened: Each,
    bodies.IterationStarted: Each,
    bodies.IterationCompleted: Each,
    bodies.IterationsJoined: Each,
}
"""What the node of an event is. Those of others are parts of a state, told by their pointer."""


def _lacks_moves(program: Program, state: ExecutionState, broken: Interruption) -> Iterator[str]:
    """What is to be gone on from."""
    pointers = {pointer for node in program.nodes.values() for pointer in _pointers(node)}
    states = {one.name for one in program.nodes.values() if isinstance(one, Scope)}
    moved = [event for frame, event in broken.moved.items() if frame in state.frames]
    for event in (*moved, broken.last, broken.deciding):
        body = event.body
        if isinstance(body, bodies.EventReceived):
            yield from _lacks_events(program, event.name, event.node, {body.ref})
        elif event.node and not _has_node(program, event, pointers):
            yield f"{event.name!r} ({event.node})"
        if isinstance(body, bodies.StateExited) and body.next not in (None, *states):
            yield f"the state {body.next!r}"
    yield from _lacks_branches(program, broken.last)


def _lacks_branches(program: Program, last: Event) -> Iterator[str]:
    """Where the last event started one of several branches, the others are started by the fork."""
    node = program.nodes.get(last.node)
    if isinstance(last.body, bodies.BranchStarted) and isinstance(node, Fork):
        wanted = last.body.total
        if len(node.branches) != wanted:
            yield f"{wanted} branches in all, of which some are to be started ({node.id})"


def _has_node(program: Program, event: Event, pointers: set[str]) -> bool:
    kind = _EVENT_NODES.get(type(event.body))
    if isinstance(event.body, (bodies.TimerFired, bodies.TimerSet)):
        kind = _TIMER_NODES.get(event.body.purpose)
    if kind is None:
        return event.node in program.nodes or event.node in pointers
    return isinstance(program.nodes.get(event.node), kind)


def _pointers(node: AnyNode) -> Iterator[str]:
    exits = []
    if isinstance(node, Scope):
        exits = [node.exit, *(one.exit for one in node.catches)]
        yield from (one.pointer for one in node.catches)
    elif isinstance(node, Listen):
        exits = [one.exit for one in node.entries if one.exit is not None]
        exits += [node.on_timeout] if node.on_timeout is not None else []
    elif isinstance(node, Choose):
        exits = [one.exit for one in node.cases]
        exits += [node.default] if node.default is not None else []
        yield from (one.pointer for one in node.cases)
    for way in exits:
        yield way.pointer
        yield from (one.pointer for one in way.emissions)


# -------------------------------------------------------------- answers


def checked_policy(policy: AnswerPolicy, program: Program) -> AnswerPolicy:
    """The policy, with what has mock answers mocked. Raises ForkFault for an action that the
    definition has not, and for one that is to be mocked without an answer."""
    known = _action_names(program)
    for member, names in (("actions", policy.actions), ("mocks", policy.mocks)):
        for name in names:
            if name not in known:
                shown = ", ".join(sorted(known)[:20])
                raise ForkFault(
                    "fork.invalid", f"there is no action {name!r}, only {shown}", f"/{member}"
                )
    actions = {**dict.fromkeys(policy.mocks, "mock"), **policy.actions}
    for name, answered_by in actions.items():
        if answered_by == "mock" and not (policy.mocks.get(name) or _short(policy, name)):
            raise ForkFault("fork.invalid", f"no answer is given for {name!r}", "/mocks")
    return msgspec.structs.replace(policy, actions=actions)


def _short(policy: AnswerPolicy, name: str) -> bool:
    return bool(policy.mocks.get(name.rpartition("/")[2]))


def _action_names(program: Program) -> set[str]:
    """Names of actions, alone and behind that of their state."""
    names: set[str] = set()
    for node in program.nodes.values():
        if isinstance(node, Act):
            names |= {node.name, f"{_state_of(program, node).name}/{node.name}"}
    return names


def _state_of(program: Program, node: AnyNode) -> AnyNode:
    """The state that a node lies in: ids are pointers into the definition."""
    around = [
        one
        for one in program.nodes.values()
        if isinstance(one, Scope) and node.id.startswith((f"{one.id}/", f"{one.id}#"))
    ]
    return max(around, key=lambda one: len(one.id), default=node)


# -------------------------------------------------------------- from where it failed


def before_failure(last: Event) -> tuple[int, int]:
    """Where an execution that failed is taken up again, from the last event before what its failure
    cancelled: (seq, action). Go on from event `seq`; where `action` is given, from before the first
    attempt of the call with that ActionScheduled."""
    body = last.body
    if isinstance(body, (bodies.ActionFailed, bodies.ActionCompleted)):
        return last.seq, body.action
    if isinstance(body, (bodies.EventReceived, bodies.StateEntered)):
        return last.seq - 1, 0
    return last.seq, 0
