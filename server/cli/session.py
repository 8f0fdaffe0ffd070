"""Options that every command with a server has, and JSON arguments."""

import functools
import inspect
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from schemas.json_text import loads
from server.cli.client import Client
from server.cli.faults import USAGE, CommandFault
from server.cli.output import Output

DEFAULT_SERVER = "http://127.0.0.1:7070"

OutputOption = Annotated[
    Output, typer.Option("--output", "-o", help="How to print: table, json or ids.")
]

Full = Annotated[bool, typer.Option("--full", help="Cut nothing, whatever the terminal's width.")]


@dataclass(frozen=True)
class Session:
    """The server a command talks to, and how it prints."""

    client: Client
    output: Output


_OPTIONS: dict[str, tuple[Any, Any]] = {
    "server": (
        Annotated[str, typer.Option("--server", envvar="REFOLD_URL", help="URL of the server.")],
        DEFAULT_SERVER,
    ),
    "namespace": (
        Annotated[
            str, typer.Option("--namespace", envvar="REFOLD_NAMESPACE", help="The namespace.")
        ],
        "default",
    ),
    "api_key": (
        Annotated[
            str | None, typer.Option("--api-key", envvar="REFOLD_API_KEY", help="The API key.")
        ],
        None,
    ),
    "output": (OutputOption, Output.TABLE),
}


_REASON: tuple[Any, Any] = (
    Annotated[str, typer.Option("--reason", help="Why; kept in the log.")],
    "",
)


def connected(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command `--server`, `--namespace`, `--api-key` and `-o`; it gets a Session first."""
    return _with_options(command, _OPTIONS)


def changing(command: Callable[..., None]) -> Callable[..., None]:
    """As `connected`, for a command that changes something: it has `--reason`, too, which is sent
    with its requests."""
    return _with_options(command, {**_OPTIONS, "reason": _REASON})


def _with_options(
    command: Callable[..., None], options: dict[str, tuple[Any, Any]]
) -> Callable[..., None]:
    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        given = {name: kwargs.pop(name) for name in options}
        client = Client(given["server"], given["namespace"], given["api_key"])
        client.because(given.get("reason", ""))
        command(Session(client, given["output"]), *args, **kwargs)

    signature = inspect.signature(command)
    own = list(signature.parameters.values())[1:]
    added = [
        inspect.Parameter(
            name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
        )
        for name, (annotation, default) in options.items()
    ]
    parameters = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
    run.__signature__ = signature.replace(  # type: ignore[attr-defined]
        parameters=[*parameters, *added]
    )
    run.__annotations__ = {one.name: one.annotation for one in [*parameters, *added]}
    return run


def read_text(argument: str) -> bytes:
    """`-`: standard input; `@FILE`: the file; anything else: itself."""
    if argument == "-":
        return sys.stdin.buffer.read()
    if argument.startswith("@"):
        return read_file(argument[1:])
    return argument.encode("utf-8", "surrogateescape")


def read_file(path: str) -> bytes:
    """A file's bytes; `-` is standard input."""
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise CommandFault(f"cannot read {path}: {error.strerror or error}", USAGE) from None


def read_json(argument: str | None, option: str) -> Any:
    """The JSON of an argument `JSON|@FILE|-`, None for none."""
    if argument is None:
        return None
    try:
        return loads(read_text(argument))
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise CommandFault(
            f"{option} is not JSON: {error}; write JSON, @FILE or -", USAGE
        ) from None


def pairs_of(values: list[str], option: str) -> dict[str, str]:
    """`NAME=VALUE` arguments. Raises CommandFault."""
    pairs: dict[str, str] = {}
    for value in values:
        name, equals, rest = value.partition("=")
        if not equals or not name or name in pairs:
            raise CommandFault(f"{option} takes NAME=VALUE, each name once; got {value!r}", USAGE)
        pairs[name] = rest
    return pairs
