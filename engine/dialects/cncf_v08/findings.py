"""Collects the faults of a definition while it is read, so that all are reported at once."""

from collections.abc import Collection, Iterable
from difflib import get_close_matches
from itertools import islice
from typing import Final

from engine.dialects.source import Fault, Severity, Source

_SHOWN_NAMES: Final = 8
_COMPARED: Final = 50
_COMPARED_NAMES: Final = 200
_COMPARED_CHARACTERS: Final = 64
_MAX_FAULTS: Final = 1_000


class Findings:
    """Faults, and the expressions that only libjq can judge.

    A pointer into the definition is plain (`/states/0/name`); one into a resource has the URI and
    `#` before it.
    """

    def __init__(self, definition: Source) -> None:
        self._sources: dict[str, Source] = {"": definition}
        self._faults: list[Fault] = []
        self._muted: list[str] = []
        self._suggestions = 0
        self._unjudged: dict[tuple[str, str], Fault] = {}

    def add_source(self, uri: str, source: Source) -> None:
        """Makes pointers into a resource known."""
        self._sources[uri] = source

    def error(self, code: str, pointer: str, message: str, *, at_key: bool = False) -> None:
        """Something that refuses the definition. `at_key`: the member's name is at fault."""
        self._add("error", code, pointer, message, at_key)

    def warn(self, code: str, pointer: str, message: str) -> None:
        """Something that the author should know."""
        self._add("warning", code, pointer, message, at_key=False)

    def take(self, fault: Fault) -> None:
        """A fault that was found elsewhere."""
        self._faults.append(fault)

    def leave_to_libjq(self, pointer: str, source: str) -> None:
        """This expression is more than we can judge."""
        message = f"{source!r:.80} is no jq program"
        fault = self._fault("error", "definition.expression.syntax", pointer, message, at_key=False)
        self._unjudged[pointer, source] = fault

    @property
    def unjudged(self) -> dict[tuple[str, str], Fault]:
        """The expressions that libjq must judge: (pointer, source) -> the fault if it refuses."""
        return self._unjudged

    def suggestion(self, name: str, known: Collection[str]) -> str:
        """The end of a sentence about an unknown name: the nearest known one, or some that exist.
        Comparing costs time, and the names are whoever's: only the first are compared."""
        self._suggestions += 1
        if self._suggestions <= _COMPARED and len(name) <= _COMPARED_CHARACTERS:
            names = list(islice(known, _COMPARED_NAMES))
            lower = {one.lower(): one for one in names}
            near = get_close_matches(name, names, n=1, cutoff=0.6)
            if found := near or [lower[key] for key in [name.lower()] if key in lower]:
                return f"did you mean {found[0]!r}?"
        shown = list(islice(known, _SHOWN_NAMES + 1))
        if not shown:
            return "none is defined"
        listed = ", ".join(repr(one) for one in shown[:_SHOWN_NAMES])
        return f"known are {listed}" + (" ..." if len(shown) > _SHOWN_NAMES else "")

    def mute(self, pointer: str) -> None:
        """Report nothing more about this part: what is wrong with it was said."""
        self._muted.append(pointer)

    @property
    def refused(self) -> bool:
        return any(fault.severity == "error" for fault in self._faults)

    def sorted(self) -> tuple[Fault, ...]:
        """Each fault once, those of the definition first, by place; errors and then warnings are
        cut off after a thousand."""
        unique = list(dict.fromkeys(in_order(self._faults)))
        if len(unique) > _MAX_FAULTS:
            unique.sort(key=lambda one: one.severity)
        return tuple(unique[:_MAX_FAULTS])

    def _add(self, severity: Severity, code: str, pointer: str, message: str, at_key: bool) -> None:
        if any(pointer == muted or pointer.startswith(f"{muted}/") for muted in self._muted):
            return
        self._faults.append(self._fault(severity, code, pointer, message, at_key=at_key))

    def _fault(
        self, severity: Severity, code: str, pointer: str, message: str, *, at_key: bool
    ) -> Fault:
        document, inner = self._split(pointer)
        source = self._sources[document]
        line, column = source.key_place(inner) if at_key else source.place(inner)
        return Fault(code, message, inner, line, column, severity, document)

    def _split(self, pointer: str) -> tuple[str, str]:
        for uri in self._sources:
            if uri and pointer.startswith(f"{uri}#"):
                return uri, pointer[len(uri) + 1 :]
        return "", pointer


def in_order(faults: Iterable[Fault]) -> tuple[Fault, ...]:
    """Faults by document (the definition first) and place."""
    return tuple(
        sorted(faults, key=lambda one: (one.document, one.line, one.column, one.pointer, one.code))
    )
