"""`refold exec at|diff`: an execution at any point of its past, and what differs between two."""

from typing import Annotated, Any

import typer

from schemas.json_text import dumps
from server.cli.audit import time_of
from server.cli.client import segment
from server.cli.debugging import suspension_lines
from server.cli.faults import USAGE, CommandFault
from server.cli.output import Output, write_json, write_line
from server.cli.paper import Paper
from server.cli.session import Full, Session, connected

app = typer.Typer()

PARTS = ("data", "state", "input", "output")
_SHOWN_SCOPES = 10
"""Open branches and iterations whose own data is shown."""

_SIGNS = {"add": "+", "remove": "-", "replace": "~"}
_COLOURS = {"add": "green", "remove": "red", "replace": "yellow"}


@app.command("at")
@connected
def at(
    session: Session,
    execution: Annotated[str, typer.Argument(help="The id of an execution: ex_...")],
    moment: Annotated[
        str | None, typer.Argument(help="The seq of an event, or an RFC 3339 time; none: now.")
    ] = None,
    full: Full = False,
) -> None:
    """Show the state of an execution after an earlier event, or at an earlier time: its data, the
    states that were open, calls under way, timers, and what it waited for."""
    state = session.client.get(f"/executions/{segment(execution)}/state", {"at": moment}).json
    if session.output is Output.JSON:
        write_json(state)
    elif session.output is Output.IDS:
        write_line(state["execution"])
    elif state["seq"] == 0:
        write_line(f"{state['execution']}: nothing had happened yet")
    else:
        show_state(Paper(full=full), state, full=full)


def show_state(paper: Paper, state: Any, *, full: bool) -> None:
    """Print a state as `PastState` tells it."""
    paper.line(f"{state['execution']} {_point(state)}", colour="bold")
    name = f", name {state['name']}" if state["name"] else ""
    paper.item("workflow", f"{state['workflow']} {state['version']}{name}")
    scopes = _innermost(state["frames"])
    paper.item("states", "; ".join(way for way, _ in scopes) or "none is open")
    if state["status"] in ("completed", "failed", "cancelled", "timed_out"):
        paper.value("output" if state["status"] == "completed" else "input", _last(state))
    else:
        paper.value("data", state["data"])
        for way, scope in scopes[: len(scopes) if full else _SHOWN_SCOPES]:
            if scope["data"] != state["data"]:
                paper.item("in", way)
                paper.value("", scope["data"])
    if state["error"] is not None:
        paper.item("error", f"{state['error']['code']}: {state['error']['message']}")
    for name, text in suspension_lines(state["suspension"]):
        if text is not None:
            paper.item(name, text)
    for one in state["actions"]:
        paper.item("action", _action(one))
        if one["call"].get("arguments") is not None:
            paper.value("", one["call"]["arguments"])
    for one in state["timers"]:
        paper.item("timer", _timer(one))
    for one in state["waits"]:
        paper.item("wait", _wait(one))


def _point(state: Any) -> str:
    return f"after event {state['seq']} ({state['at']}): {state['status']}"


def _last(state: Any) -> Any:
    return state["output"] if state["status"] == "completed" else state["input"]


def _innermost(frames: list[Any]) -> list[tuple[str, Any]]:
    """Every innermost scope with the way to it: `Ship > branch left > Pack`."""
    by_id = {one["id"]: one for one in frames}
    parents = {one["parent"] for one in frames}
    ways = [(_way(by_id, one), one) for one in frames if one["id"] not in parents]
    return [(way, one) for way, one in ways if way]


def _way(by_id: dict[int, Any], frame: Any) -> str:
    parts = []
    while frame is not None and frame["kind"] != "execution":
        number = f" {frame['iteration']}" if frame["kind"] == "iteration" else ""
        kind = "" if frame["kind"] == "state" else f"{frame['kind']}{number} of "
        kind = f"branch {frame['name']}" if frame["kind"] == "branch" else f"{kind}{frame['name']}"
        parts.append(kind)
        frame = by_id.get(frame["parent"])
    return " > ".join(reversed(parts))


