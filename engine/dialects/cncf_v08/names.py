"""Names resolve: functions, events, retries, errors and states by the names that authors gave."""

from collections.abc import Iterable
from typing import Generic, TypeVar

from engine.dialects.cncf_v08.findings import Findings

T = TypeVar("T")


class Table(Generic[T]):
    """Named definitions of one kind, and where each stands."""

    def __init__(
        self, kind: str, entries: Iterable[tuple[str, str, T]], findings: Findings,
        *, complete: bool = True,
    ) -> None:  # fmt: skip
        """`entries`: name, pointer, definition. Two of the same name are a fault."""
        self._kind = kind
        self._findings = findings
        self._complete = complete
        self._known: dict[str, tuple[str, T]] = {}
        for name, pointer, entry in entries:
            if name in self._known:
                findings.error(
                    "definition.name.duplicate",
                    f"{pointer}/name",
                    f"two of the {kind}s are called {name!r}; rename one of them",
                )
            else:
                self._known[name] = (pointer, entry)

    def __contains__(self, name: str) -> bool:
        return name in self._known

    def find(self, name: str, pointer: str) -> T | None:
        """The definition that `pointer` refers to. None: a fault was reported."""
        found = self.located(name, pointer)
        return None if found is None else found[1]

    def located(self, name: str, pointer: str) -> tuple[str, T] | None:
        """The definition with its own pointer. None: a fault was reported."""
        if name in self._known:
            return self._known[name]
        if self._complete:
            hint = self._findings.suggestion(name, self._known)
            message = f"there is no {self._kind} {name!r}; {hint}"
            self._findings.error(f"definition.{self._kind}.unknown", pointer, message)
        return None
