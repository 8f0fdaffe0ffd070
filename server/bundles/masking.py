"""Leaving values out of events: by their place in the execution's data, and wherever else the same
value stands. What is left is of the same shape, so that the history folds as it did.

A value becomes `[redacted ab12cd]`: the same value the same text, another one another, by a key
that nobody keeps, so that what was equal stays equal and nothing can be guessed from it.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from typing import Any, Final
from urllib.parse import quote

from msgspec import inspect

from engine.core.merge import identity
from engine.core.timetravel.pointer import tokens_of
from engine.model.state import ExecutionState
from schemas.events.wire import EVENT_TYPES
from schemas.json_text import dumps, loads
from schemas.numbers import LiteralNumber
from server.bundles.layout import Redaction

MIN_CHARACTERS: Final = 4
"""A shorter value is masked at its place alone: elsewhere the same text stands for anything."""

_SURE: Final = 8
"""A value of so many characters is found within words too."""

MAX_VALUES: Final = 20_000
_STRUCTURAL: Final = frozenset({
    "definition_hash", "source_hash", "of", "purpose", "dialect", "workflow", "version", "type",
    "ref", "next", "function", "handler",
})  # fmt: skip
"""Texts of events that a fold rests on, and names of the definition."""

Tokens = tuple[str, ...]
Change = Callable[[int, Any], Any]
"""What becomes of a scalar at one of the places, which is given by its number."""


class TooManyValues(Exception):
    """More different values stand at the places than can be looked for."""


class Masker:
    """What is left out. `see` the history first, every event with the state after it; then `mask`
    gives the members of an event that change. `key`: random bytes. `known`: values that are secrets
    wherever they stand; `elsewhere`: values found at the places are masked in other places too;
    `printed`: what functions printed is kept."""

    def __init__(
        self,
        key: bytes,
        pointers: Iterable[str] = (),
        known: Iterable[str] = (),
        *,
        elsewhere: bool = True,
        printed: bool = False,
    ) -> None:
        """Raises PathFault."""
        self._key = key
        self._pointers = tuple(pointers)
        self._places: list[Tokens] = [tokens_of(one) for one in self._pointers]
        self._known = {one for one in known if len(one) >= MIN_CHARACTERS}
        self._elsewhere = elsewhere
        self._printed = printed
        self._found: set[str] = set()
        self._there: set[int] = set()
        self._looked = False
        self._events = [0] * len(self._places)
        self._short = [0] * len(self._places)
        self._seen: dict[int, Any] = {}
        self._pattern: re.Pattern[str] | None = None
        self._forms: dict[str, str] = {}

    # What is to be looked for

    def see(self, data: bytes, state: ExecutionState) -> None:
        """One more event of the history, and the state after it. Raises TooManyValues."""
        if not self._places:
            return
        self._looked = True
        self._count(loads(data))
        if not self._elsewhere:
            return
        for frame in state.frames.values():
            if self._seen.get(frame.id, self) is not frame.data:
                self._seen[frame.id] = frame.data
                self._visit(frame.data, self._keep)
        if state.closed:
            self._visit(state.output, self._keep)
        if len(self._found) > MAX_VALUES:
            raise TooManyValues(f"more than {MAX_VALUES} values stand there")

    def _count(self, members: dict[str, Any]) -> None:
        """Keep what stands at the places in an event, and count the event for each of them."""
        there: set[int] = set()
        short: set[int] = set()

        def note(place: int, value: Any) -> Any:
            there.add(place)
            text = _text_of(value)
            if value is not None and (text is None or len(text) < MIN_CHARACTERS):
                short.add(place)
            return self._keep(place, value) if self._elsewhere else value

        self._by_place(members, note)
        self._there |= there
        for place in there:
            self._events[place] += 1
        for place in short:
            self._short[place] += 1

    def _keep(self, place: int, value: Any) -> Any:
        text = _text_of(value)
        if text is not None and len(text) >= MIN_CHARACTERS:
            self._found.add(text)
            self._there.add(place)
        return value

    def absent(self) -> list[str]:
        """The pointers at which nothing stood in all that was seen: nothing is left out for them.
        A value of the data that no event has at its place counts if it is looked for elsewhere.
        None where no event could be read: then none is told either."""
        if not self._looked:
            return []
        return [one for place, one in enumerate(self._pointers) if place not in self._there]

    def redactions(self) -> tuple[Redaction, ...]:
        """What stood at each pointer, in their order, in all that was seen."""
        found = zip(self._pointers, self._events, self._short, strict=True)
        return tuple(Redaction(pointer, events, short) for pointer, events, short in found)

    def finds(self, text: str) -> bool:
        """Whether something that is left out stands in a text."""
        pattern = self._looked_for()
        return pattern is not None and pattern.search(text) is not None

    def _looked_for(self) -> re.Pattern[str] | None:
        if self._pattern is None and (self._found or self._known):
            for value in self._found | self._known:
                for form in (value, quote(value, safe=""), json.dumps(value)[1:-1]):
                    self._forms.setdefault(form, value)
            forms = sorted(self._forms, key=lambda one: (-len(one), one))
            self._pattern = re.compile("|".join(map(_bounded, forms)))
        return self._pattern

    # Masking

    def mask(self, name: str, version: int, data: bytes) -> dict[str, bytes | None]:
        """Of an event's data, the members that are not told as they stand: the text in their place,
        None for nothing."""
        changed: dict[str, bytes | None] = {}
        if not self._places and not self._known and b'"printed":' not in data:
            return changed
        members = loads(data)
        before = {key: dumps(value) for key, value in members.items()}
        if self._places:
            members = self._by_place(members, lambda _, value: self._mask_scalar(value))
        members = self._by_value(_type_of(name, version), members)
        for key, value in members.items():
            text = dumps(value)
            if text != before[key]:
                changed[key] = text
        if "printed" in members and not self._printed:
            changed["printed"] = None
        return changed

    def _mask_scalar(self, value: Any) -> str:
        if value is None or isinstance(value, bool):
            return "[redacted]"
        kind, found = identity(value)
        return self._mark(f"{kind} {hash(found) if kind == 'number' else found}")

    def _mark(self, text: str) -> str:
        found = hmac.new(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"[redacted {found.hexdigest()[:6]}]"

    # By place

    def _by_place(self, members: dict[str, Any], change: Change) -> dict[str, Any]:
        """The members of an event, with `change` applied to every scalar at one of the places."""
        made = dict(members)
        for name in ("input", "data"):
            if name in made:
                made[name] = self._visit(made[name], change)
        if "writes" in made:
            made["writes"] = [self._write(one, made, change) for one in made["writes"]]
        if "edits" in made:
            made["edits"] = self._edited(made["edits"], change)
        return made

    def _edited(self, edits: Sequence[Any], change: Change) -> list[Any]:
        return [
            {**one, "writes": [self._write(each, {}, change) for each in one.get("writes", ())]}
            for one in edits
        ]

    def _write(
        self, write: dict[str, Any], members: dict[str, Any], change: Change
    ) -> dict[str, Any]:
        path = tuple(str(part) for part in write.get("path", ()))
        if "value" in write:
            return {**write, "value": self._visit(write["value"], change, path)}
        source = write.get("of")
        if source in ("result", "input", "data") and source in members:
            members[source] = self._visit(members[source], change, path)
        return write

    def _visit(self, value: Any, change: Change, at: Tokens = ()) -> Any:
        """A value that stands at a path of the data, changed at the places."""
        for number, place in enumerate(self._places):
            for tokens in _readings(place):
                depth = min(len(at), len(tokens))
                if all(map(_fits, at[:depth], tokens[:depth])):
                    value = _changed(value, tokens[depth:], partial(change, number))
        return value

    # By value

    def _by_value(self, kind: Any, value: Any, name: str = "") -> Any:
        pattern = self._looked_for()
        if pattern is None:
            return value
        return self._walked(kind, value, name)

    def _walked(self, kind: Any, value: Any, name: str = "") -> Any:
        """A value of an event, by the type that its schema gives it: only texts that people or
        services wrote, and free data, are looked into."""
        match kind:
            case inspect.AnyType():
                return self._free(value)
            case inspect.StrType():
                if isinstance(value, str) and name not in _STRUCTURAL:
                    return self._without(value)
                return value
            case inspect.StructType() if isinstance(value, dict):
                types = {one.encode_name: one.type for one in kind.fields}
                return {
                    key: self._walked(types[key], one, key) if key in types else one
                    for key, one in value.items()
                }
            case inspect.DictType() if isinstance(value, dict):
                return {
                    self._without(key): self._walked(kind.value_type, one)
                    for key, one in value.items()
                }
            case inspect.VarTupleType() | inspect.ListType() if isinstance(value, list):
                return [self._walked(kind.item_type, one, name) for one in value]
            case inspect.TupleType() if isinstance(value, list):
                pairs = zip(kind.item_types, value, strict=False)
                return [self._walked(each, one, name) for each, one in pairs]
            case inspect.UnionType():
                return self._walked(_member_for(kind, value), value, name)
        return value

    def _free(self, value: Any) -> Any:
        if isinstance(value, str):
            return self._without(value)
        if isinstance(value, dict):
            return {self._without(key): self._free(one) for key, one in value.items()}
        if isinstance(value, list):
            return [self._free(one) for one in value]
        text = _text_of(value)
        if text is not None and text in self._forms:
            return self._mask_scalar(value)
        return value

    def _without(self, text: str) -> str:
        pattern = self._pattern
        if pattern is None:
            return text
        if text in self._forms:
            return self._mask_scalar(self._original(text))
        return pattern.sub(lambda found: self._mask_scalar(self._original(found[0])), text)

    def _original(self, form: str) -> str:
        return self._forms.get(form, form)


def _readings(place: Tokens) -> Iterable[Tokens]:
    """`/input/x` and `/output/x` are also the place `/x` of what is told under these names."""
    yield place
    if len(place) > 1 and place[0] in ("input", "output"):
        yield place[1:]


def _fits(part: str, token: str) -> bool:
    return token in (part, "*")


def _changed(value: Any, tokens: Sequence[str], change: Callable[[Any], Any]) -> Any:
    """The value with every scalar at or below the place changed; `*` is every member."""
    if not tokens:
        return _all_changed(value, change)
    token, rest = tokens[0], tokens[1:]
    if isinstance(value, dict):
        return {
            key: _changed(one, rest, change) if _fits(key, token) else one
            for key, one in value.items()
        }
    if isinstance(value, list):
        return [
            _changed(one, rest, change) if _fits(str(number), token) else one
            for number, one in enumerate(value)
        ]
    return value


def _all_changed(value: Any, change: Callable[[Any], Any]) -> Any:
    if isinstance(value, dict):
        return {key: _all_changed(one, change) for key, one in value.items()}
    if isinstance(value, list):
        return [_all_changed(one, change) for one in value]
    return change(value)


def _text_of(value: Any) -> str | None:
    """A scalar as it is looked for; None: it is not."""
    if isinstance(value, str):
        return value
    if isinstance(value, LiteralNumber):
        return value.text
    if isinstance(value, bool) or value is None:
        return None
    return dumps(value).decode() if isinstance(value, int | float) else None


@lru_cache(maxsize=1_000)
def _type_of(name: str, version: int) -> inspect.Type:
    """What the schema of an event says of its members."""
    return inspect.type_info(EVENT_TYPES[name, version])


@lru_cache(maxsize=4_096)
def _bounded(form: str) -> str:
    escaped = re.escape(form)
    return escaped if len(form) >= _SURE else rf"(?<![0-9A-Za-z]){escaped}(?![0-9A-Za-z])"


def _member_for(kind: inspect.UnionType, value: Any) -> Any:
    """The type of a union that a value of JSON is of."""
    for one in kind.types:
        if isinstance(one, inspect.AnyType):
            return one
        if isinstance(value, str) and isinstance(one, inspect.StrType):
            return one
        if isinstance(value, dict) and isinstance(one, inspect.StructType | inspect.DictType):
            return one
        if isinstance(value, list) and isinstance(one, inspect.VarTupleType | inspect.ListType):
            return one
    return kind.types[0] if kind.types else kind
