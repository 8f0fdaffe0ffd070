"""`refold exec`: start, list, look into, wait for and end executions."""

import time
from typing import Annotated, Any

import typer

from schemas.json_text import dumps
from server.cli.audit import app as audit_app
from server.cli.blaming import app as blaming_app
from server.cli.bundles import app as bundles_app
from server.cli.client import segment
from server.cli.comparing import app as comparing_app
from server.cli.debugging import exec_app as debugging_app
from server.cli.debugging import suspension_lines
from server.cli.faults import ENDED, OK, TIMEOUT, exit_code_of_status
from server.cli.forks import app as forks_app
from server.cli.history import app as history_app
from server.cli.lineage import exec_app as lineage_app
from server.cli.listing import app as listing_app
from server.cli.output import Output, emit_one, write_error, write_json, write_line
from server.cli.session import Session, changing, connected, pairs_of, read_json
from server.cli.timetravel import app as timetravel_app
from server.cli.why import exec_app as why_app

app = typer.Typer(help="Executions.", no_args_is_help=True)
for more in (
    listing_app,
    history_app,
    lineage_app,
    audit_app,
    why_app,
    comparing_app,
    forks_app,
    debugging_app,
    timetravel_app,
    blaming_app,
    bundles_app,
):
    app.registered_commands += more.registered_commands

_ROUND_S = 20

Workflow = Annotated[str, typer.Argument(help="The id of a workflow definition.")]
Execution = Annotated[str, typer.Argument(help="The id of an execution: ex_...")]
Version = Annotated[str | None, typer.Option("--version", help="Unless the active one.")]
Input = Annotated[str | None, typer.Option("--input", help="The input: JSON, @FILE or -.")]
Name = Annotated[
    str | None, typer.Option("--name", help="Unique for each workflow: again, it is the same.")
]
Key = Annotated[
    str | None, typer.Option("--idempotency-key", help="The same key gives the same execution.")
]
Labels = Annotated[
    list[str], typer.Option("--label", help="NAME=VALUE: a label to find it by; repeatable.")
]


@app.command("start")
@changing
def start(
    session: Session,
    workflow: Workflow,
    version: Version = None,
    input_: Input = None,
    name: Name = None,
    idempotency_key: Key = None,
    label: Labels = [],  # noqa: B006 - typer copies it
) -> None:
    """Start an execution and do not wait for it."""
    labels = pairs_of(label, "--label")
    show(session.output, _start(session, workflow, version, input_, name, idempotency_key, labels))


@app.command("run")
@changing
def run(
    session: Session,
    workflow: Workflow,
    version: Version = None,
    input_: Input = None,
    name: Name = None,
    idempotency_key: Key = None,
    label: Labels = [],  # noqa: B006 - typer copies it
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", min=0, help="Seconds to wait at most; without it for ever."),
    ] = None,
) -> None:
    """Start an execution and wait for its end: exit code 6 if it failed, 124 if it takes longer.
    Its id goes to standard error first, so that it is not lost when the wait breaks off."""
    ends_at = None if timeout is None else time.monotonic() + timeout
    labels = pairs_of(label, "--label")
    found = _start(session, workflow, version, input_, name, idempotency_key, labels)
    write_error(f"refold: started {found['id']}")
    while found["status"] not in ENDED and (ends_at is None or time.monotonic() < ends_at):
        found = _get(session, found["id"], _round(ends_at))
    if session.output is Output.TABLE and found["status"] == "completed":
        write_line(dumps(found["output"]).decode())
    else:
        show(session.output, found)
    if found["status"] not in ENDED:
        raise typer.Exit(TIMEOUT)
    _leave_with(found)


def _leave_with(found: Any) -> None:
    """Exit with 6 where the execution ended badly."""
    code = exit_code_of_status(found["status"])
    if code != OK:
        raise typer.Exit(code)


def _round(ends_at: float | None) -> int:
    """Seconds to wait in one request."""
    if ends_at is None:
        return _ROUND_S
    return max(1, min(_ROUND_S, round(ends_at - time.monotonic())))


