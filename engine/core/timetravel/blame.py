"""Who wrote a value: the event, state, action and expression, back to where it came from.

A finding is one step: the event that the value came into the log with, the moves since, and what
it was made of (`reads`, and the call of an action), each a finding of its own.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET, UnsetType

from engine.core.timetravel.blame_fold import Provenance
from engine.core.timetravel.blame_reads import Path, Reads, reads_of
from engine.core.timetravel.blame_shades import Move, Put, Shade
from engine.core.timetravel.pointer import pointer_of, shown_path
from engine.expr import plain_path
from engine.model import program as ir
from engine.model.errors import NotFound
from engine.model.event import Event
from engine.model.state import ExecutionState
from schemas.events import bodies
from schemas.events.parts import CloudEventRef, Write

MAX_FINDINGS: Final = 100
"""Findings that one answer holds, those inside others too."""

MAX_LEAVES: Final = 1_000
"""Places that the blame of everything lists."""

_LARGE: Final = 200
_EVENT_MEMBERS: Final = {
    "input": "/input", "result": "/result", "cloudevent": "/data", "callback": "/data",
    "elements": "/items",
}  # fmt: skip


class Place(msgspec.Struct, frozen=True):
    """An event of the log, and what it happened in. `name`: of the action, the wait, the state."""

    seq: int
    at: int
    type: str
    state: str
    name: str
    node: str
    branch: int | None
    iteration: int | None
    attempt: int | None


class Hop(msgspec.Struct, frozen=True):
    """An event brought the value here from `of` (see `schemas.events.Write`)."""

    place: Place
    of: str
    source: str


class Finding(msgspec.Struct, frozen=True):
    """Where the value at `path` came from. `root`: what the path is in (data, result, payload).
    `value` is left out where it is large, or not in the log. `kind` as in `Put`, and `fixed` for
    data that no expression computed. `pointer`: the value in the event's data; `write`: which of
    its writes, and `source` the part of the definition that asked for it. `moves`: newest first.
    `expression` computed it, and read what is in `reads`; `constants`: names of its variables.
    `is_cut`: there is more behind than is told here."""

    path: Path
    root: str
    kind: str
    place: Place
    value: Any | UnsetType = UNSET
    pointer: str = ""
    write: int | None = None
    source: str = ""
    expression: str | None = None
    constants: tuple[str, ...] = ()
    cloudevent: CloudEventRef | None = None
    call: "CallFinding | None" = None
    reads: tuple["Finding", ...] = ()
    moves: tuple[Hop, ...] = ()
    is_cut: bool = False


class CallFinding(msgspec.Struct, frozen=True):
    """The call whose result the value is. `arguments` as sent; `expressions` made parts of them
    (path, text); `attempt`: the one that answered."""

    place: Place
    function: str
    handler: str
    operation: str
    attempt: int
    arguments: Any | UnsetType
    expressions: tuple[tuple[Path, str], ...] = ()
    reads: tuple[Finding, ...] = ()


class Target(msgspec.Struct, frozen=True):
    """A piece of data that can be blamed: of which frame (0: the output), and its state's name."""

    frame: int
    name: str
    data: Any
    shade: Shade


def target_of(trace: Provenance, frame: int | None, state: str | None) -> Target:
    """The data of a frame, of an open state, or (neither given) what `data` of the state is: the
    state open in the main flow, between states the workflow's, at last the output.
    Raises NotFound."""
    now = trace.state
    if frame is not None or state is not None:
        for one in reversed(now.frames.values()):
            is_named = one.kind == "state" and one.name == state
            if one.id == frame or (frame is None and is_named):
                return Target(one.id, one.name, one.data, trace.frames[one.id].data)
        wanted = f"frame {frame}" if frame is not None else f"state {state!r}"
        raise NotFound(f"{wanted} is not open after event {now.seq}; open are {_opened(now)}")
    root = now.frames.get(now.root)
    if root is None:
        if trace.output is None:
            raise NotFound(
                f"after event {now.seq} the execution is {now.phase} and has no data;"
                " name an earlier event with at"
            )
        return Target(0, now.workflow, now.output, trace.output)
    inside = (one for one in now.frames.values() if one.parent == root.id and one.kind == "state")
    chosen = next(inside, root)
    return Target(chosen.id, chosen.name, chosen.data, trace.frames[chosen.id].data)


def _opened(state: ExecutionState) -> str:
    named = [f"{one.id} ({one.kind} {one.name})" for one in state.frames.values()]
    return ", ".join(named[:20]) or "none"


