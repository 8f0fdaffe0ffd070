"""What the world outside was told: the measure of what may be lost.

Kept in the memory of the test, which nothing kills.
"""

from dataclasses import dataclass, field


@dataclass
class Start:
    """A start by API. `execution`: the id that was answered; `ids`: every id ever answered."""

    key: str
    workflow: str
    op: str
    execution: str | None = None
    ids: set[str] = field(default_factory=set)


@dataclass
class Published:
    """A CloudEvent. `acked`: HTTP answered 202 or JetStream acknowledged; `at` is when."""

    id: str
    type: str
    op: str
    via: str
    acked: bool = False
    at: float = 0.0


@dataclass(frozen=True)
class Arrival:
    """A call that reached a service. `seen`: whether its intent was in the log at this moment;
    None where the database did not answer."""

    op: str
    key: str
    attempt: int
    at: float
    seen: bool | None


@dataclass
class Journal:
    """Everything of one run. `ops`: operation -> its workflow. `wipes`: when NATS lost all;
    `cancelled`: operations that somebody asked to cancel; `unseen`: what was
    answered wrongly about executions that had been accepted."""

    ops: dict[str, str] = field(default_factory=dict)
    starts: dict[str, Start] = field(default_factory=dict)
    events: dict[str, Published] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    wipes: list[float] = field(default_factory=list)
    cancelled: set[str] = field(default_factory=set)
    unseen: list[str] = field(default_factory=list)
    offered: int = 0
    succeeded: int = 0
    failures: list[str] = field(default_factory=list)
    wiped_events: int = 0
