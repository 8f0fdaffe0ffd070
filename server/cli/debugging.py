"""`refold exec pause|resume|continue|step` and `refold break`: holding executions."""

import re
from typing import Annotated, Any

import typer

from schemas.json_text import dumps
from server.cli.client import segment
from server.cli.faults import USAGE, CommandFault
from server.cli.output import Output, emit_list, emit_one, text_of, write_json, write_line
from server.cli.session import Full, Session, changing, connected

exec_app = typer.Typer()
app = typer.Typer(help="Breakpoints.", no_args_is_help=True)

_UNITS_S = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_CAUSES = {
    "paused": "paused",
    "step": "stepped",
    "imported": "imported",
    "forked": "forked to stand still",
}
_JSON = {"Content-Type": "application/json"}

Execution = Annotated[str, typer.Argument(help="The id of an execution: ex_...")]
Reason = Annotated[str, typer.Option("--reason", help="Kept in the log.")]
Wait = Annotated[
    int, typer.Option("--wait", min=0, max=60, help="Seconds to wait until it stands there.")
]


@exec_app.command("pause")
@connected
def pause(session: Session, execution: Execution, reason: Reason = "", wait: Wait = 10) -> None:
    """Hold an execution: answers, CloudEvents and timers are taken, nothing new is entered."""
    _hold(session, execution, "pause", reason, wait)


@exec_app.command("resume")
@connected
def resume(session: Session, execution: Execution, reason: Reason = "", wait: Wait = 10) -> None:
    """Let a held execution go on."""
    _hold(session, execution, "resume", reason, wait)


@exec_app.command("continue")
@connected
def continue_(session: Session, execution: Execution, reason: Reason = "", wait: Wait = 10) -> None:
    """Let a held execution go on, to its next breakpoint if it meets one: the same as resume."""
    _hold(session, execution, "resume", reason, wait)


@exec_app.command("step")
@connected
def step(session: Session, execution: Execution, reason: Reason = "", wait: Wait = 10) -> None:
    """Let a held execution go on to the next state or action that it would enter, and show where it
    stands then."""
    _hold(session, execution, "step", reason, wait)


def _hold(session: Session, execution: str, verb: str, reason: str, wait_s: int) -> None:
    headers = {**_JSON, **({"Prefer": f"wait={wait_s}"} if wait_s else {})}
    answer = session.client.send(
        "POST", f"/executions/{segment(execution)}/{verb}", body=dumps({"reason": reason}),
        headers=headers,
    )  # fmt: skip
    found = answer.json
    if answer.status == 200:
        emit_one(found, session.output, lambda one: one["execution"], _standing(found))
    elif session.output is Output.JSON:
        write_json(found)
    else:
        shown = found["execution"]
        words = "has not come to stand yet; look with `refold exec get`" if wait_s else "is told"
        write_line(shown if session.output is Output.IDS else f"{shown} {words}")


def _standing(found: Any) -> list[tuple[str, Any]]:
    return [
        ("id", found["execution"]),
        ("status", found["status"]),
        ("event", found["seq"]),
        *suspension_lines(found["suspension"]),
        ("in", ", ".join(found["states"]) or None),
        ("data", dumps(found["data"]).decode()),
    ]


def suspension_lines(held: Any) -> list[tuple[str, Any]]:
    """Why an execution is held and before what, as lines of name and value; none where it is not
    held."""
    if held is None:
        return []
    condition = f" ({held['condition']})" if held["condition"] else ""
    if held["breakpoint"] is not None:
        cause = f"at breakpoint {held['breakpoint']}{condition}"
    else:
        cause = f"{_CAUSES[held['cause']]} by {held['actor']}"
    return [
        ("held", f"{cause}, since {held['since']}"),
        ("because", held["reason"] or None),
        ("until", held["until"]),
        *(("next", _held(one)) for one in held["held"]),
    ]


def _held(one: Any) -> str:
    inside = one["state"] is not None and one["state"] != one["name"]
    where = f" in {one['state']}" if inside else ""
    numbers = [f"{key} {one[key]}" for key in ("branch", "iteration") if one[key] is not None]
    return ", ".join([f"{one['next']} {one['name']}{where}", *numbers])


