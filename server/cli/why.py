"""`refold exec why` and `refold event explain`: what was expected, what came, what to do."""

import shutil
import textwrap
from typing import Annotated, Any

import typer

from server.cli.client import segment
from server.cli.faults import USAGE, CommandFault
from server.cli.output import Output, emit_one, text_of, write_line
from server.cli.session import Session, connected

exec_app = typer.Typer()
event_app = typer.Typer()

_WIDEST = 100


@exec_app.command("why")
@connected
def why(
    session: Session,
    execution: Annotated[str, typer.Argument(help="The id of an execution: ex_...")],
) -> None:
    """Say what an execution waits for, what would let it go on, and which CloudEvents nearly
    matched."""
    found = session.client.get(f"/executions/{segment(execution)}/why").json
    if session.output is not Output.TABLE:
        emit_one(found, session.output, lambda one: one["execution"], [])
        return
    paragraph(found["summary"])
    for number, reason in enumerate(found["reasons"], 1):
        write_line("")
        _show_reason(number, reason, alone=len(found["reasons"]) == 1)
    if found["more"]:
        write_line("")
        paragraph(f"{found['more']} further reasons were left out; -o json has as many.")
    write_line("")
    _show_engine(found["engine"])


def _show_reason(number: int, reason: Any, *, alone: bool) -> None:
    """`alone`: the summary has said its text already."""
    since = f"  since {reason['since']}" if reason["since"] else ""
    write_line(f"{number}. {reason['kind'].replace('_', ' ')}{since}")
    if not alone:
        paragraph(reason["text"], "   ")
    for one in reason["events"]:
        _show_wanted(one)
    if reason["callback"] is not None:
        write_line(f"   token    {reason['callback']['token']}")
        write_line(f"   or       {reason['callback']['curl']}")
    for step in reason["unblock"]:
        write_line(f"   unblock  {text_of(step)}")


def _show_wanted(one: Any) -> None:
    wanted = [f"type {one['type']}"]
    if one["source"] is not None:
        wanted.append(f"source {one['source']}")
    for each in one["correlation"]:
        value = "any value" if each["wanted"] is None else each["wanted"]
        wanted.append(f"{each['name']} = {value}")
    wanted.append(f"position above {one['after']}")
    write_line(text_of(f"   {'has' if one['received'] else 'wants':<7}  {', '.join(wanted)}"))
    for position in one["arriving"]:
        write_line(f"   comes    CloudEvent {position} matches and is on its way")
    if one["near"]:
        write_line("   nearest CloudEvents that did not match:")
        for miss in one["near"]:
            place = f"{miss['position']:>9}  {miss['type']}  {miss['source']} {miss['id']}"
            write_line(text_of(place))
            write_line(text_of(f"{'':>11}{miss['text']}"))
    for message in one["refused"]:
        letter = f"dead letter {message['dead_letter']} names this type: {message['code']}"
        write_line(text_of(f"   {letter}: {message['reason']}"))


def _show_engine(engine: Any) -> None:
    owner = engine["owner"] or "nobody"
    until = "" if engine["lease_valid"] or not engine["owner"] else ", whose lease ran out"
    rows = engine["inbox_rows"]
    waiting = f", {rows} in its inbox" if rows else ""
    write_line(f"shard {engine['shard']}: {owner}{until}{waiting}")


@event_app.command("explain")
@connected
def explain(
    session: Session,
    event: Annotated[
        str | None, typer.Argument(help="Its position in the stream, or its source.")
    ] = None,
    event_id: Annotated[
        str | None, typer.Argument(metavar="ID", help="Its id, where EVENT is its source.")
    ] = None,
    dead_letter: Annotated[
        str | None, typer.Option("--dead-letter", help="The number of a dead letter instead.")
    ] = None,
) -> None:
    """Say what became of a CloudEvent: whom it started or woke, who nearly took it and why not."""
    if (event is None) == (dead_letter is None):
        raise CommandFault("give a position, a source and an id, or --dead-letter", USAGE)
    if dead_letter is not None:
        _explain_letter(session, dead_letter)
        return
    if event_id is not None:
        found = session.client.get("/events/explain", {"source": event, "id": event_id}).json
    else:
        found = session.client.get(f"/events/{segment(event or '')}/explain").json
    if session.output is not Output.TABLE:
        emit_one(found, session.output, lambda one: one["event"]["event"]["id"], [])
        return
    paragraph(found["summary"])
    _show_deliveries(found["deliveries"])
    _show_triggers(found)
    _show_near_waits(found["near_waits"])
    letters = [
        f"{one['dead_letter']}  {one['code']}: {one['reason']}" for one in found["dead_letters"]
    ]
    _section("dead letters that name it", letters)


def _explain_letter(session: Session, number: str) -> None:
    found = session.client.get(f"/events/dead-letters/{segment(number)}/explain").json
    if session.output is not Output.TABLE:
        emit_one(found, session.output, lambda one: one["letter"]["id"], [])
        return
    paragraph(found["summary"])
    write_line("")
    paragraph(found["advice"])


def _show_deliveries(deliveries: Any) -> None:
    lines = []
    for one in deliveries:
        where = f"  state {one['state']}" if one["state"] else ""
        seq = f"  event {one['seq']} at {one['at']}" if one["seq"] is not None else ""
        lines.append(f"{one['role']:<8}  {one['execution']}  {one['workflow'] or ''}{where}{seq}")
    _section("taken by", lines)


def _show_triggers(found: Any) -> None:
    lines = []
    for one in found["triggers"]:
        sign = "yes" if one["accepted"] else "no"
        lines.append(f"{sign:<4}  {one['workflow']} {one['version']}: {one['text']}")
    if found["other_triggers"]:
        count = found["other_triggers"]
        rest = "1 other, which wants" if count == 1 else f"{count} others, which want"
        lines.append(f"no    {rest} another type")
    _section("does it start a workflow?", lines)


def _show_near_waits(waits: Any) -> None:
    lines = [f"{one['execution']}  {one['workflow']}, state {one['state']}: {one['text']}"
             for one in waits]  # fmt: skip
    _section("open waits that are near", lines)


def _section(title: str, lines: list[str]) -> None:
    if lines:
        write_line("")
        write_line(title)
        for line in lines:
            write_line(text_of(f"  {line}"))


def paragraph(text: str, indent: str = "") -> None:
    """A paragraph for people, wrapped to the terminal; words are never cut."""
    width = max(40, min(_WIDEST, shutil.get_terminal_size((_WIDEST, 24)).columns))
    lines = textwrap.wrap(
        text_of(text), width, initial_indent=indent, subsequent_indent=indent,
        break_long_words=False, break_on_hyphens=False,
    )  # fmt: skip
    for line in lines:
        write_line(line)
