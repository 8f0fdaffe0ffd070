"""The documents that a definition names by URI; they are stored with it and part of its hash."""

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from engine.dialects.cncf_v08.findings import Findings
from engine.dialects.source import RESOURCE, Source, Unreadable, read_source


class Resources:
    """Finds and reads resources, each once; remembers which were used."""

    def __init__(self, documents: Mapping[str, bytes], findings: Findings) -> None:
        self._documents = documents
        self._findings = findings
        self._read: dict[str, Source | None] = {}

    def read(self, uri: str, pointer: str) -> Source | None:
        """The document named at `pointer`. None: a fault was reported."""
        if uri not in self._documents:
            if uri not in self._read:
                self._read[uri] = None
                self._findings.error(
                    "definition.resource_missing",
                    pointer,
                    f"the document {uri!r} is not known; give it with --resource '{uri}=FILE'",
                )
            return None
        if uri not in self._read:
            self._read[uri] = self._read_document(uri)
        return self._read[uri]

    def used(self) -> dict[str, Any]:
        """The values of all documents that were read, by URI."""
        return {uri: source.value for uri, source in self._read.items() if source is not None}

    def _read_document(self, uri: str) -> Source | None:
        media_type = "application/yaml" if uri.endswith((".yaml", ".yml")) else ""
        try:
            source = read_source(self._documents[uri], media_type, RESOURCE)
        except Unreadable as error:
            self._findings.take(replace(error.fault, document=uri))
            return None
        self._findings.add_source(uri, source)
        return source
