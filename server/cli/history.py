"""`refold exec history` and `refold exec timeline`: what took how long, with which data."""

import shutil
import sys
from datetime import datetime
from typing import Annotated, Any

import typer

from schemas.json_text import dumps
from server.cli.client import segment
from server.cli.output import Output, cut, emit_list, text_of, write_error, write_json, write_line
from server.cli.session import Full, Session, connected

app = typer.Typer()

Execution = Annotated[str, typer.Argument(help="The id of an execution: ex_...")]
Limit = Annotated[
    int | None, typer.Option("--limit", min=1, help="How many at most; all without it.")
]
_PAGE = 500
_WIDTH = 100
_LEAST_CHART = 20
_MARKS = {"failed": "x", "cancelled": "-", "timed_out": "!"}


@app.command("history")
@connected
def history(
    session: Session,
    execution: Execution,
    data: Annotated[
        int,
        typer.Option(
            "--data", min=0, max=65_536, help="Bytes of each input and output shown; 0: none."
        ),
    ] = 2_048,
    limit: Limit = None,
    full: Full = False,
) -> None:
    """Show when each state, branch and iteration was entered and left and every attempt, with input
    and output."""
    found = _pages(session, execution, "history", ("scopes", "attempts"), limit, {"data": data})
    if session.output is Output.JSON:
        write_json(found)
        return
    rows = sorted([*found["scopes"], *found["attempts"]], key=_seq_of)
    columns = {
        "SEQ": _seq_of,
        "KIND": lambda one: one.get("kind", "attempt"),
        "NAME": _named,
        "FROM": lambda one: one.get("entered_at") or one["scheduled_at"],
        "TOOK": lambda one: took(one["duration_ms"]),
        "OUTCOME": lambda one: one["outcome"],
        "ERROR": lambda one: one["error_code"],
        "INPUT": lambda one: _value(one, "input"),
        "OUTPUT": lambda one: _value(one, "output"),
    }
    if not any(one["error_code"] for one in rows):
        del columns["ERROR"]
    if not data:
        del columns["INPUT"], columns["OUTPUT"]
    emit_list(rows, session.output, columns, _seq_of, following=found["next"], full=full)


def _pages(
    session: Session,
    execution: str,
    what: str,
    lists: tuple[str, ...],
    limit: int | None,
    query: dict[str, Any],
) -> Any:
    """All pages of an answer as one, at most `limit` rows."""
    path, whole, after = f"/executions/{segment(execution)}/{what}", None, 0
    while True:
        had = sum(len(whole[name]) for name in lists) if whole else 0
        wanted = _PAGE if limit is None else min(_PAGE, limit - had)
        page = session.client.get(path, {**query, "after": after, "limit": wanted}).json
        if whole is not None:
            page.update({name: whole[name] + page[name] for name in lists})
        whole = page
        had = sum(len(whole[name]) for name in lists)
        if whole["next"] is None or (limit is not None and had >= limit):
            return whole
        after = whole["next"]


def _seq_of(one: Any) -> int:
    return int(one["frame"] if "kind" in one else one["seq"])


def _named(one: Any) -> str:
    parts = [one["name"]]
    parts += [f"{key} {one[key]}" for key in ("branch", "iteration") if one.get(key) is not None]
    if one.get("attempt", 1) > 1:
        parts.append(f"attempt {one['attempt']}")
    return ", ".join(part for part in parts if part)


def _value(one: Any, side: str) -> str:
    if side in one["cut"]:
        return "(not shown: too large)"
    return "" if one[side] is None else dumps(one[side]).decode()


def took(duration_ms: int | None) -> str:
    """A duration as people read it; "" for what has not ended."""
    if duration_ms is None:
        return ""
    if duration_ms < 1_000:
        return f"{duration_ms} ms"
    seconds = duration_ms / 1_000
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} d {hours % 24} h"


@app.command("timeline")
@connected
def timeline(session: Session, execution: Execution, limit: Limit = None) -> None:
    """Draw what an execution did as bars over time: states, actions, timers, waits."""
    found = _pages(session, execution, "timeline", ("bars",), limit, {})
    if session.output is Output.JSON:
        write_json(found)
        return
    if session.output is Output.IDS:
        for bar in found["bars"]:
            write_line(str(bar["seq"]))
        return
    if found["started_at"] is None:
        write_line(f"{found['id']}: nothing has happened yet")
        return
    width = shutil.get_terminal_size((_WIDTH, 24)).columns if sys.stdout.isatty() else _WIDTH
    for line in drawn(found, width):
        write_line(line)
    if found["next"] is not None:
        write_error(f"refold: {len(found['bars'])} shown, more exist; raise --limit")


def drawn(found: Any, width: int) -> list[str]:
    """The timeline as lines of at most `width` characters: a name, a bar, how long it took. A bar
    of `x` failed, of `-` was cancelled, of `!` timed out, of `>` is open."""
    start = _ms(found["started_at"])
    ends = [_ms(bar["end"] or bar["start"]) for bar in found["bars"]]
    until = _ms(found["closed_at"] or found["last_at"])
    until = max([until, start + 1, *ends])
    names = [f"{'  ' * bar['depth']}{_titled(bar)}" for bar in found["bars"]]
    times = [took(bar["duration_ms"]) or "open" for bar in found["bars"]]
    last = max(map(len, times), default=0)
    room = max(8, width - last - 4 - _LEAST_CHART)
    first = min(max(map(len, names), default=0), room, max(16, width // 3))
    chart = max(_LEAST_CHART, width - first - last - 4)
    lines = [f"{found['id']}  {found['status']}  {took(until - start)}"[:width]]
    for name, bar, time in zip(names, found["bars"], times, strict=True):
        line = _bar(bar, start, until, chart)
        lines.append(f"{cut(name, first):<{first}} |{line}| {time:>{last}}"[:width])
    return lines


def _titled(bar: Any) -> str:
    """What stands before a bar: its name; of branches and iterations their number."""
    numbered = bar["kind"] in ("branch", "iteration")
    return text_of(bar["detail"] if numbered or not bar["name"] else bar["name"])


def _bar(bar: Any, start: int, until: int, chart: int) -> str:
    """The bar at its place: at least one mark."""
    scale = chart / (until - start)
    begin = min(chart - 1, max(0, int((_ms(bar["start"]) - start) * scale)))
    end = chart if bar["end"] is None else round((_ms(bar["end"]) - start) * scale)
    length = max(1, min(chart, end) - begin)
    plain = "=" if bar["kind"] in ("state", "branch", "iteration") else "#"
    plain = "." if bar["kind"] in ("timer", "event", "callback") else plain
    mark = ">" if bar["end"] is None else _MARKS.get(bar["outcome"], plain)
    return (" " * begin + mark * length).ljust(chart)[:chart]


def _ms(time: str) -> int:
    return round(datetime.fromisoformat(time.replace("Z", "+00:00")).timestamp() * 1_000)