def _start(
    session: Session,
    workflow: str,
    version: str | None,
    input_: str | None,
    name: str | None,
    idempotency_key: str | None,
    labels: dict[str, str],
) -> Any:
    wanted = {"workflow": workflow, "version": version, "name": name}
    body: dict[str, Any] = {key: value for key, value in wanted.items() if value is not None}
    if labels:
        body["labels"] = labels
    if input_ is not None:
        body["input"] = read_json(input_, "--input")
    headers = {"Content-Type": "application/json"}
    if idempotency_key is not None:
        headers["Idempotency-Key"] = idempotency_key
    return session.client.send("POST", "/executions", body=dumps(body), headers=headers).json


def _get(session: Session, execution: str, wait_s: int = 0) -> Any:
    path = f"/executions/{segment(execution)}"
    headers = {"Prefer": f"wait={wait_s}"} if wait_s else {}
    return session.client.get(path, headers=headers).json


def show(output: Output, found: Any) -> None:
    """Print an execution."""
    error = found["error"]
    lines = [
        ("id", found["id"]),
        ("workflow", " ".join(part for part in (found["workflow"], found["version"]) if part)),
        ("name", found["name"]),
        ("status", found["status"]),
        ("started", found["started_at"]),
        ("closed", found["closed_at"]),
        ("events", found["last_seq"]),
        ("input", dumps(found["input"]).decode()),
        ("output", dumps(found["output"]).decode() if found["closed_at"] else None),
        ("error", f"{error['code']}: {error['message']}" if error else None),
        ("at", place_of(error) if error else None),
        ("reason", found["reason"] or None),
    ]
    lines += suspension_lines(found["suspension"])
    for wait in found["waits"]:
        lines.append(("waits", f"{wait['state']} for {', '.join(wait['types'])}"))
        if wait["callback_token"]:
            lines.append(("callback", wait["callback_token"]))
    emit_one(found, output, lambda one: one["id"], lines)


def place_of(error: Any) -> str | None:
    """Where an execution failed: state, action, part of the definition, expression."""
    named = [error["state"] and f"in {error['state']}", error["action"], error["node"]]
    place = ", ".join(one for one in named if one)
    expression = f"${{ {error['expression']} }}" if error["expression"] else ""
    return ": ".join(one for one in (place, expression) if one) or None


@app.command("get")
@connected
def get(
    session: Session,
    execution: Execution,
    wait: Annotated[
        int, typer.Option("--wait", min=0, help="Seconds to wait for its end at most.")
    ] = 0,
) -> None:
    """Show an execution as it is now. With --wait: exit code 6 if it failed, was cancelled or timed
    out, as `exec run`."""
    found = _get(session, execution, wait)
    show(session.output, found)
    if wait:
        _leave_with(found)


@app.command("cancel")
@connected
def cancel(
    session: Session,
    execution: Execution,
    reason: Annotated[str, typer.Option("--reason", help="Kept in the log.")] = "",
) -> None:
    """End an execution."""
    answer = session.client.send(
        "POST",
        f"/executions/{segment(execution)}/cancel",
        body=dumps({"reason": reason}),
        headers={"Content-Type": "application/json"},
    ).json
    _accepted(session.output, answer, "will be cancelled")


@app.command("callback")
@changing
def callback(
    session: Session,
    token: Annotated[str, typer.Argument(help="The token of the callback state: cb_...")],
    data: Annotated[str | None, typer.Option("--data", help="The answer: JSON, @FILE, -.")] = None,
) -> None:
    """Answer a callback state."""
    answer = session.client.send(
        "POST",
        f"/callbacks/{segment(token)}",
        body=dumps(read_json(data, "--data")),
        headers={"Content-Type": "application/json"},
    ).json
    _accepted(session.output, answer, "has its answer")


def _accepted(output: Output, answer: Any, words: str) -> None:
    if output is Output.JSON:
        write_json(answer)
    else:
        shown = answer["execution"]
        write_line(shown if output is Output.IDS else f"{shown} {words}")
