"""YAML text -> tree, with the scalars of YAML 1.2.

We take libyaml's event stream and build values ourselves. libyaml's *composer* recurses in C: text
nested 100,000 deep ends the whole interpreter. Its *parser* keeps its stack on the heap, and we
leave it at the first event that is too deep, so such text costs some milliseconds. The pure Python
parser would be as safe, but needs ten seconds for the largest text that we allow.

Only `true` and `false` are booleans (`on`, `yes`, `no`, `off` are text, and `schedule.on` a key),
keys are always text, and a number keeps its text. Aliases, anchors, merge keys and tags are
refused: JSON has none of them, so a definition would mean something else in its other form.
"""

import math
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final

import yaml

from engine.dialects.source.fault import Unreadable, unreadable
from engine.dialects.source.number import JSON_NUMBER, number_of
from engine.dialects.source.tree import Limits, Place, Source, TreeBuilder

_LOADER: Final[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS: Final = frozenset({"", "~", "null", "Null", "NULL"})
_BOOLEANS: Final = {
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip
_INTEGER: Final = re.compile(r"[-+]?[0-9]+")
_OCTAL: Final = re.compile(r"0o[0-7]+")
_HEXADECIMAL: Final = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_BARE_EXPRESSION: Final = re.compile(r"[\s:,\[{]\$\{")
_NOT_JSON: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")


def read_yaml(text: str, limits: Limits) -> Source:
    """Read one YAML document. Raises Unreadable."""
    builder = TreeBuilder(limits)
    documents = 0
    for event in _events(text):
        place = (event.start_mark.line + 1, event.start_mark.column + 1)
        if isinstance(event, yaml.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise unreadable(
                    "documents", "a second document begins here; put it in its own file", "", *place
                )
        elif isinstance(event, yaml.NodeEvent):
            _add_node(builder, event, place)
        elif isinstance(event, yaml.CollectionEndEvent):
            builder.close()
    if not documents:
        raise unreadable("empty", "the text holds no document; write a definition", "", 1, 1)
    return builder.source()


def _events(text: str) -> Iterator[Any]:
    try:
        yield from yaml.parse(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        reason = " ".join(part for part in (error.context, error.problem) if part)
        raise unreadable("syntax", f"not YAML: {reason}{_hint(text, place)}", "", *place) from None
    except yaml.YAMLError as error:
        raise unreadable("syntax", f"not YAML: {error}", "", 1, 1) from None


def _hint(text: str, place: Place) -> str:
    """The commonest reason: an expression without quotes, whose braces YAML takes for its own."""
    line = next(islice(text.splitlines(), place[0] - 1, None), "")
    return "; put the expression ${ ... } in quotes" if _BARE_EXPRESSION.search(line) else ""


def _add_node(builder: TreeBuilder, event: Any, place: Place) -> None:
    _refuse_references(builder, event, place)
    if isinstance(event, yaml.ScalarEvent):
        if not builder.wants_key:
            builder.add_scalar(_scalar(builder, event, place), place)
        elif event.value == "<<" and event.implicit[0]:
            raise _refusal(builder, place, "merge_key", "`<<` merges are not read; write it out")
        else:
            builder.add_key(event.value, place)
    elif builder.wants_key:
        raise _refusal(builder, place, "key", "a key must be text; write a plain name before the :")
    else:
        builder.open({} if isinstance(event, yaml.MappingStartEvent) else [], place)


def _refuse_references(builder: TreeBuilder, event: Any, place: Place) -> None:
    if isinstance(event, yaml.AliasEvent):
        raise _refusal(builder, place, "alias", f"*{event.anchor} is not read; write the value out")
    if event.anchor is not None:
        raise _refusal(builder, place, "anchor", f"&{event.anchor} is not read; remove the anchor")
    if event.tag is not None:
        raise _refusal(builder, place, "tag", f"{event.tag} is not read; remove the tag")


def _scalar(builder: TreeBuilder, event: Any, place: Place) -> Any:
    text: str = event.value
    if not event.implicit[0]:
        return text
    if text in _NULLS:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text[0] not in "-+.0123456789":
        return text
    try:
        return _number(text)
    except ValueError:
        raise _refusal(
            builder, place, "number", f"{text[:40]} is no JSON number; put it in quotes"
        ) from None


def _number(text: str) -> Any:
    """The number, or the text where it is none. Raises ValueError for one that JSON has not."""
    if match := JSON_NUMBER.fullmatch(text):
        return number_of(match)
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text[2:], 8)
    if _HEXADECIMAL.fullmatch(text):
        return int(text[2:], 16)
    if _NOT_JSON.fullmatch(text):
        raise ValueError(text)
    if _FLOAT.fullmatch(text):
        value = float(text)
        if math.isinf(value):
            raise ValueError(text)
        return value
    return text


def _refusal(builder: TreeBuilder, place: Place, code: str, message: str) -> Unreadable:
    return unreadable(code, message, builder.pointer(), *place)
