"""`refold exec compare`: two executions side by side."""

import shutil
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from schemas.json_text import dumps
from server.cli.client import segment
from server.cli.output import Output, counted, cut, emit_one, text_of, write_line
from server.cli.session import Full, Session, connected

app = typer.Typer()

_LEAST_COLUMN = 24
_AROUND = 3
"""Pairs that are the same, shown before and after one that is not."""


@app.command("compare")
@connected
def compare(
    session: Session,
    left: Annotated[str, typer.Argument(help="The id of an execution: ex_...")],
    right: Annotated[str, typer.Argument(help="The id of another one, such as a fork of it.")],
    full: Full = False,
) -> None:
    """Show two executions side by side: where they first differ, and how. What a fork copied is
    left out, and so are long stretches that are the same, unless `--full`."""
    path = f"/executions/{segment(left)}/compare"
    found = session.client.get(path, {"with": right}).json
    if session.output is not Output.TABLE:
        emit_one(found, session.output, lambda one: one["right"], [])
        return
    write_line(verdict(found))
    if found["same"] and not full:
        return
    write_line("")
    _show(found, full=full)


def verdict(found: Any) -> str:
    """What the comparison (the API's answer) comes to, in one line."""
    shared = f"the first {counted(found['common'], 'event')} are one and the same; "
    begin = shared if found["common"] else ""
    first = found["first_divergence"]
    if first is None:
        end = "nothing differs" if found["complete"] else "nothing differs as far as was compared"
        return f"{begin}{end} behind them" if begin else end
    pair = found["pairs"][first]
    if pair["left"] is None or pair["right"] is None:
        side, event = ("left", pair["left"]) if pair["left"] else ("right", pair["right"])
        return f"{begin}they part where only the {side} one {event['told']} (event {event['seq']})"
    return (
        f"{begin}they first differ where the left one {pair['left']['told']} (event "
        f"{pair['left']['seq']}) and so does the right one (event {pair['right']['seq']})"
        f"{_with_another(pair['changes'])}"
    )


def _with_another(changes: Sequence[Any]) -> str:
    """Where the data of two events that say the same first differs."""
    return f", with another {changes[0]['path']}" if changes else ""


def _show(found: Any, *, full: bool) -> None:
    room = shutil.get_terminal_size((120, 24)).columns
    width = max(_LEAST_COLUMN, (room - 4) // 2)
    _line(found["left"], " ", found["right"], width)
    pairs, skipped = found["pairs"], 0
    for index, pair in enumerate(pairs):
        if not full and not _is_near(pairs, index):
            skipped += 1
            continue
        if skipped:
            write_line(f"{'':>{width - 3}}... {counted(skipped, 'pair')} that are the same")
            skipped = 0
        first = index == found["first_divergence"]
        _line(_cell(pair["left"]), ">" if first else _sign(pair), _cell(pair["right"]), width)
        for change in pair["changes"]:
            for line in _changed(change, room - 4):
                write_line(f"    {cut(line, room - 4)}")
    if skipped:
        write_line(f"{'':>{width - 3}}... {counted(skipped, 'pair')} that are the same")


def _is_near(pairs: Sequence[Any], index: int) -> bool:
    return any(not one["same"] for one in pairs[max(0, index - _AROUND) : index + _AROUND + 1])


def _sign(pair: Any) -> str:
    return " " if pair["same"] else "|"


def _line(left: str, sign: str, right: str, width: int) -> None:
    write_line(f"{cut(left, width):<{width}} {sign}  {cut(right, width)}".rstrip())


def _cell(event: Any) -> str:
    if event is None:
        return ""
    places = [f"{key} {event[key]}" for key in ("branch", "iteration") if event[key] is not None]
    if (event["attempt"] or 1) > 1:
        places.append(f"attempt {event['attempt']}")
    place = f" ({', '.join(places)})" if places else ""
    return text_of(f"{event['seq']:>5} {event['told']}{place}")


def _changed(change: Any, room: int) -> list[str]:
    """One operation of the patch for people; old and new value on a line each where it is short."""
    place = change["path"]
    if change["op"] == "remove":
        return [f"- {place}: {dumps(change['was']).decode()}"]
    value = dumps(change["value"]).decode()
    if change["op"] == "add":
        return [f"+ {place}: {value}"]
    before = f"~ {place}: {dumps(change['was']).decode()}"
    line = f"{before} -> {value}"
    return [line] if len(line) <= room else [before, f"{'->':>{len(place) + 3}} {value}"]