def normal_path(data: Any, path: Path) -> Path:
    """The path with the data's own keys: a text that is a number is an index where an array is, an
    index from the end counts from the start. Raises NotFound where the path leads nowhere."""
    found: list[str | int] = []
    for part in path:
        key = part
        if isinstance(data, list):
            if isinstance(part, str) and part.isascii() and part.isdigit() and len(part) < 10:
                key = int(part)
            if isinstance(key, int) and key < 0:
                key += len(data)
        is_there = key in data if isinstance(data, dict) and isinstance(key, str) else (
            isinstance(data, list) and isinstance(key, int) and 0 <= key < len(data)
        )  # fmt: skip
        if not is_there:
            where = f"{shown_path((*found, part))[:200]}"
            raise NotFound(f"there is no {where} in the data; there is {_held(data)}")
        found.append(key)
        data = data[key]
    return tuple(found)


def _held(data: Any) -> str:
    if isinstance(data, dict):
        names = [shown_path((key,)) for key in list(data)[:20]]
        return ", ".join(names)[:400] or "an empty object"
    return f"an array of {len(data)}" if isinstance(data, list) else "a plain value"


class Blame:
    """Tells findings, within a limit. `programs`: by definition hash, as far as they are known;
    `depth`: how many steps back from a computed value to what it was made of."""

    def __init__(self, programs: Mapping[str, ir.Program], depth: int) -> None:
        self._programs = programs
        self._depth = depth
        self._left = MAX_FINDINGS

    def of(self, target: Target, path: Path) -> Finding:
        """Of a value; of an object or array that was written in parts, the part that came last."""
        shade = target.shade.at(target.data, path)
        assert shade is not None, "a path that was found"
        return self._newest(shade, path, "data", self._depth)

    def leaves(self, target: Target, path: Path) -> Iterator[Finding]:
        """Of every scalar (and every empty object or array) below a path, without what it was made
        of; at most `MAX_LEAVES`."""
        shade = target.shade.at(target.data, path)
        assert shade is not None, "a path that was found"
        for number, (place, leaf) in enumerate(_leaves(shade, path)):
            if number >= MAX_LEAVES:
                return
            yield self._finding(leaf, place, "data", 0)

    def _newest(self, shade: Shade, path: Path, root: str, depth: int) -> Finding:
        place, newest = shade.newest(path)
        return self._finding(newest, place, root, depth)

    def _finding(self, shade: Shade, path: Path, root: str, depth: int) -> Finding:
        self._left -= 1
        put, event = shade.put, shade.put.event
        arrival = next((one for one in shade.moves if one.event is event), None)
        number, write = put.number if put.write is not None else None, put.write
        if arrival is not None:
            number, write = arrival.order[1], arrival.write
        expression = self._expression(put, shade.within)
        kind = "fixed" if put.kind == "computed" and expression is None else put.kind
        reads, is_cut = self._reads(put, shade.within, expression, depth)
        body = event.body
        return Finding(
            path=path,
            root=root,
            kind=kind,
            place=place_of(event, put.state),
            value=_small(shade.value()),
            pointer=_pointer(put, shade.within),
            write=number if write is not None else None,
            source=write.source if write is not None else "",
            expression=None if expression is None else expression[0],
            constants=self._constants(expression),
            cloudevent=body.event if isinstance(body, bodies.EventReceived) else None,
            call=self._call(put, shade.within, depth),
            reads=reads,
            moves=tuple(_hop(one) for one in shade.moves if one is not arrival),
            is_cut=is_cut or (put.kind == "result" and put.call is None),
        )

    def _reads(
        self, put: Put, within: Path, expression: tuple[str, str] | None, depth: int
    ) -> tuple[tuple[Finding, ...], bool]:
        """What the value was computed from, and whether some of it is not told."""
        if expression is None:
            return (), False
        if put.given is None or depth <= 0:
            return (), True
        return self._followed(put.given, reads_of(expression[0], within), expression[1], depth)

    def _followed(
        self, given: Shade, reads: Reads, root: str, depth: int
    ) -> tuple[tuple[Finding, ...], bool]:
        found: list[Finding] = []
        wanted = [*reads.paths, *((name,) for name in reads.names)]
        for path in wanted:
            shade = given.follow(path)
            if shade is None:
                continue
            if self._left <= 0:
                return tuple(found), True
            found.append(self._newest(shade, path, root, depth - 1))
        return tuple(found), False

    def _call(self, put: Put, within: Path, depth: int) -> CallFinding | None:
        call = put.call
        if call is None:
            return None
        body = call.event.body
        assert isinstance(body, bodies.ActionScheduled)
        node = self._node(put)
        reads: tuple[Finding, ...] = ()
        expressions: tuple[tuple[Path, str], ...] = ()
        if isinstance(node, ir.Act):
            expressions = node.arguments.expressions
            if node.handler == "expression":
                expressions = (((), node.operation),)
            if call.input is not None and depth > 0:
                reads = self._made_from(call.input, node, within, depth)
        return CallFinding(
            place=place_of(call.event, put.state),
            function=body.function,
            handler=body.handler,
            operation=body.operation,
            attempt=call.attempt,
            arguments=_small(body.arguments),
            expressions=expressions,
            reads=reads,
        )

    def _made_from(
        self, given: Shade, node: ir.Act, within: Path, depth: int
    ) -> tuple[Finding, ...]:
        """What the arguments of a call (or the expression that is the call) were made from."""
        root: Path | None = () if node.input is None else plain_path(node.input.source)
        if node.input is not None and root is None:
            found = [reads_of(node.input.source)]
        elif node.handler == "expression":
            found = [reads_of(node.operation, within, root)]
        else:
            found = [reads_of(source, (), root) for _, source in node.arguments.expressions]
        paths = dict.fromkeys(path for one in found for path in one.paths)
        names = dict.fromkeys(name for one in found for name in one.names)
        return self._followed(given, Reads(tuple(paths), tuple(names)), "data", depth)[0]

    def _expression(self, put: Put, within: Path) -> tuple[str, str] | None:
        """The expression that gave the value, and what its input is called."""
        node = self._node(put)
        if put.kind == "elements":
            return (node.collection.source, "data") if isinstance(node, ir.Each) else None
        if put.write is None or put.write.of is not None or put.kind == "edited":
            return None
        return _written_by(node, put.event, put.write, within)

    def _constants(self, expression: tuple[str, str] | None) -> tuple[str, ...]:
        if expression is None:
            return ()
        return tuple(f"${name}" for name in reads_of(expression[0]).names)

    def _node(self, put: Put) -> ir.AnyNode | None:
        program = self._programs.get(put.definition_hash)
        return None if program is None else program.nodes.get(put.event.node)


