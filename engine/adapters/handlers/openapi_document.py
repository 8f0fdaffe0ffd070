"""OpenAPI documents (2.0 and 3.x): parsed once for each content, asked for operations."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

import msgspec
import yaml

from engine.adapters.handlers.refusal import CallRefused, refused

MAX_JSON_BYTES = 8_388_608
MAX_YAML_BYTES = 2_097_152
_MAX_DEPTH = 100
_MAX_ALIASES = 1_000
_MAX_REFERENCES = 16
_KEPT_DOCUMENTS = 64
_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")

_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
"""Reads every YAML scalar as text, so `no` and dates stay what they are; `is_true` reads flags."""


class Operation(msgspec.Struct, frozen=True):
    """One operation with what it inherits from its path: `parameters` are resolved."""

    method: str
    path: str
    parameters: tuple[dict[str, Any], ...]
    body: dict[str, Any] | None
    consumes: tuple[str, ...]
    servers: tuple[dict[str, Any], ...]


class Document(msgspec.Struct, frozen=True):
    """A parsed document."""

    root: dict[str, Any]

    @property
    def is_version_2(self) -> bool:
        return str(self.root.get("swagger", "")).startswith("2")

    def operation(self, operation_id: str) -> Operation:
        """The operation with this operationId. Raises CallRefused."""
        for path, item, method, operation in self._operations():
            if operation.get("operationId") == operation_id:
                return self._resolved(path, item, method, operation)
        known = sorted(str(one.get("operationId")) for *_, one in self._operations())
        raise refused(
            "openapi.unknown_operation",
            f"The document has no operation {operation_id[:200]!r}; it has "
            f"{', '.join(known)[:500] or 'none'}.",
        )

    def resolve(self, node: Any) -> dict[str, Any]:
        """The object that a local `$ref` leads to, or the object itself. Raises CallRefused."""
        for _ in range(_MAX_REFERENCES):
            if not isinstance(node, dict):
                break
            reference = node.get("$ref")
            if reference is None:
                return node
            node = self._at(str(reference))
        raise refused(
            "openapi.bad_document",
            "The document has a $ref that leads to no object, or in circles.",
        )

    def _at(self, reference: str) -> Any:
        if not reference.startswith("#/"):
            raise refused(
                "openapi.bad_document",
                f"The document refers to {reference[:200]!r}; only references inside the document "
                f"(#/...) are followed. Bundle it into one file.",
            )
        node: Any = self.root
        for part in reference[2:].split("/"):
            name = part.replace("~1", "/").replace("~0", "~")
            node = node.get(name) if isinstance(node, dict) else None
        return node

    def _operations(self) -> Iterator[tuple[str, dict[str, Any], str, dict[str, Any]]]:
        paths = self.root.get("paths")
        for path, item in (paths if isinstance(paths, dict) else {}).items():
            found = self.resolve(item)
            for method in _METHODS:
                operation = found.get(method)
                if isinstance(operation, dict):
                    yield str(path), found, method, operation

    def _resolved(
        self, path: str, item: dict[str, Any], method: str, operation: dict[str, Any]
    ) -> Operation:
        merged: dict[tuple[str, str], dict[str, Any]] = {}
        for node in [*objects(item.get("parameters")), *objects(operation.get("parameters"))]:
            parameter = self.resolve(node)
            merged[str(parameter.get("in")), str(parameter.get("name"))] = parameter
        body = operation.get("requestBody")
        consumes = operation.get("consumes", self.root.get("consumes"))
        servers = operation.get("servers") or item.get("servers") or self.root.get("servers")
        return Operation(
            method.upper(),
            path,
            tuple(merged.values()),
            None if body is None else self.resolve(body),
            tuple(str(one) for one in consumes) if isinstance(consumes, list) else (),
            tuple(objects(servers)),
        )


def objects(node: Any) -> list[dict[str, Any]]:
    """The objects of a list; nothing for anything else."""
    return [one for one in node if isinstance(one, dict)] if isinstance(node, list) else []


def is_true(value: Any) -> bool:
    """A flag of a document, from JSON or from YAML read as text."""
    return value is True or value == "true"


class DocumentCache:
    """Parsed documents by content hash, the most recently used ones."""

    def __init__(self) -> None:
        self._documents: OrderedDict[bytes, Document] = OrderedDict()
        self._parsing = asyncio.Lock()

    async def get(self, uri: str, content: bytes) -> Document:
        """The document with this content. Raises CallRefused."""
        key = hashlib.sha256(content).digest()
        document = self._documents.get(key)
        if document is None:
            async with self._parsing:
                document = self._documents.get(key)
                if document is None:
                    document = await asyncio.to_thread(parse_document, uri, content)
        self._documents[key] = document
        self._documents.move_to_end(key)
        while len(self._documents) > _KEPT_DOCUMENTS:
            self._documents.popitem(last=False)
        return document


def parse_document(uri: str, content: bytes) -> Document:
    """Read JSON or YAML. Raises CallRefused for what is no OpenAPI document, too large or deep."""
    is_json = content.lstrip()[:1] == b"{"
    limit = MAX_JSON_BYTES if is_json else MAX_YAML_BYTES
    if len(content) > limit:
        raise _bad_document(uri, f"is larger than {limit} bytes")
    try:
        root = msgspec.json.decode(content) if is_json else _read_yaml(uri, content)
    except (msgspec.MsgspecError, yaml.YAMLError, ValueError, RecursionError) as error:
        raise _bad_document(uri, f"cannot be read: {str(error)[:300]}") from None
    if not isinstance(root, dict) or not ("openapi" in root or "swagger" in root):
        raise _bad_document(uri, "is no OpenAPI document: it names no version")
    return Document(root)


def _read_yaml(uri: str, content: bytes) -> Any:
    depth = aliases = 0
    for event in yaml.parse(content, Loader=_LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.AliasEvent):
            aliases += 1
        if depth > _MAX_DEPTH or aliases > _MAX_ALIASES:
            raise _bad_document(uri, "is nested too deeply or has too many aliases")
    return yaml.load(content, Loader=_LOADER)  # noqa: S506  a base loader makes text, no objects


def _bad_document(uri: str, why: str) -> CallRefused:
    return refused("openapi.bad_document", f"The document {uri[:200]} {why}.")
