"""JSON Patch (RFC 6902): a list of operations applied to a value, all of them or none.

Values are treated as immutable: what changes is copied along the path, the rest is shared.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from engine.core.merge import identity, kind_of
from engine.core.timetravel.pointer import PathFault, pointer_of, tokens_of
from engine.model.errors import RefoldError
from engine.model.limits import MAX_STATE_DEPTH

MAX_OPERATIONS: Final = 10_000
"""Operations of one patch."""

MAX_ADDED_VALUES: Final = 1_000_000
"""Values that the operations of one patch may put in, each scalar, array and object counted:
`copy` doubles what is there, so that few operations could make anything."""

_INDEX = re.compile(r"0|[1-9][0-9]{0,8}")
_MEMBERS: Final = {
    "add": ("path", "value"),
    "remove": ("path",),
    "replace": ("path", "value"),
    "move": ("from", "path"),
    "copy": ("from", "path"),
    "test": ("path", "value"),
}

Tokens = tuple[str, ...]
Operation = Mapping[str, Any]


class PatchFault(RefoldError):
    """A patch that cannot be applied. `code`: patch.malformed (not a list of operations),
    patch.no_target (the path leads nowhere), patch.test_failed, patch.too_large. `pointer`: of the
    place in the document that the operation names; `operation`: its number from 0, None for the
    patch itself."""

    def __init__(
        self, code: str, message: str, pointer: str = "", operation: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.pointer = pointer
        self.operation = operation


def apply_patch(document: Any, operations: Any) -> Any:
    """The document after the operations (a JSON Patch: a list of objects with `op`, `path`, and
    `value` or `from`). Raises PatchFault; the document given stays as it is.
    Source: RFC 6902, section 4."""
    patching = _Patching(document)
    for number, operation in enumerate(checked_patch(operations)):
        try:
            getattr(patching, operation["op"])(operation)
        except PatchFault as fault:
            message = f"operation {number} ({operation['op']}): {fault.message}"
            raise PatchFault(fault.code, message, fault.pointer, number) from None
    return patching.document


def checked_patch(operations: Any) -> list[Operation]:
    """The patch, if it is one: known operations with all their members and well-formed pointers.
    Raises PatchFault (patch.malformed, patch.too_large)."""
    if not isinstance(operations, list):
        raise PatchFault("patch.malformed", "a JSON Patch is an array of operations (RFC 6902)")
    if len(operations) > MAX_OPERATIONS:
        raise PatchFault(
            "patch.too_large",
            f"the patch has {len(operations)} operations, the limit is {MAX_OPERATIONS}",
        )
    for number, operation in enumerate(operations):
        message = _wrong_with(operation)
        if message is not None:
            raise PatchFault("patch.malformed", f"operation {number} {message}", operation=number)
    return operations


def _wrong_with(operation: Any) -> str | None:
    if not isinstance(operation, dict):
        return f"is of type {kind_of(operation)}, not an object"
    name = operation.get("op")
    if not isinstance(name, str) or name not in _MEMBERS:
        return f"has no known `op`; it is one of {', '.join(_MEMBERS)}"
    for member in _MEMBERS[name]:
        if member not in operation:
            return f"({name}) lacks the member `{member}`"
        if member == "value":
            continue
        try:
            tokens_of(_text(operation[member]))
        except PathFault as fault:
            return f"({name}), `{member}`: {fault.message}"
    return None


def _text(pointer: Any) -> str:
    if not isinstance(pointer, str):
        raise PathFault("a JSON pointer is a text")
    return pointer


class _Patching:
    """A document on its way through the operations: a method for each kind."""

    def __init__(self, document: Any) -> None:
        self.document = document
        self._left = MAX_ADDED_VALUES

    def add(self, operation: Operation) -> None:
        """Section 4.1."""
        self._put(tokens_of(operation["path"]), operation["value"])

    def remove(self, operation: Operation) -> None:
        """Section 4.2."""
        self.document = _without(self.document, tokens_of(operation["path"]))

    def replace(self, operation: Operation) -> None:
        """Section 4.3."""
        tokens, value = tokens_of(operation["path"]), operation["value"]
        self._admit(value, tokens)

        def replaced(parent: Any) -> Any:
            key = _existing(parent, tokens)
            changed = parent.copy()
            changed[key] = value
            return changed

        self.document = _changed(self.document, tokens, replaced) if tokens else value

    def move(self, operation: Operation) -> None:
        """Section 4.4."""
        source, target = tokens_of(operation["from"]), tokens_of(operation["path"])
        value = _found(self.document, source)
        if source == target:
            return
        if target[: len(source)] == source:
            raise _nowhere(target, "a value cannot be moved into itself")
        self.document = _without(self.document, source)
        self._put(target, value)

    def copy(self, operation: Operation) -> None:
        """Section 4.5."""
        value = _found(self.document, tokens_of(operation["from"]))
        self._put(tokens_of(operation["path"]), value)

    def test(self, operation: Operation) -> None:
        """Section 4.6: objects are equal whatever the order of their members, numbers by value."""
        tokens = tokens_of(operation["path"])
        found, wanted = _found(self.document, tokens), operation["value"]
        if found is not wanted and identity(found) != identity(wanted):
            raise PatchFault(
                "patch.test_failed", "the value there is another one", pointer_of(tokens)
            )

    def _put(self, tokens: Tokens, value: Any) -> None:
        self._admit(value, tokens)
        self.document = _with(self.document, tokens, value)

    def _admit(self, value: Any, tokens: Tokens) -> None:
        """Raises PatchFault where the value is too large, or too deep at its new place."""
        level, depth = [value], len(tokens)
        while level:
            below: list[Any] = []
            for one in level:
                if isinstance(one, (dict, list)):
                    below += one.values() if isinstance(one, dict) else one
                if len(level) + len(below) > self._left:
                    raise _too_large(tokens, f"puts in more than {MAX_ADDED_VALUES} values")
            self._left -= len(level)
            level, depth = below, depth + 1
            if level and depth > MAX_STATE_DEPTH:
                raise _too_large(tokens, f"makes the document deeper than {MAX_STATE_DEPTH} levels")


def _too_large(tokens: Tokens, why: str) -> PatchFault:
    return PatchFault("patch.too_large", f"the patch {why}", pointer_of(tokens))


def _with(document: Any, tokens: Tokens, value: Any) -> Any:
    """The document with a member set or an element inserted; `-` is behind the last element."""
    if not tokens:
        return value

    def added(parent: Any) -> Any:
        if isinstance(parent, dict):
            return {**parent, tokens[-1]: value}
        if not isinstance(parent, list):
            raise _nowhere(tokens, f"its parent is of type {kind_of(parent)}")
        index = len(parent) if tokens[-1] == "-" else _index(tokens[-1], tokens)
        if index > len(parent):
            raise _nowhere(tokens, f"the array has {len(parent)} elements")
        return [*parent[:index], value, *parent[index:]]

    return _changed(document, tokens, added)


def _without(document: Any, tokens: Tokens) -> Any:
    if not tokens:
        raise _nowhere(tokens, "the whole document cannot be removed; replace it with null")

    def removed(parent: Any) -> Any:
        key = _existing(parent, tokens)
        changed = parent.copy()
        del changed[key]
        return changed

    return _changed(document, tokens, removed)


def _changed(document: Any, tokens: Tokens, change: Callable[[Any], Any]) -> Any:
    """The document with the parent of the place changed; what lies on the way is copied."""
    way: list[tuple[Any, str | int]] = []
    parent = document
    for depth in range(1, len(tokens)):
        key = _existing(parent, tokens[:depth])
        way.append((parent, key))
        parent = parent[key]
    changed = change(parent)
    for holder, key in reversed(way):
        copied = holder.copy()
        copied[key] = changed
        changed = copied
    return changed


def _found(document: Any, tokens: Tokens) -> Any:
    for depth in range(1, len(tokens) + 1):
        document = document[_existing(document, tokens[:depth])]
    return document


def _existing(parent: Any, tokens: Tokens) -> Any:
    """The key of the last token in the parent: a text, or an index of an array."""
    token = tokens[-1]
    if isinstance(parent, dict):
        if token in parent:
            return token
        raise _nowhere(tokens, "the object there has no such member")
    if isinstance(parent, list):
        index = _index(token, tokens)
        if index < len(parent):
            return index
        raise _nowhere(tokens, f"the array has {len(parent)} elements")
    raise _nowhere(tokens, f"its parent is of type {kind_of(parent)}")


def _index(token: str, tokens: Tokens) -> int:
    if not _INDEX.fullmatch(token):
        raise _nowhere(tokens, f"{token[:40]!r} is no index of an array")
    return int(token)


def _nowhere(tokens: Tokens, why: str) -> PatchFault:
    pointer = pointer_of(tokens)
    return PatchFault("patch.no_target", f"there is no place {pointer[:200]!r}: {why}", pointer)
