"""Definition files and the documents they name, as commands read and send them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from schemas.json_text import dumps
from server.cli.faults import USAGE, CommandFault
from server.cli.session import read_file

ENVELOPE = "application/vnd.refold.definition+json"
Resources = Annotated[
    list[str],
    typer.Option("--resource", help="URI=FILE: a document that the definition names."),
]


def media_type_of(file: str) -> str:
    """The media type that a file's name says; YAML where it says nothing."""
    return "application/json" if file.lower().endswith(".json") else "application/yaml"


def documents_of(resources: list[str]) -> dict[str, bytes]:
    """Contents by URI, of arguments URI=FILE. Raises CommandFault."""
    return {uri: read_file(path) for uri, path in map(uri_and_file, resources)}


def uri_and_file(argument: str) -> tuple[str, str]:
    """URI=FILE, parted at the first `=` behind which a file's name stands: a URI may hold some."""
    starts = [place for place, letter in enumerate(argument) if letter == "="]
    for place in starts:
        if Path(argument[place + 1 :]).is_file():
            return argument[:place], argument[place + 1 :]
    if not starts:
        raise CommandFault(f"--resource takes URI=FILE; got {argument!r}", USAGE)
    return argument[: starts[0]], argument[starts[0] + 1 :]


@dataclass(frozen=True)
class DefinitionRequest:
    """A definition on its way to the server."""

    file: str
    body: bytes
    media_type: str


def request_of(file: str, documents: dict[str, bytes]) -> DefinitionRequest:
    """A file as it is sent. Raises CommandFault."""
    source, media_type = read_file(file), media_type_of(file)
    if not documents:
        return DefinitionRequest(file, source, media_type)
    try:
        texts = {uri: content.decode() for uri, content in documents.items()}
        envelope = {"definition": source.decode(), "media_type": media_type, "resources": texts}
    except UnicodeDecodeError as error:
        raise CommandFault(f"definitions and documents are UTF-8 texts: {error}") from None
    return DefinitionRequest(file, dumps(envelope), ENVELOPE)
