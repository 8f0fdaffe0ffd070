"""What the API asks of whoever makes impact reports."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

from engine.core.timetravel.impact_tally import Tally
from engine.model.errors import RefoldError


class ImpactBusy(RefoldError):
    """A report is being made; there is one at a time."""

    code = "impact.busy"


@dataclass(frozen=True)
class Question:
    """Which executions of `workflow` (started from `since_ms` to before `before_ms`, the newest
    `limit`; of these versions, with these statuses; None: any) a new version is to be tried on."""

    namespace: str
    workflow: str
    versions: Sequence[str] | None
    statuses: Sequence[str] | None
    since_ms: int
    before_ms: int
    limit: int
    source: bytes
    media_type: str
    resources: dict[str, bytes]


@dataclass(frozen=True)
class Progress:
    """How many executions were looked at, and how many of these the new version changes."""

    done: int
    total: int
    changed: int


class ImpactReports(Protocol):
    """Makes reports, one at a time."""

    def report(self, question: Question) -> AsyncGenerator[Progress | Tally, None]:
        """Progress from time to time, then the sum. What works for it ends with the iterator.
        Raises ImpactBusy, Unavailable."""
