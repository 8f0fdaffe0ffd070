"""Which model of `schemas.dsl.cncf_v08` a place in a document belongs to, and what it may hold."""

from functools import cache
from typing import Any, Final, get_args

from schemas.dsl.cncf_v08 import Part, Workflow

Location = tuple[str | int, ...]


def _parts_in(annotation: Any) -> tuple[type[Part], ...]:
    """The models that an annotation allows."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        return (annotation,)
    return tuple(part for inner in get_args(annotation) for part in _parts_in(inner))


def _parts_by_member() -> dict[str, set[type[Part]]]:
    found: dict[str, set[type[Part]]] = {}
    seen: set[type[Part]] = set()
    todo: list[type[Part]] = [Workflow]
    while todo:
        model = todo.pop()
        if model in seen:
            continue
        seen.add(model)
        for field in model.model_fields.values():
            parts = _parts_in(field.annotation)
            found.setdefault(str(field.alias), set()).update(parts)
            todo += parts
    return found


_PARTS: Final = _parts_by_member()


def is_mark(segment: str | int) -> bool:
    """Whether this segment of a location names an alternative and no part of the document."""
    return isinstance(segment, str) and segment[:1] == "<" and segment[-1:] == ">"


def members_at(location: Location) -> list[str]:
    """The members that the object at a location may have. Empty where none is described."""
    names = [part for part in location if isinstance(part, str) and not is_mark(part)]
    mark = str(location[-1]) if location and is_mark(location[-1]) else ""
    return _members(names[-1] if names else "", mark)


@cache
def _members(name: str, mark: str) -> list[str]:
    if not name:
        return [str(field.alias) for field in Workflow.model_fields.values()]
    return sorted(
        {
            str(field.alias)
            for part in _PARTS.get(name, ())
            if name != "states" or _is_of_type(part, mark)
            for field in part.model_fields.values()
        }
    )


def _is_of_type(part: type[Part], mark: str) -> bool:
    field = part.model_fields.get("type")
    return field is not None and f"<{get_args(field.annotation)[0]}>" == mark
