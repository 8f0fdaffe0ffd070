"""`refold exec blame`: who wrote a value, as a tree that leads back to where it came from."""

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from schemas.json_text import dumps
from server.cli.client import segment
from server.cli.output import Output, write_json, write_line
from server.cli.paper import Paper
from server.cli.session import Full, Session, connected

app = typer.Typer()

_SHOWN_MOVES = 6
_SHOWN_CHARS = 120


@app.command("blame")
@connected
def blame(
    session: Session,
    execution: Annotated[str, typer.Argument(help="The id of an execution: ex_...")],
    path: Annotated[
        str, typer.Argument(help="The value: .order.items[0], $.order, or a JSON pointer.")
    ] = ".",
    at: Annotated[
        str | None, typer.Option("--at", help="The seq of an event or a time; now without it.")
    ] = None,
    scope: Annotated[
        str | None,
        typer.Option("--in", help="The open state, or the seq of the scope, whose data is meant."),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="List every scalar below the path.")] = False,
    depth: Annotated[
        int | None, typer.Option("--depth", min=0, max=20, help="Steps back; 5 without it.")
    ] = None,
    full: Full = False,
) -> None:
    """Show which event, state, action and expression wrote a value of the data, and what that was
    made of, back to the input or the CloudEvent it came from."""
    which = "frame" if scope is not None and scope.isdigit() else "state"
    query = {"path": path, "at": at, which: scope, "depth": depth}
    if every:
        query["all"] = "true"
    found = session.client.get(f"/executions/{segment(execution)}/blame", query).json
    if session.output is Output.JSON:
        write_json(found)
    elif session.output is Output.IDS:
        for one in found["items"]:
            write_line(one["event"]["id"])
    else:
        show_blame(Paper(full=full), found, every=every, full=full)


def show_blame(paper: Paper, found: Any, *, every: bool, full: bool) -> None:
    """Print who wrote a value, as the API tells it."""
    where = "the output" if found["frame"] == 0 else f"the data of {found['name']}"
    title = f"{found['path']} in {where} of {found['execution']} after event {found['seq']}"
    paper.line(title, colour="bold")
    if every:
        for one in found["items"]:
            paper.line(f"{_valued(one)}  <- {', '.join(_story(one))}; {_event(one['event'])}")
        if not found["complete"]:
            paper.line("there is more: name a place below")
        return
    for one in found["items"]:
        if one["path"] != found["path"]:
            paper.line(f"the part of it that came last is {one['path']}")
        for line in _tree(one, "", "", full=full):
            paper.line(line)


def _tree(one: Any, first: str, rest: str, *, full: bool) -> Iterator[str]:
    """The finding, and below it what it was made of."""
    behind = [*one["reads"], *(one["call"]["reads"] if one["call"] else ())]
    yield f"{first}{_valued(one)}"
    bar = "│ " if behind else "  "
    for line in _details(one, full=full):
        yield f"{rest}{bar} {line}"
    for number, each in enumerate(behind):
        is_last = number == len(behind) - 1
        corner, below = ("└─ ", "   ") if is_last else ("├─ ", "│  ")
        yield from _tree(each, rest + corner, rest + below, full=full)


def _valued(one: Any) -> str:
    root = "" if one["root"] == "data" else f" of the {one['root']}"
    value = "" if "value" not in one else f" = {_shortened(dumps(one['value']).decode())}"
    return f"{one['path']}{root}{value}"


def _details(one: Any, *, full: bool) -> Iterator[str]:
    yield from _story(one)
    yield f"{_event(one['event'])}, {one['event']['at']}"
    if one["source"]:
        yield f"definition {one['source']}"
    if one["moves"]:
        yield f"then {_moves(one['moves'], full=full)}"
    if one["cut"]:
        yield "what it was made of is not told: raise --depth, unless it is too long ago"


def _story(one: Any) -> Iterator[str]:
    """What kind of origin it is, in words."""
    expression, event, call = one["expression"], one["cloudevent"], one["call"]
    kind = one["kind"]
    if kind == "input":
        yield f"the execution's input, at {_from_pointer(one['pointer'])}"
    elif kind == "cloudevent" and event is not None:
        yield (
            f"CloudEvent {event['type']}, id {event['id']} from {event['source']}"
            f" (position {event['position']})"
        )
    elif kind == "result" and call is not None:
        yield from _called(one, call)
    else:
        yield _KINDS.get(kind, kind)
    if expression is not None:
        constants = f" with {', '.join(one['constants'])}" if one["constants"] else ""
        yield f"by the expression {_shortened(expression)}{constants}"


_KINDS = {
    "computed": "computed",
    "fixed": "fixed by the definition",
    "result": "the result of an action",
    "callback": "the answer to a callback",
    "elements": "an element of the foreach",
    "collected": "collected from the iterations",
    "edited": "edited by a person, in a fork",
    "made": "made empty, for what was put in later",
    "cloudevent": "a CloudEvent",
}


def _called(one: Any, call: Any) -> Iterator[str]:
    attempt = f", attempt {call['attempt']}" if call["attempt"] > 1 else ""
    yield f"the result of action {one['event']['name']}: {call['function']}{attempt}"
    if call["handler"] == "expression":
        yield f"by the expression {_shortened(call['operation'])}"
        return
    yield f"calling {call['operation']}, asked for by event {call['event']['seq']}"
    if call.get("arguments") is not None:
        yield f"with {_shortened(dumps(call['arguments']).decode())}"
    for each in call["expressions"]:
        yield f"where {each['path']} is {_shortened(each['expression'])}"


def _from_pointer(pointer: str) -> str:
    return pointer.removeprefix("/input") or "/"


def _event(event: Any) -> str:
    parts = [f"event {event['seq']} {event['type']}"]
    if event["state"]:
        parts.append(f"state {event['state']}")
    parts += [
        f"{name} {event[name]}" for name in ("branch", "iteration") if event[name] is not None
    ]
    return ", ".join(parts)


def _moves(moves: list[Any], *, full: bool) -> str:
    """Oldest first: how it came from there to here."""
    told = [_move(one["event"]) for one in reversed(moves)]
    if len(told) > _SHOWN_MOVES and not full:
        told = [told[0], f"... {len(told) - 4} more ...", *told[-3:]]
    return ", ".join(told)


def _move(event: Any) -> str:
    verb = _VERBS.get(event["type"], event["type"])
    return f"{verb} {event['name'] or event['state']} ({event['seq']})".replace("  ", " ")


_VERBS = {
    "StateEntered": "into",
    "StateExited": "out of",
    "BranchStarted": "into branch",
    "BranchJoined": "joined in",
    "IterationStarted": "into iteration of",
    "IterationsJoined": "collected in",
}


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_CHARS else text[: _SHOWN_CHARS - 1] + "…"
