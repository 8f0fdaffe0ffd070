"""Numbers of the API, and of an engine in the same program, for /metrics."""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.exposition import generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
PlatformCollector(registry=REGISTRY)

REQUESTS = Histogram(
    "refold_http_request_seconds",
    "Seconds from the head of a request to its answer, by route and status.",
    ("route", "status"),
    registry=REGISTRY,
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
)

_GAUGES = frozenset({"actions_in_flight", "hot_executions", "owned_shards"})
"""Counts of what is there now; all others only grow."""


class EngineCollector(Collector):
    """What an engine counts, read when somebody asks."""

    def __init__(self, counts: Callable[[], Mapping[str, int]]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[Metric]:
        """One metric for each count."""
        for name, value in self._counts().items():
            family = GaugeMetricFamily if name in _GAUGES else CounterMetricFamily
            yield family(f"refold_engine_{name}", name.replace("_", " "), value=value)


def watch_engine(counts: Callable[[], Mapping[str, int]]) -> Callable[[], None]:
    """Show these counts too; returns what ends it."""
    collector = EngineCollector(counts)
    REGISTRY.register(collector)
    return lambda: REGISTRY.unregister(collector)


def exposition() -> bytes:
    """The text of /metrics."""
    return generate_latest(REGISTRY)