def _written_by(
    node: ir.AnyNode | None, event: Event, write: Write, within: Path
) -> tuple[str, str] | None:
    """The expression of a node whose value this write is."""
    text: ir.Text | None = None
    root = "data"
    if isinstance(node, ir.Scope):
        text = node.input if isinstance(event.body, bodies.StateEntered) else node.output
    elif isinstance(node, ir.Act):
        text, root = node.selection.select, "result"
    elif isinstance(node, ir.Listen):
        entries = (one for one in node.entries if one.selection.pointer == write.source)
        text, root = next((one.selection.select for one in entries), None), "payload"
    elif isinstance(node, ir.Pass):
        inside = (one for one in node.data.expressions if within[: len(one[0])] == one[0])
        source = next((source for _, source in inside), None)
        text = None if source is None else ir.Text(source)
    return None if text is None else (text.source, root)


def place_of(event: Event, state: str) -> Place:
    """Where an event happened."""
    return Place(
        seq=event.seq, at=event.at, type=type(event.body).__name__, state=state, name=event.name,
        node=event.node, branch=event.branch, iteration=event.iteration, attempt=event.attempt,
    )  # fmt: skip


def _hop(move: Move) -> Hop:
    source = "" if move.write is None else move.write.source
    return Hop(place_of(move.event, move.state), move.of.partition(":")[0], source)


def _pointer(put: Put, within: Path) -> str:
    """Where what was put stands in its event's data; empty for what the event only implies."""
    if put.write is None or put.kind == "made":
        member = _EVENT_MEMBERS.get(put.kind)
        return "" if member is None else member + pointer_of(within)
    body, edit = put.event.body, ""
    if isinstance(body, bodies.ExecutionForked):
        edits = (n for n, one in enumerate(body.edits) if any(w is put.write for w in one.writes))
        edit = f"/edits/{next(edits)}"
    return f"{edit}/writes/{put.number}/value{pointer_of(within)}"


def _leaves(shade: Shade, path: Path) -> Iterator[tuple[Path, Shade]]:
    value = shade.value()
    if not value or not isinstance(value, dict | list):
        yield path, shade
        return
    for key in value if isinstance(value, dict) else range(len(value)):
        yield from _leaves(shade.child(key), (*path, key))


def _small(value: Any) -> Any:
    """The value, if it is of a size that people read; UNSET otherwise."""
    count, level = 0, [value]
    while level and count <= _LARGE:
        count += len(level)
        below: list[Any] = []
        for one in level:
            if isinstance(one, str):
                count += len(one) // 20
            elif isinstance(one, dict | list):
                below += one.values() if isinstance(one, dict) else one
        level = below
    return value if count <= _LARGE else UNSET
