"""Values as the strings that jq makes of them."""

from __future__ import annotations

import json
from math import isnan

from engine.expr.budget import Frame, spend, spend_on_text
from engine.expr.json_text import Value
from engine.expr.order import kind_name
from schemas.numbers import Number, number_to_text


def to_string(value: Value, frame: Frame) -> str:
    """`tostring`: a string as it is, anything else as JSON."""
    return value if isinstance(value, str) else to_json(value, frame)


def to_json(value: Value, frame: Frame) -> str:
    """`tojson`: compact, keys in their order, numbers as jq prints them."""
    pieces: list[str] = []
    _write(value, pieces, frame)
    text = "".join(pieces)
    spend_on_text(frame, len(text))
    return text


def _write(value: Value, pieces: list[str], frame: Frame) -> None:
    spend(frame, 2)
    if isinstance(value, str):
        spend_on_text(frame, len(value))
        pieces.append(_quoted(value))
    elif isinstance(value, dict):
        separator = "{"
        for key, member in value.items():
            pieces += (separator, _quoted(key), ":")
            _write(member, pieces, frame)
            separator = ","
        pieces.append("}" if value else "{}")
    elif isinstance(value, list):
        separator = "["
        for item in value:
            pieces.append(separator)
            _write(item, pieces, frame)
            separator = ","
        pieces.append("]" if value else "[]")
    else:
        pieces.append(_scalar(value))


def _scalar(value: Number | None) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isnan(value):
        return "null"
    return number_to_text(value)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def describe(value: Value) -> str:
    """A value for an error message: its type, and what it is where that is short."""
    kind = kind_name(value)
    if isinstance(value, (list, dict)):
        return f"{kind} of {len(value)} members"
    if isinstance(value, str) and len(value) > 24:
        return f'{kind} ("{value[:24]}...")'
    shown = _quoted(value) if isinstance(value, str) else _scalar(value)
    return f"{kind} ({shown[:40]})"
