"""What an engine counts."""

from dataclasses import dataclass

import msgspec


class Counters(msgspec.Struct, frozen=True):
    """Counts since the engine started, and what is in memory now. `appended_bytes`: of event data.
    `loop_failures`: rounds of background work that failed and were tried again."""

    steps: int
    events: int
    commits: int
    appended_bytes: int
    rejections: int
    fenced: int
    unknown_outcomes: int
    quarantined: int
    loop_failures: int
    actions_started: int
    cloudevents_matched: int
    cloudevents_published: int
    snapshots: int
    kept_snapshots: int
    loads: int
    evaluations: int
    actions_in_flight: int
    hot_executions: int
    owned_shards: int


@dataclass(slots=True)
class Tally:
    """The counts while they grow."""

    steps: int = 0
    events: int = 0
    commits: int = 0
    appended_bytes: int = 0
    rejections: int = 0
    fenced: int = 0
    unknown_outcomes: int = 0
    quarantined: int = 0
    loop_failures: int = 0
    actions_started: int = 0
    cloudevents_matched: int = 0
    cloudevents_published: int = 0
    snapshots: int = 0
    kept_snapshots: int = 0
    loads: int = 0
    evaluations: int = 0

    def counters(self, *, in_flight: int, hot: int, shards: int) -> Counters:
        """The counts now."""
        counts = {name: getattr(self, name) for name in self.__slots__}
        return Counters(
            **counts, actions_in_flight=in_flight, hot_executions=hot, owned_shards=shards
        )
