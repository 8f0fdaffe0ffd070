"""`refold exec fork|redrive --all`: for every execution that filters name."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import uuid4

import typer

from schemas.json_text import dumps, loads
from server.cli.faults import ERROR, USAGE, CommandFault
from server.cli.filters import FILTERS, given, with_more
from server.cli.output import Output, counted, write_error, write_json, write_line
from server.cli.session import Session

_OPTIONS: dict[str, tuple[Any, Any]] = {
    "all_": (
        Annotated[
            bool,
            typer.Option(
                "--all", help="Every execution that the filters name, instead of a single one."
            ),
        ],
        False,
    ),
    **{name: option for name, option in FILTERS.items() if name != "version"},
    "from_version": (
        Annotated[
            str | None,
            typer.Option("--from-version", help="Only of this version of the workflow."),
        ],
        None,
    ),
    "limit": (
        Annotated[
            int | None,
            typer.Option(
                "--limit", min=1, help="With --all: the newest so many; needed beyond 10,000."
            ),
        ],
        None,
    ),
    "rate": (
        Annotated[
            int | None,
            typer.Option("--rate", min=1, help="With --all: so many in a second at most."),
        ],
        None,
    ),
    "yes": (
        Annotated[bool, typer.Option("--yes", help="With --all: do not ask whether to go on.")],
        False,
    ),
}

_JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Many:
    """What `--all` and its options say."""

    chosen: dict[str, Any]
    limit: int | None
    rate: int | None
    yes: bool


def for_many(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command `--all` with the filters of `exec ls`; after its Session it gets what they
    say, None where it is about a single execution."""
    return with_more(command, _OPTIONS, _many)


def _many(values: dict[str, Any]) -> Many | None:
    """Raises CommandFault."""
    own = {name: values.pop(name) for name in ("all_", "limit", "rate", "yes")}
    values["version"] = values.pop("from_version")
    chosen = {name: value for name, value in given(values).items() if value is not None}
    if own["all_"]:
        if not chosen:
            raise CommandFault("--all needs a filter: --workflow, --status, ...", USAGE)
        return Many(chosen, own["limit"], own["rate"], own["yes"])
    if chosen or any(own.values()):
        raise CommandFault("filters, --limit, --rate and --yes go with --all", USAGE)
    return None


def fork_many(
    session: Session, many: Many, verb: str, body: dict[str, Any], key: str | None
) -> None:
    """Ask for it, show how far it is and what became of it. `body`: that of a single one. Raises
    CommandFault."""
    reason, dry_run = body.pop("reason"), body.pop("dry_run")
    if body.pop("name") is not None:
        raise CommandFault("--name is of one execution; without --all", USAGE)
    again = body.pop("again", None)
    each = {name: value for name, value in body.items() if value is not None}
    asked = {
        "filter": many.chosen, verb: each, "dry_run": dry_run, "reason": reason,
        "limit": many.limit, "rate": many.rate,
    }  # fmt: skip
    if again:
        asked["again"] = True
    if not dry_run:
        if not reason:
            raise CommandFault("--all needs a --reason", USAGE)
        _confirm(session, many, verb)
    with _progress() as show:
        begin, end = _told(session, verb, asked, key or uuid4().hex, show)
    if begin.get("behind"):
        behind = counted(begin["behind"], "event")
        write_error(f"refold: the list of executions is {behind} behind; some may be missing")
    if dry_run:
        _show_foresight(session.output, verb, begin, end["foresight"])
    else:
        _show(session.output, verb, begin, end["summary"])


def _confirm(session: Session, many: Many, verb: str) -> None:
    if many.yes:
        return
    if not sys.stdin.isatty():
        raise CommandFault("not a terminal: say --yes, or --dry-run to see the count", USAGE)
    chosen = dict(many.chosen)
    if verb == "redrive":
        chosen.setdefault("status", "failed")
    found = session.client.get("/executions/count", chosen).json["count"]
    number = min(found, many.limit or found)
    if not typer.confirm(f"{verb} {counted(number, 'execution')}?", err=True):
        raise CommandFault("nothing was done", ERROR)


def _told(
    session: Session,
    verb: str,
    asked: dict[str, Any],
    key: str,
    show: Callable[[dict[str, int]], None],
) -> tuple[Any, Any]:
    """The first line of the answer and the last. Raises CommandFault where it broke off."""
    begin: Any = None
    headers = {**_JSON, "Idempotency-Key": key}
    advice = f"go on with --idempotency-key {key}"
    try:
        path = f"/executions/{verb}"
        for text in session.client.lines(path, body=dumps(asked), headers=headers):
            line = loads(text)
            begin = begin or line
            if "progress" in line:
                show(line["progress"])
            if "problem" in line:
                problem = line["problem"]
                raise CommandFault(f"{problem['detail']} [{problem['code']}]")
            if "summary" in line or "foresight" in line:
                return begin, line
    except CommandFault as fault:
        if begin is None or asked["dry_run"]:
            raise
        raise CommandFault(f"{fault.message}; {advice}", fault.exit_code, fault.lines) from None
    raise CommandFault(f"the answer ended before its last line; {advice}")


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[dict[str, int]], None]]:
    """A bar on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("executions", total=None)
        yield lambda line: bar.update(task, total=line["total"], completed=line["done"])


def _show(output: Output, verb: str, begin: Any, summary: Any) -> None:
    if output is Output.JSON:
        write_json({"batch": begin["batch"], "count": begin["count"], **summary})
    elif output is Output.IDS:
        write_line(begin["batch"])
    else:
        write_line(f"batch    {begin['batch']}")
        done = "redriven" if verb == "redrive" else "forked"
        write_line(f"{done:<8} {summary['forked']} of {begin['count']}")
        if summary["before"]:
            write_line(f"before   {summary['before']}, under the same key")
        for name in ("skipped", "failed"):
            for one in summary[name]:
                write_line(f"{name:<8} {_refusals(one)}")
        write_line(f"look     refold exec ls --batch {begin['batch']}")
    if summary["failed"]:
        raise CommandFault("some were not forked; the same --idempotency-key tries them again")


def _refusals(one: Any) -> str:
    return f"{one['count']}: {one['detail']} [{one['code']}]{_as(one)}"


def _as(one: Any) -> str:
    return f" (as {', '.join(one['examples'][:2])})" if one["count"] > 1 else ""


def _show_foresight(output: Output, verb: str, begin: Any, found: Any) -> None:
    if output is Output.JSON:
        write_json({"count": begin["count"], **found})
        return
    if output is Output.IDS:
        for group in found["groups"]:
            for outcome in group["outcomes"]:
                for one in outcome["examples"]:
                    write_line(one)
        return
    write_line(f"{counted(begin['count'], 'execution')} to {verb}, {found['tried']} tried")
    for group in found["groups"]:
        number = counted(group["count"], "execution")
        write_line(f"{group['workflow']} {group['version']}: {number}, {group['tried']} tried")
        for one in group["outcomes"]:
            code = one.get("stop") or one.get("code")
            tag = f" [{code}]" if code else ""
            write_line(f"    {one['count']}: {one['told']}{tag}{_as(one)}")
    if found["more"]:
        write_line(f"and {counted(found['more'], 'version')} more")