@app.command("set")
@connected
def set_(  # noqa: PLR0913, PLR0917 - a command has options
    session: Session,
    place: Annotated[str, typer.Argument(help="Where: WORKFLOW/STATE.", metavar="PLACE")],
    version: Annotated[
        str | None, typer.Option("--version", help="Only of this version of the workflow.")
    ] = None,
    condition: Annotated[
        str | None,
        typer.Option("--if", help="Only where this jq is true of the data the state would get."),
    ] = None,
    once: Annotated[bool, typer.Option("--once", help="Only the first execution.")] = False,
    sample: Annotated[
        float, typer.Option("--sample", help="Only this share of the executions: above 0, to 1.")
    ] = 1.0,
    expires: Annotated[
        str, typer.Option("--expires", help="How long it is armed: 90s, 15m, 1h, 7d.")
    ] = "1h",
    keep_held: Annotated[
        bool, typer.Option("--keep-held", help="What it holds stays held when it expires.")
    ] = False,
    execution: Annotated[
        str | None, typer.Option("--exec", help="Only this execution: ex_...")
    ] = None,
    reason: Annotated[str, typer.Option("--reason", help="Kept with it and in the logs.")] = "",
) -> None:
    """Hold executions that are about to enter a state."""
    workflow, slash, state = place.partition("/")
    if not (workflow and slash and state):
        raise CommandFault(f"{place!r} is not WORKFLOW/STATE", USAGE)
    wanted = {
        "workflow": workflow, "state": state, "version": version, "execution": execution,
        "condition": condition, "once": once, "sample": sample,
        "expires_s": _seconds(expires), "release_on_expiry": not keep_held, "reason": reason,
    }  # fmt: skip
    body = {name: value for name, value in wanted.items() if value is not None}
    found = session.client.send("POST", "/breakpoints", body=dumps(body), headers=_JSON).json
    emit_one(found, session.output, lambda one: one["id"], _lines(found))


def _seconds(text: str) -> int:
    found = re.fullmatch(r"([1-9][0-9]{0,8})([smhd])", text)
    if found is None:
        raise CommandFault(f"--expires takes 90s, 15m, 1h or 7d; got {text!r}", USAGE)
    return int(found[1]) * _UNITS_S[found[2]]


def _lines(found: Any) -> list[tuple[str, Any]]:
    return [
        ("id", found["id"]),
        ("at", _place(found)),
        ("execution", found["execution"]),
        ("if", found["condition"]),
        ("once", "yes" if found["once"] else None),
        ("sample", found["sample"] if found["sample"] != 1 else None),
        ("status", found["status"]),
        ("from", found["effective_at"]),
        ("expires", found["expires_at"]),
        ("reason", found["reason"] or None),
    ]


def _place(found: Any) -> str:
    version = f"@{found['version']}" if found["version"] else ""
    return f"{found['workflow']}{version}/{found['state']}"


@app.command("ls")
@connected
def index(
    session: Session,
    all_: Annotated[bool, typer.Option("--all", help="The ended ones too.")] = False,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="How many at most; all without it.")
    ] = None,
    full: Full = False,
) -> None:
    """List breakpoints, the newest first, with what they held and what their conditions could not
    say."""
    query = {"all": "true"} if all_ else {}
    items, following = session.client.pages("/breakpoints", query, limit)
    columns = {
        "ID": lambda one: one["id"],
        "STATUS": lambda one: one["status"],
        "AT": _place,
        "IF": lambda one: one["condition"],
        "HITS": lambda one: one["hits"],
        "LAST": lambda one: one["last_hit"],
        "EXPIRES": lambda one: f"{one['expires_at'][:19]}Z",
        "ERROR": lambda one: text_of(one["last_error"]),
    }
    for optional, member in (("IF", "condition"), ("ERROR", "last_error")):
        if not any(one[member] for one in items):
            del columns[optional]
    emit_list(items, session.output, columns, lambda one: one["id"], following=following, full=full)


@app.command("rm")
@changing
def remove(
    session: Session,
    breakpoint_: Annotated[
        str, typer.Argument(help="The id of a breakpoint: bp_...", metavar="BREAKPOINT")
    ],
    release: Annotated[bool, typer.Option("--release", help="Let go what it holds.")] = False,
) -> None:
    """Remove a breakpoint. What it holds stays held, unless it is released."""
    query = {"release": "true"} if release else {}
    path = f"/breakpoints/{segment(breakpoint_)}"
    found = session.client.send("DELETE", path, query=query).json
    lines = [*_lines(found)[:2], ("status", found["status"])]
    lines.append(("released", found["released"] if release else None))
    emit_one(found, session.output, lambda one: one["id"], lines)
