"""How data changes: the merge rules of DSL 0.8, paths, and the application of writes.

Values are treated as immutable: what changes is copied along the path, the rest is shared.
Source: Serverless Workflow 0.8, "Workflow Data", "State Data Filters" and "Data Merging".
"""

from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from schemas.events.parts import Write
from schemas.numbers import as_decimal


class DataFault(Exception):
    """A write that does not fit the data. `code` is `data.type`."""

    code = "data.type"


def kind_of(value: Any) -> str:
    """The JSON type of a value."""
    if isinstance(value, dict):
        return "object"
    if isinstance(value, list):
        return "array"
    if isinstance(value, str):
        return "string"
    if isinstance(value, bool):
        return "boolean"
    return "null" if value is None else "number"


def identity(value: Any) -> Any:
    """A key that equal values share, so that uniqueness costs one look-up an element."""
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return (type(value).__name__, value)
    if isinstance(value, dict):
        return ("object", frozenset((key, identity(item)) for key, item in value.items()))
    if isinstance(value, list):
        return ("array", tuple(identity(item) for item in value))
    return ("number", value if isinstance(value, int) else as_decimal(value))


def merge(existing: Any, incoming: Any) -> Any:
    """Merge at one place: objects deep, the incoming value wins for each other member; arrays are
    the concatenation of unique elements, existing ones first; a scalar overwrites a scalar, and
    null gives way. Raises DataFault where an object, an array and a scalar meet."""
    if existing is None or incoming is None:
        return incoming
    kind, other = kind_of(existing), kind_of(incoming)
    if kind == other == "object":
        return _merge_objects(existing, incoming)
    if kind == other == "array":
        return _unique(existing, incoming)
    if kind in ("object", "array") or other in ("object", "array"):
        raise DataFault(
            f"a value of type {other} cannot be merged into data of type {kind}; "
            "name a place for it with toStateData"
        )
    return incoming


def _merge_objects(existing: dict[str, Any], incoming: dict[str, Any]) -> dict[str, Any]:
    merged = dict(existing)
    for key, value in incoming.items():
        before = merged.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            merged[key] = _merge_objects(before, value)
        elif isinstance(before, list) and isinstance(value, list):
            merged[key] = _unique(before, value)
        else:
            merged[key] = value
    return merged


def _unique(existing: list[Any], incoming: list[Any]) -> list[Any]:
    merged: list[Any] = []
    seen = set()
    for value in (*existing, *incoming):
        key = identity(value)
        if key not in seen:
            seen.add(key)
            merged.append(value)
    return merged


def _has(data: Any, part: str | int) -> bool:
    if isinstance(part, str):
        return isinstance(data, dict) and part in data
    return isinstance(data, list) and -len(data) <= part < len(data)


def value_at(data: Any, path: Iterable[str | int]) -> Any:
    """The value at a path, or UNSET where there is none."""
    for part in path:
        if _has(data, part):
            data = data[part]
        else:
            return UNSET
    return data


def put_at(data: Any, path: tuple[str | int, ...], value: Any) -> Any:
    """A copy of data with the value at the path; missing objects on the way are made.
    Raises DataFault where the path meets something that it cannot pass."""
    if not path:
        return value
    part, rest = path[0], path[1:]
    if isinstance(part, int):
        if not isinstance(data, list) or not -len(data) <= part < len(data):
            raise DataFault(f"there is no element {part} to write to")
        changed = list(data)
        changed[part] = put_at(data[part], rest, value)
        return changed
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise DataFault(f"member {part!r} cannot be written: the data there is {kind_of(data)}")
    return {**data, part: put_at(data.get(part), rest, value)}


def apply(data: Any, write: Write, value: Any) -> Any:
    """The data after one write, `value` being what its `value` or `of` stand for."""
    if write.mode == "result":
        return data
    if write.mode == "replace":
        return put_at(data, write.path, value)
    existing = value_at(data, write.path)
    if write.mode == "append":
        if existing is UNSET or existing is None:
            existing = []
        if not isinstance(existing, list):
            raise DataFault(
                f"results are collected in an array, the data there is {kind_of(existing)}"
            )
        return put_at(data, write.path, [*existing, *value])
    if existing is UNSET:
        return put_at(data, write.path, value)
    return put_at(data, write.path, merge(existing, value))


def result_of(journal: Iterable[Write]) -> Any:
    """The result of an iteration: what its writes alone make, null for none."""
    result: Any | UnsetType = UNSET
    for write in journal:
        if write.mode == "result" or (not write.path and not isinstance(write.value, dict)):
            result = write.value
        else:
            base = result if isinstance(result, dict) else {}
            result = apply(base, write, write.value)
    return None if result is UNSET else result


def with_value(write: Write, value: Any) -> Write:
    """The write as it stands in a journal: by itself, referring to nothing."""
    return msgspec.structs.replace(write, value=value, of=None)
