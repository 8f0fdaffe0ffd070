"""Where every part of a value came from: a shade lies beside a value and has its shape.

A shade names the write that put its value there (`Put`), and the moves that carried it on since
(`Move`). What a write touches gets a shade of its own; everything else goes on deriving its shade
from what is around it, so a shade costs what the write cost, not what the data is large.
What is done to data in `engine.core.merge` is done to shades here, step for step.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from msgspec import UNSET

from engine.core.merge import identity, value_at
from engine.model.event import Event
from schemas.events.parts import Write

Path = tuple[str | int, ...]
Order = tuple[int, int]

MAX_MOVES: Final = 50
"""Moves that a value remembers, the newest: in a loop it moves in every round."""

_DEEPEST: Final = 32
"""Shades that derive from each other; beyond, they are made one."""


class Call:
    """The call whose result a value is: its first ActionScheduled, the data that its arguments were
    made from, and the number of the attempt that answered."""

    __slots__ = ("attempt", "event", "input")

    def __init__(self, event: Event, given: "Shade | None", attempt: int = 1) -> None:
        self.event = event
        self.input = given
        self.attempt = attempt


@dataclass(slots=True, eq=False)
class Put:
    """A value came into the log with this event. `kind`: input (of the execution), computed (by an
    expression or as fixed data), result (of `call`), cloudevent, callback, elements (of a foreach),
    collected (results of iterations), edited (by a fork), made (an object on the way to a place).
    `write`: which of the event's writes, and its `number`; None where the event itself is the
    origin. `given`: what the expression was evaluated on. `state`: the name of the state that it
    happened in; `definition_hash`: of the definition in force."""

    kind: str
    event: Event
    value: Any
    number: int = -1
    write: Write | None = None
    given: "Shade | None" = None
    call: Call | None = None
    state: str = ""
    definition_hash: str = ""

    @property
    def order(self) -> Order:
        """When it came, among all that happened to the data."""
        return self.event.seq, self.number


class Move:
    """An event carried a value from one place to another; `of`: where it was (see `Write`);
    `state`: the name of the state that it happened in."""

    __slots__ = ("event", "of", "order", "state", "write")

    def __init__(
        self, event: Event, number: int, of: str, state: str, write: Write | None = None
    ) -> None:
        self.event = event
        self.state = state
        self.order: Order = (event.seq, number)
        self.of = of
        self.write = write


class Shade:
    """Beside a value. `put` and `within`: which part of what was put; `members`: parts that came
    later, on top of `base`; `size`: of an array that has grown; `moves`: newest first."""

    __slots__ = ("base", "depth", "members", "moves", "put", "size", "within")

    def __init__(
        self,
        put: Put,
        within: Path = (),
        *,
        base: "Shade | None" = None,
        members: dict[str | int, "Shade"] | None = None,
        size: int | None = None,
        moves: tuple[Move, ...] = (),
    ) -> None:
        self.put = put
        self.within = within
        self.base = base
        self.members = members
        self.size = size
        self.moves = moves
        self.depth: int = 0 if base is None else base.depth + 1

    @property
    def order(self) -> Order:
        """When it came here."""
        return self.moves[0].order if self.moves else self.put.order

    def child(self, key: str | int) -> "Shade":
        """The shade of a member or element that is there."""
        node, found = self, None
        while found is None:
            if node.members is not None and key in node.members:
                found = node.members[key]
            elif node.base is None:
                found = Shade(node.put, (*node.within, key))
            else:
                node = node.base
        order = found.order
        carried = tuple(one for one in self.moves if one.order > order)
        return found.moved(*carried) if carried else found

    def moved(self, *moves: Move) -> "Shade":
        """The same at another place."""
        carried = (*moves, *self.moves)[:MAX_MOVES]
        return Shade(
            self.put, self.within,
            base=self.base, members=self.members, size=self.size, moves=carried,
        )  # fmt: skip

    def under(self, members: dict[str | int, "Shade"], size: int | None = None) -> "Shade":
        """With these parts on top."""
        base, below = self, members
        if self.depth >= _DEEPEST:
            node: Shade = self
            below = dict(members)
            while node.base is not None:
                below = {**(node.members or {}), **below}
                node = node.base
            base, below = node, {**(node.members or {}), **below}
        return Shade(
            self.put, self.within,
            base=base, members=below, size=self.size if size is None else size, moves=self.moves,
        )  # fmt: skip

    def at(self, data: Any, path: Sequence[str | int]) -> "Shade | None":
        """The shade of what is at a path of the value; None where nothing is."""
        shade = self
        for part in path:
            if value_at(data, (part,)) is UNSET:
                return None
            place = part + len(data) if isinstance(part, int) and part < 0 else part
            shade, data = shade.child(place), data[part]
        return shade

    def follow(self, path: Sequence[str | int]) -> "Shade | None":
        """As `at`, without the data at hand."""
        shade = self
        for part in path:
            place = part
            if isinstance(part, int) and part < 0:
                whole = shade.value()
                place = part + (len(whole) if isinstance(whole, list) else 0)
            shade = shade.child(place)
        is_there = shade.put.value is UNSET or shade.value() is not UNSET
        return shade if is_there else None

    def parts(self) -> "dict[str | int, Shade]":
        """All parts that came later than what was put, in the order in which their places came."""
        layers: list[dict[str | int, Shade]] = []
        node: Shade | None = self
        while node is not None:
            layers.append(node.members or {})
            node = node.base
        places = dict.fromkeys(key for layer in reversed(layers) for key in layer)
        size = self.size
        return {
            key: self.child(key)
            for key in places
            if not (size is not None and isinstance(key, int) and key >= size)
        }

    def newest(self, path: Path = ()) -> "tuple[Path, Shade]":
        """Of it and its parts the one that was put last, and where it is; `path`: where this is.
        What moved all of it here does not count."""
        together = {id(one) for one in self.moves}

        def came(found: "tuple[Path, Shade]") -> Order:
            shade = found[1]
            alone = (one.order for one in shade.moves if id(one) not in together)
            return next(alone, shade.put.order)

        return max(self.everything(path), key=came)

    def everything(self, path: Path) -> "Iterator[tuple[Path, Shade]]":
        """It and all its parts that came later, each with where it is."""
        yield path, self
        for key, one in self.parts().items():
            yield from one.everything((*path, key))

    def value(self) -> Any:
        """The value beside it, put together from what was put; UNSET where the log does not hold
        it (a payload that only an expression saw)."""
        parts = self.parts()
        whole = UNSET if self.put.value is UNSET else value_at(self.put.value, self.within)
        if self.size is not None:
            return [self.child(place).value() for place in range(self.size)]
        if not parts:
            return whole
        if isinstance(whole, list):
            return [parts[n].value() if n in parts else one for n, one in enumerate(whole)]
        kept = whole if isinstance(whole, dict) else {}
        return {**kept, **{key: one.value() for key, one in parts.items()}}


class Landing:
    """A write on its way into data that has a shade. `make` gives the shade of the empty object or
    array that has to be made for it on the way."""

    __slots__ = ("make", "write")

    def __init__(self, write: Write, make: Callable[[Any], Shade]) -> None:
        self.write = write
        self.make = make

    def applied(self, shade: Shade, data: Any, arrived: Shade, value: Any) -> Shade:
        """The shade after the write (see `engine.core.merge.apply`)."""
        write = self.write
        if write.mode == "result":
            return shade
        if write.mode == "replace":
            return self._placed(shade, data, write.path, arrived)
        existing = value_at(data, write.path)
        if write.mode == "append":
            grown = self._appended(shade, data, existing, arrived, value)
            return self._placed(shade, data, write.path, grown)
        if existing is UNSET:
            return self._placed(shade, data, write.path, arrived)
        there = shade.at(data, write.path)
        assert there is not None
        return self._placed(shade, data, write.path, merged(there, existing, arrived, value))

    def _appended(
        self, shade: Shade, data: Any, existing: Any, arrived: Shade, value: list[Any]
    ) -> Shade:
        there = shade.at(data, self.write.path)
        if existing is UNSET or existing is None or there is None:
            existing, there = [], self.make([])
        fresh: dict[str | int, Shade] = {
            len(existing) + place: arrived.child(place) for place in range(len(value))
        }
        return there.under(fresh, len(existing) + len(value))

    def _placed(self, shade: Shade, data: Any, path: Path, arrived: Shade) -> Shade:
        """See `engine.core.merge.put_at`."""
        if not path:
            return arrived
        if data is None:
            data, shade = {}, self.make({})
        part: str | int = path[0]
        if isinstance(part, int) and part < 0:
            part += len(data)
        inner = value_at(data, (part,))
        if inner is UNSET:
            below, inner = self.make(None), None
        else:
            below = shade.child(part)
        return shade.under({part: self._placed(below, inner, path[1:], arrived)})


def merged(shade: Shade, existing: Any, arrived: Shade, incoming: Any) -> Shade:
    """See `engine.core.merge.merge`."""
    if isinstance(existing, dict) and isinstance(incoming, dict):
        members: dict[str | int, Shade] = {}
        for key, value in incoming.items():
            before = existing.get(key)
            part = arrived.child(key)
            is_deep = isinstance(before, dict) and isinstance(value, dict)
            if is_deep or (isinstance(before, list) and isinstance(value, list)):
                part = merged(shade.child(key), before, part, value)
            members[key] = part
        return shade.under(members) if members else shade
    if isinstance(existing, list) and isinstance(incoming, list):
        return _unique(shade, existing, arrived, incoming)
    return arrived


def _unique(shade: Shade, existing: list[Any], arrived: Shade, incoming: list[Any]) -> Shade:
    kept: list[tuple[Shade, int]] = []
    seen = set()
    for side, values in ((shade, existing), (arrived, incoming)):
        for place, value in enumerate(values):
            key = identity(value)
            if key not in seen:
                seen.add(key)
                kept.append((side, place))
    ours = len(existing)
    as_it_was = kept[:ours] == [(shade, place) for place in range(ours)]
    members: dict[str | int, Shade] = {
        number: side.child(place)
        for number, (side, place) in enumerate(kept)
        if not (as_it_was and number < ours)
    }
    return shade.under(members, len(kept)) if members or not as_it_was else shade
