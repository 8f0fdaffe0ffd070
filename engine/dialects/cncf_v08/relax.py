"""Evens out known ways in which real definitions differ from the text, with a warning each.

What stands here is safe: there is only one thing that the author can have meant. Workflow data
(constants, arguments, injected and produced data) is never touched.
"""

from typing import Any, Final

from engine.dialects.cncf_v08.findings import Findings
from engine.dialects.source import escape
from schemas.json_text import dumps
from schemas.numbers import LiteralNumber

_BOOLEANS: Final = frozenset({
    "terminate", "compensate", "useResults", "useData", "exclusive", "keepActive", "autoRetries",
    "dataOnly", "usedForCompensation", "end", "interrupt",
})  # fmt: skip
_TEXTS: Final = frozenset({"version", "specVersion", "code", "contextAttributeValue", "id", "name"})
_TEXT_MAPS: Final = frozenset({"metadata", "contextAttributes"})
_DATA: Final = frozenset({"constants", "arguments", "data", "extensions"})


def relax(value: Any, findings: Findings, pointer: str = "") -> Any:
    """A copy of the document, evened out; data is shared with the original."""
    if isinstance(value, list):
        return [relax(item, findings, f"{pointer}/{n}") for n, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    return {
        key: _member(key, item, findings, f"{pointer}/{escape(key)}") for key, item in value.items()
    }


def _member(key: str, value: Any, findings: Findings, pointer: str) -> Any:
    if key in _TEXT_MAPS and isinstance(value, dict):
        return _texts(value, findings, pointer)
    if key in _DATA:
        return value
    if key in _BOOLEANS and value in ("true", "false"):
        findings.warn(
            "definition.relaxed.boolean_text", pointer, f"`{key}` is a text; write {value} unquoted"
        )
        return value == "true"
    if key in _TEXTS and _is_number(value):
        text = text_of(value)
        findings.warn(
            "definition.relaxed.number", pointer, f'`{key}` is a number; write "{text}" in quotes'
        )
        return text
    return relax(value, findings, pointer)


def _texts(values: dict[str, Any], findings: Findings, pointer: str) -> dict[str, Any]:
    texts = {}
    for key, value in values.items():
        texts[key] = value
        if value is not None and not isinstance(value, str):
            texts[key] = text_of(value)
            findings.warn(
                "definition.relaxed.text_values",
                f"{pointer}/{escape(key)}",
                f"`{key}` is not a text and is kept as the text of its JSON; put it in quotes",
            )
    return texts


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def text_of(value: Any) -> str:
    """A value as the author wrote it, as JSON."""
    return value.text if isinstance(value, LiteralNumber) else dumps(value).decode()
