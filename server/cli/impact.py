"""`refold def impact`: what a new version of a definition would change, before it is applied."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import Annotated, Any

import typer

from schemas.json_text import loads
from server.cli.faults import IMPACT_FOUND, CommandFault
from server.cli.output import Output, counted, text_of, write_error, write_json, write_line
from server.cli.session import Full, Session, connected
from server.cli.sources import Resources, documents_of, request_of

app = typer.Typer()

_SHOWN = 20
"""Groups that a table shows."""

Progress = Callable[[dict[str, int]], None]


@app.command("impact")
@connected
def impact(  # noqa: PLR0913, PLR0917 - a command has options
    session: Session,
    file: Annotated[str, typer.Argument(help="The new definition in YAML or JSON; `-`: stdin.")],
    workflow: Annotated[
        str | None, typer.Option("--workflow", help="Executions of this workflow, not its own.")
    ] = None,
    version: Annotated[
        list[str], typer.Option("--version", help="Only executions of this version; repeatable.")
    ] = [],  # noqa: B006 - typer copies it
    status: Annotated[
        str | None, typer.Option("--status", help="Only with one of these: completed,failed,...")
    ] = None,
    since: Annotated[str | None, typer.Option("--since", help="Only started at or after.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Only started before.")] = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=1, help="The newest so many; else 100,000.")
    ] = None,
    resource: Resources = [],  # noqa: B006 - typer copies it
    full: Full = False,
) -> None:
    """Try a definition on recorded executions and apply nothing: which of them would take another
    path, need an answer that nobody recorded, fail, or end with another output. `-o ids` prints the
    running executions that can go on under it. Exit code 8: it changes some."""
    query = {
        "workflow": workflow,
        "version": version or None,
        "status": status.split(",") if status else None,
        "started_after": since,
        "started_before": until,
        "limit": limit,
    }
    with _progress() as show:
        report = _report(session, file, documents_of(resource), query, show)
    if session.output is Output.JSON:
        write_json(report)
    elif session.output is Output.IDS:
        for one in report["running"]["safe"]:
            write_line(one)
    else:
        _show(report, full=full)
    if report["impact"]:
        raise typer.Exit(IMPACT_FOUND)


def _report(
    session: Session, file: str, documents: dict[str, bytes], query: dict[str, Any], show: Progress
) -> Any:
    """The last line of the answer; progress is shown on the way. Raises CommandFault."""
    one = request_of(file, documents)
    headers = {"Content-Type": one.media_type}
    try:
        for text in session.client.lines(
            "/definitions/impact", body=one.body, query=query, headers=headers
        ):
            line = loads(text)
            if "report" in line:
                return line["report"]
            if "problem" in line:
                problem = line["problem"]
                raise CommandFault(f"{problem['detail']} [{problem['code']}]")
            show(line["progress"])
    except CommandFault as fault:
        raise CommandFault(f"{file}: {fault.message}", fault.exit_code, fault.lines) from None
    raise CommandFault("the answer ended before the report came; ask again")


@contextlib.contextmanager
def _progress() -> Iterator[Progress]:
    """A bar on a terminal; nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("executions", total=None)

        def show(line: dict[str, int]) -> None:
            words = f"{line['done']:,} of {line['total']:,}, {line['changed']:,} change"
            bar.update(task, total=line["total"], completed=line["done"], description=words)

        yield show


def _show(report: Any, *, full: bool) -> None:
    definition = report["definition"]
    write_line(
        f"{definition['workflow']} {definition['version']} on"
        f" {counted(report['executions'], 'execution')}: {report['changed']} change,"
        f" {report['same']} stay the same, {report['same_path']} take the same path"
    )
    groups = report["groups"] if full else report["groups"][:_SHOWN]
    for group in groups:
        _show_group(group)
    if len(report["groups"]) > len(groups):
        left = len(report["groups"]) - len(groups)
        write_line(f"and {counted(left, 'group')} more; --full or -o json shows all")
    for one in report["unknown"][: None if full else _SHOWN]:
        write_line(f"unknown after {one['name']}: {counted(one['count'], 'execution')}")
    _show_running(report["running"], full=full)
    for one in report["skipped"]:
        examples = ", ".join(one["examples"])
        write_error(
            f"refold: {counted(one['count'], 'execution')} not compared: {one['reason']}"
            f" (as {examples})"
        )


def _show_group(group: Any) -> None:
    write_line(f"{counted(group['count'], 'execution')}: {group['told']}")
    ends = ", ".join(f"{count} {how}" for how, count in group["ends"].items())
    write_line(f"    would end: {ends}")
    for example in group["examples"][:2]:
        was, now = _values(example["was"]), _values(example["now"])
        values = was if was == now else _changed(example["was"], example["now"])
        parts = [f"{example['execution']}#{example['seq']}", values, example["message"]]
        write_line("    as " + "  ".join(part for part in parts if part))


def _changed(was: Any, now: Any) -> str:
    """`.total 60 -> 70` where both read the one path, else all of both."""
    if (
        isinstance(was, dict)
        and isinstance(now, dict)
        and len(was) == 1
        and was.keys() == now.keys()
    ):
        (path,) = was
        return f"{path} {text_of(was[path])} -> {text_of(now[path])}"
    return f"{_values(was) or 'nothing'} -> {_values(now) or 'nothing'}"


def _values(value: Any) -> str:
    """Values that a condition read as `.total 60`; any other value as JSON."""
    if isinstance(value, dict) and value and all(key[:1] in ".$" for key in value):
        return ", ".join(f"{path} {text_of(one)}" for path, one in value.items())
    return text_of(value)


def _show_running(running: Any, *, full: bool) -> None:
    safe, unsafe = running["safe_count"], running["unsafe_count"]
    if not safe and not unsafe:
        return
    write_line(f"running: {safe} can go on under the new version (-o ids lists them), {unsafe} not")
    for one in running["unsafe"][: None if full else _SHOWN]:
        write_line(f"    {one['execution']}  {one['reason']}")
