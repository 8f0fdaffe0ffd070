"""Options that every command over a set of executions has."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

FILTERS: dict[str, tuple[Any, Any]] = {
    "workflow": (
        Annotated[str | None, typer.Option("--workflow", help="Only of this one.")],
        None,
    ),
    "version": (
        Annotated[
            str | None, typer.Option("--version", help="Only of this version of the workflow.")
        ],
        None,
    ),
    "status": (
        Annotated[
            str | None,
            typer.Option(
                "--status",
                help="Only with this status: running, waiting, suspended, completed, failed,"
                " cancelled or timed_out.",
            ),
        ],
        None,
    ),
    "error": (
        Annotated[
            str | None, typer.Option("--error", help="Only failed with this error (its code).")
        ],
        None,
    ),
    "forked_from": (
        Annotated[
            str | None, typer.Option("--forked-from", help="Only forks of this execution: ex_...")
        ],
        None,
    ),
    "forks": (
        Annotated[
            str | None, typer.Option("--forks", help="`only`: only forks; `none`: no forks.")
        ],
        None,
    ),
    "batch": (
        Annotated[str | None, typer.Option("--batch", help="Only made by this bulk fork: ba_...")],
        None,
    ),
    "started_after": (
        Annotated[
            str | None,
            typer.Option("--after", "--since", help="Started at this RFC 3339 time or later."),
        ],
        None,
    ),
    "started_before": (
        Annotated[
            str | None,
            typer.Option("--before", "--until", help="Started before this RFC 3339 time."),
        ],
        None,
    ),
    "label": (
        Annotated[
            list[str],
            typer.Option("--label", help="NAME=VALUE: only with this label; repeatable."),
        ],
        [],
    ),
    "where": (
        Annotated[
            list[str],
            typer.Option(
                "--where",
                help="PATH=VALUE: only with this value in their input or output, as"
                " 'input.customer.id=42' or 'output.items[].sku=A-1'; repeatable.",
            ),
        ],
        [],
    ),
}
"""By the query parameters of `GET /executions`."""


def filtered(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the filters of the execution list; after its Session it gets them as the query
    parameters of `GET /executions`."""
    return with_more(command, FILTERS, given)


def given(values: dict[str, Any]) -> dict[str, Any]:
    """The values; what was not given is None."""
    return {name: value or None for name, value in values.items()}


def with_more(
    command: Callable[..., None],
    options: dict[str, tuple[Any, Any]],
    read: Callable[[dict[str, Any]], Any],
) -> Callable[..., None]:
    """Give a command more options; after its Session it gets what `read` makes of their values."""

    @functools.wraps(command)
    def run(session: Any, *args: Any, **kwargs: Any) -> None:
        values = {name: kwargs.pop(name) for name in options}
        command(session, read(values), *args, **kwargs)

    signature = inspect.signature(command)
    session, _, *own = signature.parameters.values()
    added = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
        )
        for name, (annotation, default) in options.items()
    ]
    kept = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
    run.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[session, *kept, *added]
    )
    return run
