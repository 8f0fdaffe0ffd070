"""`refold admin erase|erasures|ns|key`: keys of namespaces that encrypt, and erasing with them."""

import time
from typing import Annotated, Any

import typer

from schemas.json_text import dumps
from server.cli.faults import ERROR, TIMEOUT, USAGE, CommandFault
from server.cli.output import Output, emit_list, emit_one, write_json, write_line
from server.cli.session import OutputOption, Session, connected

app = typer.Typer()
ns = typer.Typer(no_args_is_help=True, help="Namespaces and how they encrypt.")
key = typer.Typer(no_args_is_help=True, help="Keys of namespaces that encrypt.")
app.add_typer(ns, name="ns")
app.add_typer(key, name="key")

_JSON = {"Content-Type": "application/json"}
_LOOK_S = 0.3


@app.command("erase")
@connected
def erase(
    session: Session,
    execution: Annotated[
        str | None, typer.Option("--execution", help="The data of this execution: ex_...")
    ] = None,
    subject: Annotated[
        str | None, typer.Option("--subject", help="The data of all executions of this subject.")
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", help="Why; kept in the audit stream. Needed to erase.")
    ] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count.")] = False,
    cancel: Annotated[bool, typer.Option("--cancel", help="Cancel first what still runs.")] = False,
    with_others: Annotated[
        bool,
        typer.Option("--with-others", help="Also the executions that share the key of this one."),
    ] = False,
    wait: Annotated[
        int, typer.Option("--wait", min=0, max=3600, help="Seconds to wait until it is done.")
    ] = 60,
) -> None:
    """Erase data for good, by deleting the key that it is sealed with. The log keeps the events
    without their data, its chain still verifies, and the audit stream says who erased."""
    if (execution is None) == (subject is None):
        raise CommandFault("name what to erase: --execution or --subject", USAGE)
    body = {
        "execution": execution, "subject": subject, "reason": reason, "dry_run": dry_run,
        "cancel": cancel, "with_others": with_others,
    }  # fmt: skip
    found = session.client.send("POST", "/erasures", body=dumps(body), headers=_JSON).json
    if dry_run:
        lines = [(name, found[name]) for name in found]
        emit_one(found, session.output, lambda one: one["key"], lines)
        return
    found = _done(session, found, wait)
    emit_one(found, session.output, lambda one: one["id"], [(n, found[n]) for n in found])
    if wait and found["state"] != "done":
        raise CommandFault(f"{found['id']} is still under way, and will be carried on", TIMEOUT)


def _done(session: Session, erasure: Any, wait_s: int) -> Any:
    """The erasure once it is done, or as it stands after so long."""
    end = time.monotonic() + wait_s
    while erasure["state"] != "done" and time.monotonic() < end:
        time.sleep(_LOOK_S)
        erasure = session.client.get(f"/erasures/{erasure['id']}").json
    return erasure


@app.command("erasures")
@connected
def erasures(
    session: Session,
    limit: Annotated[int, typer.Option("--limit", min=1, help="How many at most.")] = 100,
) -> None:
    """List erasures, the newest first."""
    items, following = session.client.pages("/erasures", {}, limit)
    columns = {
        "ID": lambda one: one["id"],
        "STATE": lambda one: one["state"],
        "TARGET": lambda one: one["target"],
        "ASKED": lambda one: one["asked_at"],
        "DONE": lambda one: one["done_at"],
        "ACTOR": lambda one: one["actor"],
        "REASON": lambda one: one["reason"],
    }
    emit_list(items, session.output, columns, lambda one: one["id"], following=following)


@ns.command("set")
@connected
def set_namespace(
    session: Session,
    name: Annotated[str, typer.Argument(help="The namespace.")],
    encryption: Annotated[
        str,
        typer.Option(
            "--encryption", help="off, execution (a key for each) or subject (for each subject)."
        ),
    ],
    reason: Annotated[str, typer.Option("--reason", help="Kept in the audit stream.")] = "",
) -> None:
    """Switch how a namespace encrypts, for executions that begin from now on."""
    body = dumps({"encryption": encryption, "reason": reason})
    client = session.client.of_namespace(name)
    found = client.send("POST", "/settings/encryption", body=body, headers=_JSON).json
    _show(session, found)


@ns.command("get")
@connected
def get_namespace(
    session: Session, name: Annotated[str, typer.Argument(help="The namespace.")]
) -> None:
    """Show how a namespace encrypts."""
    _show(session, session.client.of_namespace(name).get("/settings/encryption").json)


def _show(session: Session, found: Any) -> None:
    lines = [(name, found[name]) for name in ("namespace", "encryption", "since")]
    emit_one(found, session.output, lambda one: one["namespace"], lines)


@key.command("rewrap")
def rewrap(
    output: OutputOption = Output.TABLE,
    reason: Annotated[str, typer.Option("--reason", help="Why; kept in the audit.")] = "",
) -> None:
    """Wrap every key with the first master key of REFOLD_MASTER_KEY_FILE, so that the others can go
    (uses REFOLD_DATABASE_URL)."""
    import asyncio

    from engine.model.errors import RefoldError
    from server.app.sealing import rewrap_keys
    from server.settings import read_settings

    try:
        count, name = asyncio.run(rewrap_keys(read_settings(), reason))
    except RefoldError as error:
        code = USAGE if error.code == "settings.invalid" else ERROR
        raise CommandFault(f"{error.message} [{error.code}]", code) from None
    if output is Output.JSON:
        write_json({"rewrapped": count, "master_key": name})
    else:
        write_line(f"{count} keys were wrapped anew; all are wrapped by {name} now")