def _action(one: Any) -> str:
    call = one["call"]
    return (
        f"{one['name']}: {call['function']} ({call['operation']}), attempt {one['attempt']},"
        f" since {time_of(one['at'])} (event {one['id']})"
    )


def _timer(one: Any) -> str:
    purpose = one["purpose"].replace("_", " ")
    named = f" of {one['name']}" if one["name"] else ""
    again = f", attempt {one['action']['attempt']}" if one.get("action") else ""
    return f"{purpose}{named}{again}, due {time_of(one['due'])} (event {one['id']})"


def _wait(one: Any) -> str:
    kinds = [_filter(each) for each in one["filters"]]
    taken = f"; has {', '.join(one['received'])}" if one.get("received") else ""
    how = "all of " if one["mode"] == "all" and len(kinds) > 1 else ""
    callback = " or its callback" if one.get("callback") else ""
    return (
        f"{one['name']}: {how}{', '.join(kinds)}{callback}{taken},"
        f" since {time_of(one['at'])} (event {one['id']})"
    )


def _filter(one: Any) -> str:
    source = f" from {one['source']}" if one.get("source") else ""
    keys = [f"{name}={value}" for name, value in one.get("correlation", ()) if value is not None]
    return f"{one['type']}{source}{' with ' + ' '.join(keys) if keys else ''}"


@app.command("diff")
@connected
def diff(
    session: Session,
    first: Annotated[str, typer.Argument(help="EXECUTION@POINT: a seq or a time; now without it.")],
    second: Annotated[
        str | None, typer.Argument(help="Another point; without it the same execution now.")
    ] = None,
    of: Annotated[
        str, typer.Option("--of", help="What is compared: data, state, input or output.")
    ] = "data",
    full: Full = False,
) -> None:
    """Show what differs between two points of an execution, or of two: `+` is only in the second,
    `-` only in the first, `~` in both. With `-o json` it is a JSON Patch (RFC 6902)."""
    if of not in PARTS:
        raise CommandFault(f"--of is one of {', '.join(PARTS)}; got {of!r}", USAGE)
    one, start = _split(first)
    other, end = _split(second) if second is not None else (one, None)
    if second is None and start is None:
        raise CommandFault("name a point, EXECUTION@SEQ, or two executions", USAGE)
    query = {"from": start, "to": end, "of": of, "other": other if other != one else None}
    found = session.client.get(f"/executions/{segment(one)}/diff", query).json
    if session.output is Output.JSON:
        write_json(found["patch"])
    elif session.output is Output.IDS:
        for change in found["changes"]:
            write_line(change["pointer"])
    else:
        show_changes(Paper(full=full), found)


def _split(text: str) -> tuple[str, str | None]:
    execution, at_sign, moment = text.partition("@")
    if not execution or (at_sign and not moment):
        raise CommandFault(f"{text!r} is not EXECUTION or EXECUTION@POINT", USAGE)
    return execution, moment or None


def show_changes(paper: Paper, found: Any) -> None:
    """Print a difference as the API tells it."""
    start, end = found["from"], found["to"]
    same = start["execution"] == end["execution"]
    named = "" if same else f"{end['execution']} "
    title = f"{start['execution']} {_place(start)} -> {named}{_place(end)}"
    paper.line(title, colour="bold")
    if found["equal"]:
        paper.line(f"nothing differs in the {found['of']}")
    for one in found["changes"]:
        sides = [dumps(one[key]).decode() for key in ("before", "after") if key in one]
        text = f"{_SIGNS[one['kind']]} {one['path']}: {' -> '.join(sides)}"
        paper.line(text, colour=_COLOURS[one["kind"]])


def _place(point: Any) -> str:
    if point["seq"] == 0:
        return "before the first event"
    return f"event {point['seq']} ({point['at']})"
