"""Function definitions -> the handler that runs a call, and the handler's address of it.

`rest`: `URI#operationId` of an OpenAPI document -> `openapi`. `expression`: a jq program ->
`expression`. `custom`: `python:MODULE:FUNCTION` -> `python`, `rest:METHOD:URL` -> `http`.
"""

import re
from typing import Any, Final
from urllib.parse import urlsplit

from engine.dialects.cncf_v08.compilation import Compilation
from schemas.dsl.cncf_v08 import Function

Address = tuple[str, str]
_METHODS: Final = ("GET", "PUT", "POST", "DELETE", "OPTIONS", "HEAD", "PATCH")
_DOTTED: Final = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")


def address_of(compilation: Compilation, name: str, pointer: str) -> Address | None:
    """The handler and operation of the function that `pointer` calls. None: a fault was reported
    (at the function's own place, once)."""
    found = compilation.functions.located(name, pointer)
    if found is None:
        return None
    if name not in compilation.addresses:
        compilation.addresses[name] = _address(compilation, found[1], found[0])
    return compilation.addresses[name]


def check_unused(compilation: Compilation) -> None:
    """Judge functions that no action calls; what they name need not be there."""
    pointer = compilation.sections.pointers["functions"]
    for number, function in enumerate(compilation.sections.functions):
        if function.type != "rest" and function.name not in compilation.addresses:
            address_of(compilation, function.name, f"{pointer}/{number}/name")


def _address(compilation: Compilation, function: Function, pointer: str) -> Address | None:
    if function.type not in ("rest", "expression", "custom"):
        return None  # refused as not supported
    operation = function.operation
    if operation is None:
        message = f"the function {function.name!r} has no `operation`; say what it calls"
        compilation.findings.error("definition.function.operation_missing", pointer, message)
        return None
    pointer = f"{pointer}/operation"
    if function.type == "expression":
        text = compilation.expressions.text(operation, pointer)
        return None if text is None else ("expression", text.source)
    if function.type == "rest":
        return _openapi(compilation, operation, pointer)
    return _custom(compilation, operation.strip(), pointer)


def _custom(compilation: Compilation, operation: str, pointer: str) -> Address | None:
    kind, _, rest = operation.partition(":")
    first, _, second = rest.partition(":")
    if kind == "python":
        if _DOTTED.fullmatch(first) and _DOTTED.fullmatch(second):
            return "python", f"{first}:{second}"
        message = f"{operation!r:.80} must be python:MODULE:FUNCTION"
    elif kind == "rest":
        if first.upper() in _METHODS and _is_http(second):
            return "http", f"{first.upper()}:{second}"
        wrong = (
            f"{second!r:.60} is no http(s) URL"
            if first.upper() in _METHODS
            else f"{first!r:.20} is no method; {compilation.findings.suggestion(first, _METHODS)}"
        )
        message = f"{operation!r:.80} must be rest:METHOD:URL, but {wrong}"
    else:
        compilation.findings.error(
            "definition.not_supported",
            pointer,
            f"the custom operation {operation!r:.60} is not supported;"
            " use python:MODULE:FUNCTION or rest:METHOD:URL",
        )
        return None
    compilation.findings.error("definition.function.operation", pointer, message)
    return None


def _is_http(url: str) -> bool:
    if any(char.isspace() or not char.isprintable() for char in url):
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _openapi(compilation: Compilation, operation: str, pointer: str) -> Address | None:
    uri, _, name = operation.partition("#")
    if not uri or not name:
        message = f"{operation!r:.80} must be URI#operationId of an OpenAPI document"
        if operation.startswith(("python:", "rest:")):
            message = f"{operation!r:.80} is a custom operation; add `type: custom`"
        compilation.findings.error("definition.function.operation", pointer, message)
        return None
    source = compilation.resources.read(uri, pointer)
    if source is None:
        return None
    known = operation_ids(source.value)
    if name not in known:
        message = (
            f"{uri!r} has no operation {name!r}; {compilation.findings.suggestion(name, known)}"
        )
        compilation.findings.error("definition.function.operation_unknown", pointer, message)
        return None
    return "openapi", operation


def operation_ids(document: Any) -> set[str]:
    """The operationIds of an OpenAPI (3.x, 2.0) document."""
    paths = document.get("paths") if isinstance(document, dict) else None
    if not isinstance(paths, dict):
        return set()
    return {
        identifier
        for path in paths.values()
        if isinstance(path, dict)
        for operation in path.values()
        if isinstance(operation, dict)
        and isinstance(identifier := operation.get("operationId"), str)
    }
