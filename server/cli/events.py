"""`refold event`: publish CloudEvents, list the stream and the dead letters."""

import uuid
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from schemas.json_text import dumps
from server.cli.client import place_line, segment
from server.cli.faults import CONFLICT, USAGE, CommandFault
from server.cli.lineage import event_app as lineage_app
from server.cli.output import Output, emit_list, emit_one, write_json, write_line
from server.cli.session import Session, connected, pairs_of, read_file, read_json
from server.cli.why import event_app as explain_app

app = typer.Typer(help="CloudEvents.", no_args_is_help=True)
dlq = typer.Typer(help="Messages that could not be read as CloudEvents.", no_args_is_help=True)
app.add_typer(dlq, name="dlq")
app.registered_commands += explain_app.registered_commands
app.registered_commands += lineage_app.registered_commands

STRUCTURED = "application/cloudevents+json"
BATCH = "application/cloudevents-batch+json"
Position = Annotated[str, typer.Argument(help="Its position in the stream.")]
Limit = Annotated[
    int | None, typer.Option("--limit", min=1, help="How many at most; all without it.")
]


@app.command("publish")
@connected
def publish(
    session: Session,
    file: Annotated[
        str | None,
        typer.Argument(help="A CloudEvent in its JSON form, or an array of them; `-`: stdin."),
    ] = None,
    event_type: Annotated[str | None, typer.Option("--type", help="Its type.")] = None,
    source: Annotated[str, typer.Option("--source", help="Its source.")] = "/refold/cli",
    event_id: Annotated[str | None, typer.Option("--id", help="Its id; unless a new one.")] = None,
    subject: Annotated[str | None, typer.Option("--subject", help="Its subject.")] = None,
    data: Annotated[str | None, typer.Option("--data", help="Its data: JSON, @FILE or -.")] = None,
    ext: Annotated[
        list[str], typer.Option("--ext", help="NAME=VALUE: an extension attribute.")
    ] = [],  # noqa: B006 - typer copies it
) -> None:
    """Publish CloudEvents: from a file, or one of these options. Answered when they are durable."""
    if (file is None) == (event_type is None):
        raise CommandFault("give either a FILE or --type", USAGE)
    if file is not None:
        body = read_file(file)
        media_type = BATCH if body.lstrip().startswith(b"[") else STRUCTURED
    else:
        event: dict[str, Any] = {
            "specversion": "1.0",
            "id": event_id or str(uuid.uuid4()),
            "source": source,
            "type": event_type,
            "time": datetime.now(UTC).isoformat().replace("+00:00", "Z"),
            **({"subject": subject} if subject is not None else {}),
            **pairs_of(ext, "--ext"),
        }
        if event_id is not None:
            del event["time"]  # so that publishing it again says the very same
        if data is not None:
            event |= {"datacontenttype": "application/json", "data": read_json(data, "--data")}
        body, media_type = dumps(event), STRUCTURED
    answer = session.client.send("POST", "/events", body=body, headers={"Content-Type": media_type})
    _show_receipts(answer.json, session.output)


def _show_receipts(answer: Any, output: Output) -> None:
    receipts = answer["receipts"]
    if output is Output.JSON:
        write_json(answer)
    for one in receipts if output is not Output.JSON else ():
        if output is Output.IDS:
            write_line(str(one["id"]))
        elif one["outcome"] == "refused":
            write_line("refused" + place_line(one["error"]))
        else:
            write_line(f"{one['outcome']} at {one['position']}  {one['source']} {one['id']}")
    if any(one["outcome"] in ("refused", "conflict") for one in receipts):
        raise typer.Exit(CONFLICT)


@app.command("ls")
@connected
def index(
    session: Session,
    event_type: Annotated[str | None, typer.Option("--type", help="Only of this type.")] = None,
    source: Annotated[str | None, typer.Option("--source", help="Only from this source.")] = None,
    subject: Annotated[
        str | None, typer.Option("--subject", help="Only with this subject.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", help="Stored at this RFC 3339 time or later.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", help="Stored before this RFC 3339 time.")
    ] = None,
    limit: Limit = None,
) -> None:
    """List the namespace's stream of CloudEvents, oldest first."""
    query = {
        "type": event_type, "source": source, "subject": subject, "since": since, "until": until,
    }  # fmt: skip
    items, following = session.client.pages("/events", query, limit)
    columns = {
        "POSITION": lambda one: one["position"],
        "AT": lambda one: one["at"],
        "TYPE": lambda one: one["event"]["type"],
        "SOURCE": lambda one: one["event"]["source"],
        "ID": lambda one: one["event"]["id"],
        "DATA": lambda one: one["event"].get("data"),
    }
    emit_list(items, session.output, columns, lambda one: one["event"]["id"], following=following)


@app.command("get")
@connected
def get(session: Session, position: Position) -> None:
    """Show one CloudEvent of the stream."""
    found = session.client.get(f"/events/{segment(position)}").json
    event = found["event"]
    lines = [
        ("position", found["position"]),
        ("stored", found["at"]),
        ("by", found["actor"]),
        *((name, value) for name, value in event.items() if name != "specversion"),
    ]
    emit_one(found, session.output, lambda one: one["event"]["id"], lines)


@dlq.command("ls")
@connected
def dead_letters(session: Session, limit: Limit = None) -> None:
    """List messages from NATS that were refused, with the reason."""
    items, following = session.client.pages("/events/dead-letters", {}, limit)
    columns = {
        "ID": lambda one: one["id"],
        "AT": lambda one: one["at"],
        "ORIGIN": lambda one: one["origin"],
        "CODE": lambda one: one["code"],
        "REASON": lambda one: one["reason"],
    }
    emit_list(items, session.output, columns, lambda one: one["id"], following=following)
